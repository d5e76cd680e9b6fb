"""The progress of a measurement on standard error: a bar on a terminal, lines elsewhere."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from rlid.cli.counter import Counter, Forecast
from rlid.cli.options import DEFAULT_STORE
from rlid.cli.terminal import one_line, say, say_above
from rlid.dimension import Estimate
from rlid.measurement import Plan, Watcher, answer, count, duration
from rlid.records import Record, Standing

LINE_INTERVAL = 5.0
"""Seconds between two plain lines of progress."""
SILENCE = 60.0
"""Seconds after which a plain line is printed though no trial has ended."""
ESTIMATE_INTERVAL = 1.0
"""Seconds between two estimates beside the bar: an estimate takes some milliseconds."""
LONG = 10.0
"""Seconds after which a run is told how long it is expected to take."""


def is_plain() -> bool:
    """Whether progress is to be shown as lines: no terminal, or a CI system."""
    return not sys.stderr.isatty() or bool(os.environ.get("CI"))


def watcher(*, quiet: bool, plan: Plan | None = None, store: Path = DEFAULT_STORE) -> Watcher:
    """Return a watcher that shows the progress on standard error; a silent one where `quiet`.

    Args:
        quiet: whether nothing is to be shown.
        plan: the measurement, whose search is simulated once the run takes long; None for a run
            that is no search.
        store: where its trials are.
    """
    if quiet:
        return Watcher()
    forecast = None if plan is None else Forecast(plan, store)
    return PlainWatcher(forecast=forecast) if is_plain() else BarWatcher(forecast)


class PlainWatcher(Watcher):
    """Shows progress as lines: at a trial's end, and every SILENCE seconds."""

    def __init__(self, silence: float | None = None, forecast: Forecast | None = None) -> None:
        """Start the clock.

        Args:
            silence: seconds after which a line comes though no trial has ended; None for SILENCE.
            forecast: tells how many trials lie ahead; None for a run that is no search.
        """
        self._counter = Counter()
        self._forecast = forecast
        self._last = time.monotonic()
        self._standing = ""
        self._silence = SILENCE if silence is None else silence
        self._is_over = threading.Event()
        threading.Thread(target=self._break_silence, daemon=True).start()

    def note(self, text: str) -> None:
        """Print a line."""
        say(text, error=True)

    def round(self, asked: int, new: int) -> None:
        """Count the trials of a new round."""
        self._counter.ask(new)

    def trial(self, record: Record, estimate: Callable[[], Estimate] | None) -> None:
        """Print a line, unless one was printed within LINE_INTERVAL and more trials are to come."""
        self._counter.end(record.key)
        if record.is_missing:
            self.note(failure(record))
        self._look_ahead()
        is_last = self._counter.done == self._counter.asked
        if not is_last and time.monotonic() - self._last < LINE_INTERVAL:
            return
        self._standing = "" if estimate is None else f" · {answer(estimate())}"
        self._say()

    def stand(self, standings: Sequence[Standing]) -> None:
        """Note where trials under way stand, for the next line."""
        self._counter.stand(standings)
        self._look_ahead()

    def close(self) -> None:
        """Print how long it took, where trials were run."""
        if not self._is_over.is_set() and self._counter.done:
            ended = count(self._counter.done, "trial")
            self.note(f"{duration(self._counter.seconds):>12} · {ended} run")
        self._is_over.set()

    def _look_ahead(self) -> None:
        if self._forecast is not None and self._counter.seconds >= LONG:
            self._forecast.begin(self._counter, self._tell_expectation)

    def _tell_expectation(self, line: str) -> None:
        if line and not self._is_over.is_set():
            self.note(line)

    def _say(self) -> None:
        self._last = time.monotonic()
        self.note(f"{self._counter}{self._standing}{self._counter.left}")
        if running := self._counter.running:
            self.note(f"{'':>12}   {running}")

    def _break_silence(self) -> None:
        """Print where it stands whenever nothing was said for so long."""
        while not self._is_over.wait(max(0.01, self._last + self._silence - time.monotonic())):
            if self._counter.asked and time.monotonic() - self._last >= self._silence:
                self._say()
            elif time.monotonic() - self._last >= self._silence:
                self._last = time.monotonic()


class BarWatcher(Watcher):
    """Shows progress as a bar that is redrawn in place."""

    def __init__(self, forecast: Forecast | None = None) -> None:
        """Draw the bar; `forecast` tells how many trials lie ahead."""
        from rlid.cli.bar import Bar

        self._progress = Bar()
        self._counter = Counter()
        self._forecast = forecast
        self._task = self._progress.add_task("starting", total=None)
        self._last = -ESTIMATE_INTERVAL
        self._answer = ""
        self._is_over = False
        self._progress.start()

    def note(self, text: str) -> None:
        """Print a line above the bar."""
        say_above(self._progress.console, text)

    def round(self, asked: int, new: int) -> None:
        """Lengthen the bar."""
        self._counter.ask(new)
        self._draw()

    def trial(self, record: Record, estimate: Callable[[], Estimate] | None) -> None:
        """Advance the bar."""
        if record.is_missing:
            self.note(failure(record))
        self._counter.end(record.key)
        if estimate is not None and time.monotonic() - self._last >= ESTIMATE_INTERVAL:
            self._answer = answer(estimate())
            self._last = time.monotonic()
        self._look_ahead()
        self._draw()

    def stand(self, standings: Sequence[Standing]) -> None:
        """Show where trials under way stand."""
        self._counter.stand(standings)
        self._look_ahead()
        self._draw()

    def close(self) -> None:
        """Remove the bar; print how long it took, where trials were run."""
        self._progress.stop()
        if not self._is_over and self._counter.done:
            self.note(f"{count(self._counter.done, 'trial')} in {duration(self._counter.seconds)}")
        self._is_over = True

    def _look_ahead(self) -> None:
        if self._forecast is not None and self._counter.seconds >= LONG:
            self._forecast.begin(self._counter, self._tell_expectation)

    def _tell_expectation(self, line: str) -> None:
        if line and not self._is_over:
            self.note(line)

    def _draw(self) -> None:
        counter = self._counter
        words = [counter.left.removeprefix(" · "), self._answer]
        self._progress.below = one_line(counter.running)
        self._progress.update(
            self._task,
            completed=counter.progress,
            total=counter.asked,
            description=one_line(" · ".join(word for word in words if word)),
        )


def failure(record: Record) -> str:
    """Return in one line which trial is missing, and why."""
    spec = record.spec
    reason = (record.reason.splitlines() or ["no reason was recorded"])[0]
    trial = f"{spec.task} · {spec.agent} · d = {spec.d}, seed {spec.seed}"
    return f"{trial} failed: {record.status}: {reason}"
