"""Processes that an environment has started inside a worker: they end with the worker.

A mark in the environment variables of a worker is inherited by every process that it starts,
however far that one detaches itself. What is left of a worker is found by its mark in /proc; on
other systems a worker has a process group of its own. This file also runs as a script, in a process
that waits for the death of the engine: it needs the standard library alone.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

MARK = "RLID_WORKER"
"""The environment variable that holds the mark."""
PASSES = 5
"""How often to look for processes that were started while others were ended."""


def end_marked(mark: str) -> None:
    """Kill every process of this user whose mark begins with `mark`, except this one."""
    sought = f"{MARK}={mark}".encode()
    for _ in range(PASSES):
        marked = [pid for pid in _processes() if _has(pid, sought)]
        if not marked:
            return
        for pid in marked:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)


def _processes() -> list[int]:
    try:
        names = os.listdir("/proc")
    except OSError:
        return []  # not Linux
    return [int(name) for name in names if name.isdigit() and int(name) != os.getpid()]


def _has(pid: int, sought: bytes) -> bool:
    try:
        variables = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return False
    return any(variable.startswith(sought) for variable in variables.split(b"\0"))


def end_group(pid: int) -> None:
    """Kill the process group of a worker, where there is no /proc to look for its mark in."""
    if sys.platform != "linux":
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)


class Undertaker:
    """A process that ends what is left of the workers when this process is gone."""

    def __init__(self, mark: str) -> None:
        """Start it; `mark` begins the marks of all workers."""
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__, mark],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=os.sep,
            start_new_session=True,
        )

    def close(self) -> None:
        """Have it look once more, and end."""
        self._process.communicate()


if __name__ == "__main__":
    sys.stdin.buffer.read()
    end_marked(sys.argv[1])
