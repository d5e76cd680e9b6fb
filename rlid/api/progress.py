"""How far a measurement is, as one line below the cell of a notebook, which is renewed."""

from __future__ import annotations

import html
import importlib
import sys
import time
from collections.abc import Callable
from typing import Any

from rlid.dimension import Estimate
from rlid.errors import visible
from rlid.measurement import Watcher, answer, duration
from rlid.records import Record

INTERVAL = 1.0
"""Seconds between two estimates, each of which takes some milliseconds."""


def is_notebook() -> bool:
    """Return whether a kernel of Jupyter runs this process."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return shell is not None and getattr(shell, "kernel", None) is not None


class ProgressLine(Watcher):
    """Shows the time, the trials that are done, and the answer so far; news are lines above it."""

    def __init__(self) -> None:
        """Start the clock."""
        self._started = self._estimated = time.monotonic()
        self._asked = self._done = 0
        self._answer = ""
        self._handle: Any = None

    def note(self, text: str) -> None:
        """Show a line of news."""
        display = importlib.import_module("IPython.display")
        display.display(self._line(display, text))

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
            reason = record.reason.partition("\n")[0] or record.status
            self.note(f"missing trial (d = {record.spec.d}, seed {record.spec.seed}): {reason}")
        self._show()

    def close(self) -> None:
        """Show how long it took, where there was a trial."""
        if self._done:
            self._show()

    @property
    def text(self) -> str:
        """The line as it stands."""
        elapsed = duration(time.monotonic() - self._started)
        return f"{elapsed} · {self._done}/{self._asked} trials{self._answer}"

    def _show(self) -> None:
        display = importlib.import_module("IPython.display")
        content = self._line(display, self.text)
        if self._handle is None:
            self._handle = display.display(content, display_id=True)
        else:
            self._handle.update(content)

    def _line(self, display: Any, text: str) -> Any:
        return display.HTML(f"<code>{html.escape(visible(text))}</code>")
