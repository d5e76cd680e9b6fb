"""Worker processes: how they are spawned, and how they settle in before their first job."""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import os
import resource
import signal
import sys
import threading
import time
import types
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

from rlid.agent import AGENTS
from rlid.task import TASKS

HANG_SIGNAL = signal.SIGUSR1
"""Makes a worker print where it is."""
PARENT_INTERVAL = 1.0
"""Seconds between two looks at whether the parent still lives, where the system does not tell."""
PR_SET_PDEATHSIG = 1
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""What numpy's libraries read when they are loaded: how many threads they take."""
MEMORY_SHARE = 0.9
"""Of the machine's memory, for all workers together."""
_LOCK = threading.Lock()


class WorkerProcess(SpawnProcess):
    """A spawned process to which `__main__` is a blank module.

    Python imports the parent's script in every spawned process, so that a script which measures
    something would measure it again there, unless it hides that behind `if __name__ ==
    "__main__"`. A worker needs the script only when it registers tasks or agents of its own.
    """

    @staticmethod
    def _Popen(process_obj: Any) -> Any:  # noqa: N802 (multiprocessing's name)
        with _LOCK, _inherited(), contextlib.nullcontext() if _is_needed() else _blank_main():
            return SpawnProcess._Popen(process_obj)


def settle(parent: int, output: str, memory: int | None) -> None:
    """Prepare this new process for its work.

    It does not outlive its parent and leaves interrupts to it; it reads nothing and prints into
    the file `output`, whose last lines tell of a crash, or of where it was at HANG_SIGNAL; it
    gets at most `memory` bytes.
    """
    die_with(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    silent = os.open(os.devnull, os.O_RDONLY)
    printed = os.open(output, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    for old, new in ((silent, 0), (printed, 1), (printed, 2)):
        os.dup2(old, new)
    for one in (silent, printed):
        if one > 2:  # unless a stream was closed, and this is it
            os.close(one)
    faulthandler.enable()
    faulthandler.register(HANG_SIGNAL, all_threads=False)
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    if memory is not None:
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        limit = memory if hard == resource.RLIM_INFINITY else min(memory, hard)
        resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))


def die_with(parent: int) -> None:
    """See to it that this process ends when its parent does, however that happens."""
    if sys.platform == "linux":
        # At once, and even while a library holds the interpreter.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(PARENT_INTERVAL)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def fair_memory(jobs: int) -> int:
    """Return the bytes that one of `jobs` workers may have: an equal share of this machine's."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    with contextlib.suppress(OSError, ValueError):
        total = min(total, int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return int(MEMORY_SHARE * total / jobs)


def _is_needed() -> bool:
    things = [entry.load() for entry in (*TASKS.entries(), *AGENTS.entries())]
    return any(getattr(thing, "__module__", "") == "__main__" for thing in things)


@contextmanager
def _blank_main() -> Iterator[None]:
    main = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


@contextmanager
def _inherited() -> Iterator[None]:
    """Give a new process what must hold before its first import.

    An interrupt from the terminal would end it with a traceback there. The eigenvectors of a matrix
    of 256 rows differ in their last bits between one thread and two, and with them all that CMA-ES
    samples: a trial would depend on the machine's cores.
    """
    before = {name: os.environ.get(name) for name in THREADS}
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    os.environ.update(dict.fromkeys(THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
