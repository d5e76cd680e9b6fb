"""Spawned processes that do not run the user's script again."""

from __future__ import annotations

import os
import sys
import threading
import types
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.context import SpawnContext, SpawnProcess
from typing import Any

from rlid.agent import AGENTS
from rlid.task import TASKS

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""What numpy's libraries read when they are loaded: how many threads they take."""
_LOCK = threading.RLock()


class WorkerProcess(SpawnProcess):
    """A spawned process to which `__main__` is a blank module.

    Python imports the parent's script in every spawned process, so that a script which measures
    something would measure it again there, unless it hides that behind `if __name__ ==
    "__main__"`. A worker needs the script only when it registers tasks or agents of its own.
    """

    @staticmethod
    def _Popen(process_obj: Any) -> Any:  # noqa: N802 (multiprocessing's name)
        with _one_thread():
            if _is_needed():
                return SpawnProcess._Popen(process_obj)
            with _blank_main():
                return SpawnProcess._Popen(process_obj)


class WorkerContext(SpawnContext):
    """The spawn context with `WorkerProcess` in it."""

    Process = WorkerProcess


def _is_needed() -> bool:
    things = [entry.load() for entry in (*TASKS.entries(), *AGENTS.entries())]
    return any(getattr(thing, "__module__", "") == "__main__" for thing in things)


@contextmanager
def _one_thread() -> Iterator[None]:
    # The eigenvectors of a matrix of 256 rows differ in their last bits between one thread and two,
    # and with them all that CMA-ES samples: a trial would depend on the machine's cores.
    with _LOCK:
        before = {name: os.environ.get(name) for name in THREADS}
        os.environ.update(dict.fromkeys(THREADS, "1"))
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value


@contextmanager
def _blank_main() -> Iterator[None]:
    with _LOCK:
        main = sys.modules["__main__"]
        sys.modules["__main__"] = types.ModuleType("__main__")
        try:
            yield
        finally:
            sys.modules["__main__"] = main
