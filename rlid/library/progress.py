"""How far a measurement is, as one line that a notebook renews, or as lines on standard error."""

from __future__ import annotations

import html
import importlib
import sys
import time
from collections.abc import Callable
from typing import Any

from rlid.dimension import Estimate
from rlid.measurement import Watcher, answer, duration
from rlid.records import Record

INTERVAL = 1.0
"""Seconds between two estimates, each of which takes some milliseconds."""
LINE_INTERVAL = 5.0
"""Seconds between two lines on standard error."""


def is_notebook() -> bool:
    """Return whether a kernel of Jupyter runs this process."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return shell is not None and getattr(shell, "kernel", None) is not None


class ProgressLine(Watcher):
    """Shows the time, the trials that are done, and the answer so far."""

    def __init__(self) -> None:
        """Start the clock."""
        self._started = self._estimated = self._shown = time.monotonic()
        self._asked = self._done = 0
        self._answer = ""
        self._handle: Any = None
        self._is_notebook = is_notebook()

    def note(self, text: str) -> None:
        """Print a line of news."""
        print(text, file=sys.stderr, flush=True)

    def round(self, asked: int, new: int) -> None:
        """Count the trials of a new round."""
        self._asked = max(self._asked, self._done + new)
        self._show()

    def trial(self, record: Record, estimate: Callable[[], Estimate] | None) -> None:
        """Count a trial that has ended; renew the answer once a second."""
        self._done += 1
        self._asked = max(self._asked, self._done)
        is_last = self._done == self._asked
        if estimate is not None and (is_last or time.monotonic() - self._estimated > INTERVAL):
            self._answer = f" · {answer(estimate())}"
            self._estimated = time.monotonic()
        if record.is_missing:
            self.note(
                f"missing trial (d = {record.spec.d}, seed {record.spec.seed}): "
                f"{record.reason.splitlines()[0] if record.reason else record.status}"
            )
        self._show(is_last)

    def close(self) -> None:
        """Show how long it took, where there was a trial."""
        if self._done:
            self._show(is_last=True)

    @property
    def text(self) -> str:
        """The line as it stands."""
        elapsed = duration(time.monotonic() - self._started)
        return f"{elapsed} · {self._done}/{self._asked} trials{self._answer}"

    def _show(self, is_last: bool = False) -> None:
        if not self._is_notebook:
            if is_last or time.monotonic() - self._shown > LINE_INTERVAL:
                self._shown = time.monotonic()
                self.note(self.text)
            return
        display = importlib.import_module("IPython.display")
        content = display.HTML(f"<code>{html.escape(self.text)}</code>")
        if self._handle is None:
            self._handle = display.display(content, display_id=True)
        else:
            self._handle.update(content)
