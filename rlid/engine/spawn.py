"""Spawned processes that do not run the user's script again."""

from __future__ import annotations

import sys
import threading
import types
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.context import SpawnContext, SpawnProcess
from typing import Any

from rlid.agent import AGENTS
from rlid.task import TASKS

_LOCK = threading.Lock()


class WorkerProcess(SpawnProcess):
    """A spawned process to which `__main__` is a blank module.

    Python imports the parent's script in every spawned process, so that a script which measures
    something would measure it again there, unless it hides that behind `if __name__ ==
    "__main__"`. A worker needs the script only when it registers tasks or agents of its own.
    """

    @staticmethod
    def _Popen(process_obj: Any) -> Any:  # noqa: N802 (multiprocessing's name)
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
def _blank_main() -> Iterator[None]:
    with _LOCK:
        main = sys.modules["__main__"]
        sys.modules["__main__"] = types.ModuleType("__main__")
        try:
            yield
        finally:
            sys.modules["__main__"] = main
