"""Worker processes: how they are spawned, and how they settle in before their first job."""

from __future__ import annotations

import contextlib
import faulthandler
import os
import resource
import signal
import sys
import threading
import types
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import current_process, resource_tracker
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

from rlid.engine.leftovers import MARK
from rlid.errors import EngineError
from rlid.operating_system import die_with
from rlid.registry import registers_of

HANG_SIGNAL = signal.SIGUSR1
"""Makes a worker print where it is."""
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""What numpy's libraries read when they are loaded: how many threads they take."""
MEMORY_SHARE = 0.9
"""Of the machine's memory, for all workers together."""
_LOCK = threading.Lock()


class WorkerProcess(SpawnProcess):
    """A spawned process to which `__main__` is a blank module.

    Python imports the parent's script in every spawned process, so that a script which measures
    something would measure it again there, unless it hides that behind `if __name__ ==
    "__main__"`. A worker needs the script only when it registers something of its own: a task, an
    agent, a network, an environment. The process is not daemonic, so that environments may start
    processes.

    Attributes:
        mark: see `rlid.engine.leftovers`.
    """

    mark = ""

    @staticmethod
    def _Popen(process_obj: Any) -> Any:  # noqa: N802 (multiprocessing's name)
        try:
            os.getcwd()
        except FileNotFoundError:
            raise EngineError("the working folder has been deleted: no worker can start") from None
        # Python's tracker of resources serves all workers: it must not bear the mark of one.
        resource_tracker.ensure_running()
        with (
            _LOCK,
            _inherited(process_obj.mark),
            contextlib.nullcontext() if _is_needed() else _blank_main(),
        ):
            return SpawnProcess._Popen(process_obj)


def refuse_while_importing() -> None:
    """Refuse to measure in a worker that imports the parent's script.

    Raises:
        EngineError: this process is such a worker.
    """
    # Only while it imports the parent's script has a process this attribute.
    if getattr(current_process(), "_inheriting", False):
        raise EngineError(
            "a worker imports this script for what it registers, and must not measure: put "
            'the measurement behind `if __name__ == "__main__":`'
        )


def settle(parent: int, output: str, memory: int | None) -> None:
    """Prepare this new process for its work.

    It ends with the process `parent`, ignores interrupts, reads nothing, prints into the file
    `output` and gets at most `memory` bytes. The last lines of the file tell of a crash, or of
    where the process was at HANG_SIGNAL.
    """
    die_with(parent)
    if sys.platform != "linux":
        # What it starts is ended as a group there; see `end_group`.
        os.setpgid(0, 0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    silent = os.open(os.devnull, os.O_RDONLY)
    printed = os.open(output, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    for old, new in ((silent, 0), (printed, 1), (printed, 2)):
        os.dup2(old, new)
    for descriptor in (silent, printed):
        if descriptor > 2:  # else a stream was closed, and this is it
            os.close(descriptor)
    faulthandler.enable()
    faulthandler.register(HANG_SIGNAL, all_threads=False)
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    if memory is not None:
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        limit = memory if hard == resource.RLIM_INFINITY else min(memory, hard)
        resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))


def fair_memory(jobs: int) -> int:
    """Return the bytes that one of `jobs` workers may have: an equal share of this machine's."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    with contextlib.suppress(OSError, ValueError):
        total = min(total, int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return int(MEMORY_SHARE * total / jobs)


def _is_needed() -> bool:
    """Whether the parent's script registers anything that a trial may need."""
    if registers_of("__main__"):
        return True
    specs = sys.modules["gymnasium"].registry.values() if "gymnasium" in sys.modules else ()
    return any(_is_of_script(part) for spec in specs for part in _entry_points(spec))


def _entry_points(spec: Any) -> Iterator[Any]:
    """Yield what gymnasium calls to make an environment: its class, and those of its wrappers."""
    yield spec.entry_point
    yield spec.vector_entry_point
    for wrapper in spec.additional_wrappers:
        yield wrapper.entry_point


def _is_of_script(thing: Any) -> bool:
    """Whether a class, a function or an entry point "module:name" is of the parent's script."""
    named = isinstance(thing, str)
    module = thing.partition(":")[0] if named else getattr(thing, "__module__", "")
    return bool(module == "__main__")


@contextmanager
def _blank_main() -> Iterator[None]:
    main = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


@contextmanager
def _inherited(mark: str) -> Iterator[None]:
    """Give a new process what must hold before its first import.

    An interrupt from the terminal would end it with a traceback there. The eigenvectors of a matrix
    of 256 rows differ in their last bits between one thread and two, and with them all that CMA-ES
    samples: a trial would depend on the machine's cores.
    """
    given = {**dict.fromkeys(THREADS, "1"), MARK: mark}
    before = {name: os.environ.get(name) for name in given}
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    os.environ.update(given)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
