"""What depends on the operating system: the cores there are, and how processes end."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import threading
import time

PARENT_INTERVAL = 1.0
"""Seconds between two looks at whether the parent still lives, where the system does not tell."""
PR_SET_PDEATHSIG = 1
"""The number of Linux's prctl option that sets the signal sent at the parent's death."""


def cores() -> int:
    """Return how many cores this process may use."""
    # macOS does not say which cores a process may use.
    allowed = getattr(os, "sched_getaffinity", None)
    return len(allowed(0)) if allowed is not None else os.cpu_count() or 1


def die_with(parent: int) -> None:
    """Make this process end when its parent, the process `parent`, does, however that happens."""
    if sys.platform == "linux":
        # The kernel acts at once, even while a library holds the interpreter.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() == parent:
            return

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(PARENT_INTERVAL)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def cause_of_end(code: int | None) -> str:
    """Return in words how a process ended; a negative code is the number of a signal."""
    if code is None or code >= 0:
        return f"exit code {code}"
    with contextlib.suppress(ValueError):
        return f"killed by {signal.Signals(-code).name}"
    return f"killed by signal {-code}"
