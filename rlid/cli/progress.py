"""The progress of a measurement on standard error: a bar on a terminal, lines elsewhere."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable

from rich.console import Console

from rlid.dimension import Estimate
from rlid.measurement import Watcher, answer
from rlid.records import Record

LINE_INTERVAL = 5.0
"""Seconds between two plain lines of progress."""
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


class PlainWatcher(Watcher):
    """Shows progress as lines."""

    def __init__(self) -> None:
        """Start the clock."""
        self._started = self._last = time.monotonic()
        self._asked = self._done = 0

    def note(self, text: str) -> None:
        """Print a line."""
        print(text, file=sys.stderr, flush=True)

    def round(self, asked: int, new: int) -> None:
        """Count the trials of a new round."""
        self._asked, self._done = asked, asked - new

    def trial(self, record: Record, estimate: Callable[[], Estimate] | None) -> None:
        """Print a line, unless one was printed within LINE_INTERVAL and more trials are to come."""
        self._done += 1
        if record.is_missing:
            self.note(failure(record))
        now = time.monotonic()
        if self._done < self._asked and now - self._last < LINE_INTERVAL:
            return
        self._last = now
        standing = "" if estimate is None else f" · {answer(estimate())}"
        self.note(f"{now - self._started:6.0f} s · {self._done}/{self._asked} trials{standing}")


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
        self._task = self._progress.add_task("starting", total=None)
        self._last = -ESTIMATE_INTERVAL
        self._progress.start()

    def note(self, text: str) -> None:
        """Print a line above the bar."""
        self._progress.console.print(text, highlight=False, markup=False, soft_wrap=True)

    def round(self, asked: int, new: int) -> None:
        """Lengthen the bar."""
        self._progress.update(self._task, total=asked, completed=asked - new)

    def trial(self, record: Record, estimate: Callable[[], Estimate] | None) -> None:
        """Advance the bar."""
        if record.is_missing:
            self.note(failure(record))
        self._progress.update(self._task, advance=1)
        if time.monotonic() - self._last >= ESTIMATE_INTERVAL:
            standing = "" if estimate is None else answer(estimate())
            self._progress.update(self._task, description=standing)
            self._last = time.monotonic()

    def close(self) -> None:
        """Remove the bar."""
        self._progress.stop()


def failure(record: Record) -> str:
    """Return in one line which trial is missing, and why."""
    spec = record.spec
    reason = (record.reason.splitlines() or ["no reason was recorded"])[0]
    trial = f"{spec.task} · {spec.agent} · d = {spec.d}, seed {spec.seed}"
    return f"{trial} failed: {record.status}: {reason}"
