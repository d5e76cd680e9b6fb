"""The progress of a measurement on standard error: a bar on a terminal, lines elsewhere."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable

from rich.console import Console

from rlid.cli.terminal import say, say_above
from rlid.dimension import Estimate
from rlid.measurement import Watcher, answer, count, duration
from rlid.records import Record

LINE_INTERVAL = 5.0
"""Seconds between two plain lines of progress."""
SILENCE = 60.0
"""Seconds after which a plain line is printed though no trial has ended."""
ESTIMATE_INTERVAL = 1.0
"""Seconds between two estimates beside the bar: an estimate takes some milliseconds."""


def is_plain() -> bool:
    """Whether progress is to be shown as lines: no terminal, or a CI system."""
    return not sys.stderr.isatty() or bool(os.environ.get("CI"))


def watcher(*, quiet: bool) -> Watcher:
    """Return a watcher that shows the progress on standard error; a silent one where `quiet`."""
    if quiet:
        return Watcher()
    return PlainWatcher() if is_plain() else BarWatcher()


class Counter:
    """Counts the trials that run now: neither number ever falls.

    Attributes:
        asked: trials that were asked so far and were not in the store.
        done: how many of them have ended.
    """

    def __init__(self) -> None:
        """Start the clock, with no trial."""
        self.started = time.monotonic()
        self.asked = self.done = 0

    def ask(self, new: int) -> None:
        """Count so many trials that are to run, of a reference or of a measurement."""
        self.asked = max(self.asked, self.done + new)

    def end(self) -> None:
        """Count a trial that has ended."""
        self.done += 1
        self.asked = max(self.asked, self.done)

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.started

    @property
    def left(self) -> str:
        """How long the trials that are asked so far may still take; "" before the first has ended.

        The search may ask for more.
        """
        if not 0 < self.done < self.asked:
            return ""
        return f" · {duration(self.seconds / self.done * (self.asked - self.done))} left or more"

    def __str__(self) -> str:
        """Return the time and the numbers: "3 min 5 s · 4/10 trials"."""
        noun = "trial" if self.asked == 1 else "trials"
        return f"{duration(self.seconds):>12} · {self.done}/{self.asked} {noun}"


class PlainWatcher(Watcher):
    """Shows progress as lines: at a trial's end, and every SILENCE seconds."""

    def __init__(self, silence: float | None = None) -> None:
        """Start the clock.

        Args:
            silence: seconds after which a line comes though no trial has ended; None for SILENCE.
        """
        self._counter = Counter()
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
        self._counter.end()
        if record.is_missing:
            self.note(failure(record))
        is_last = self._counter.done == self._counter.asked
        if not is_last and time.monotonic() - self._last < LINE_INTERVAL:
            return
        self._standing = "" if estimate is None else f" · {answer(estimate())}"
        self._say()

    def close(self) -> None:
        """Print how long it took, where trials were run."""
        if not self._is_over.is_set() and self._counter.done:
            ended = count(self._counter.done, "trial")
            self.note(f"{duration(self._counter.seconds):>12} · {ended} run")
        self._is_over.set()

    def _say(self) -> None:
        self._last = time.monotonic()
        self.note(f"{self._counter}{self._standing}{self._counter.left}")

    def _break_silence(self) -> None:
        """Print where it stands whenever nothing was said for so long."""
        while not self._is_over.wait(max(0.01, self._last + self._silence - time.monotonic())):
            if self._counter.asked and time.monotonic() - self._last >= self._silence:
                self._say()
            elif time.monotonic() - self._last >= self._silence:
                self._last = time.monotonic()


class BarWatcher(Watcher):
    """Shows progress as a bar that is redrawn in place."""

    def __init__(self) -> None:
        """Draw the bar."""
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
        from rich.progress import TimeElapsedColumn as Elapsed

        self._progress = Progress(
            Elapsed(),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TextColumn("trials · {task.description}"),
            console=Console(stderr=True),
            transient=True,
        )
        self._counter = Counter()
        self._task = self._progress.add_task("starting", total=None)
        self._last = -ESTIMATE_INTERVAL
        self._is_over = False
        self._progress.start()

    def note(self, text: str) -> None:
        """Print a line above the bar."""
        say_above(self._progress.console, text)

    def round(self, asked: int, new: int) -> None:
        """Lengthen the bar."""
        self._counter.ask(new)
        self._progress.update(self._task, total=self._counter.asked)

    def trial(self, record: Record, estimate: Callable[[], Estimate] | None) -> None:
        """Advance the bar."""
        if record.is_missing:
            self.note(failure(record))
        self._counter.end()
        self._progress.update(self._task, completed=self._counter.done, total=self._counter.asked)
        if time.monotonic() - self._last >= ESTIMATE_INTERVAL:
            standing = "" if estimate is None else answer(estimate())
            self._progress.update(self._task, description=f"{standing}{self._counter.left}")
            self._last = time.monotonic()

    def close(self) -> None:
        """Remove the bar; print how long it took, where trials were run."""
        self._progress.stop()
        if not self._is_over and self._counter.done:
            self.note(f"{count(self._counter.done, 'trial')} in {duration(self._counter.seconds)}")
        self._is_over = True


def failure(record: Record) -> str:
    """Return in one line which trial is missing, and why."""
    spec = record.spec
    reason = (record.reason.splitlines() or ["no reason was recorded"])[0]
    trial = f"{spec.task} · {spec.agent} · d = {spec.d}, seed {spec.seed}"
    return f"{trial} failed: {record.status}: {reason}"
