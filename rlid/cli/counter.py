"""The numbers of a run's progress: trials done and asked, where those under way stand, time left.

No number ever falls, and neither does the time left jump where a search asks for another round:
once a run takes long, the trials that its search is expected to ask for are counted.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from rlid.measurement import count, duration

if TYPE_CHECKING:
    from pathlib import Path

    from rlid.measurement import Plan
    from rlid.records import Standing

MOST_SHOWN = 3
"""Trials under way that a line names."""
SIMULATION_SECONDS = 2.0


class Counter:
    """Counts the trials that run now: neither number ever falls.

    Attributes:
        asked: trials that were asked so far and were not in the store.
        done: how many of them have ended.
        expected: how many trials there will be when the run is over, and 90 % quantile; None where
            that has not been simulated.
    """

    def __init__(self) -> None:
        """Start the clock, with no trial."""
        self.started = time.monotonic()
        self.asked = self.done = 0
        self.expected: tuple[float, float] | None = None
        self._standings: dict[str, Standing] = {}

    def ask(self, new: int) -> None:
        """Count so many trials that are to run, of a reference or of a measurement."""
        self.asked = max(self.asked, self.done + new)

    def end(self, key: str = "") -> None:
        """Count a trial that has ended, by the key of its spec."""
        self.done += 1
        self.asked = max(self.asked, self.done)
        self._standings.pop(key, None)

    def stand(self, standings: Sequence[Standing]) -> None:
        """Note where trials under way stand."""
        self._standings |= {standing.key: standing for standing in standings}

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.started

    @property
    def progress(self) -> float:
        """Trials that have ended, and the shares of those under way."""
        return self.done + sum(standing.share for standing in self._standings.values())

    def seconds_for(self, trials: float) -> float | None:
        """Return how long so many trials take at the pace so far; None before there is any."""
        progress = self.progress
        return self.seconds / progress * trials if progress > 0 else None

    @property
    def left(self) -> str:
        """How long the trials may still take; "" before there is a pace, and at the end."""
        total = max(self.asked, self.expected[0] if self.expected else 0.0)
        seconds = self.seconds_for(max(0.0, total - self.progress))
        if self.done >= self.asked or seconds is None:
            return ""
        if self.expected:
            return f" · about {duration(seconds)} left"
        # The search may ask for more.
        return f" · {duration(seconds)} left or more"

    @property
    def running(self) -> str:
        """Where the trials under way stand that have run for some time; "" without any."""
        ordered = sorted(self._standings.values(), key=lambda standing: -standing.share)
        texts = [_words(standing) for standing in ordered[:MOST_SHOWN]]
        more = len(ordered) - len(texts)
        return "; ".join(texts) + (f"; {more} more" if more else "")

    def __str__(self) -> str:
        """Return the time and the numbers: "3 min 5 s · 4/10 trials"."""
        noun = "trial" if self.asked == 1 else "trials"
        return f"{duration(self.seconds):>12} · {self.done}/{self.asked} {noun}"


def _words(standing: Standing) -> str:
    best = "" if standing.best is None else f", best {standing.best:.4g}"
    return f"d = {standing.d:,}, seed {standing.seed}: {standing.share:.0%} of its budget{best}"


class Forecast:
    """Simulates a run's search beside it, once, to tell how many trials lie ahead."""

    def __init__(self, plan: Plan, store: Path) -> None:
        """Begin nothing yet."""
        self._plan, self._store = plan, store
        self._is_begun = False

    def begin(self, counter: Counter, tell: Callable[[str], None]) -> None:
        """Simulate in a thread; then count on what is expected, and tell of it in a line.

        Calls after the first do nothing.
        """
        if not self._is_begun:
            self._is_begun = True
            threading.Thread(target=self._run, args=(counter, tell), daemon=True).start()

    def _run(self, counter: Counter, tell: Callable[[str], None]) -> None:
        from rlid.errors import InputError, StoreError
        from rlid.measurement import expected_trials, needs_reference

        # A forecast that cannot be made stops no run; the run itself says what is wrong.
        with suppress(InputError, StoreError):
            is_before = needs_reference(self._plan, self._store)
            done = counter.asked if is_before else counter.done
            median, most = expected_trials(self._plan, self._store, SIMULATION_SECONDS).quantiles(
                1, 1
            )
            counter.expected = done + median, done + most
            tell(expectation(counter))


def expectation(counter: Counter) -> str:
    """Return in one line what a run is expected to take, at its pace so far."""
    if counter.expected is None:
        return ""
    median, most = counter.expected
    seconds = [counter.seconds_for(trials) for trials in (median, most)]
    if seconds[0] is None or seconds[1] is None:
        return ""
    return (
        f"expected: {count(round(median), 'trial')} (90 %: {most:,.0f}), {duration(seconds[0])} "
        f"in all (90 %: {duration(seconds[1])}), by simulated searches and the pace so far"
    )
