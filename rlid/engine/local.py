"""Local processes: each worker has its own pipe, so that losing one at any instant costs no other.

(Pools whose workers share a queue and its lock stop when one is killed that holds the lock, or that
is idle: concurrent.futures, joblib, loky and pebble all do.)
"""

from __future__ import annotations

import contextlib
import os
import signal
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from rlid.engine import worker
from rlid.engine.agenda import Agenda, Cell, End
from rlid.engine.process import HANG_SIGNAL, WorkerProcess, fair_memory
from rlid.errors import EngineError, StoreError

POLL = 0.5
"""Seconds between two looks at silent workers."""
LONGEST_STEP = 2.0
"""Seconds that one look may add to a silence: more means that this process itself stood still."""
START_GRACE = 60.0
"""Seconds a worker may take to import what it needs, on top of the task's patience."""
STOP_PATIENCE = 2.0
"""Seconds a worker may take to end when it is told to."""
DUMP_TIME = 0.3
"""Seconds for a hung worker to print where it is."""
MAX_OUTPUT = 1_000_000
"""Bytes of a worker's output that are kept."""
TAIL_BYTES, TAIL_LINES, LINE_LENGTH, FRAMES = 64_000, 15, 200, 8
"""How much of a dead worker's output goes into the record, and how much of its stack."""


@dataclass
class _Worker:
    """One process and its job: a cell, or a function that was called."""

    process: WorkerProcess
    pipe: Connection
    output: Path
    cell: Cell | None = None
    started: float = 0.0
    silence: float = 0.0
    limit: float = 0.0

    def give(self, function: Callable[..., Any], arguments: Sequence[Any], patience: float) -> None:
        self.started, self.silence, self.limit = time.monotonic(), 0.0, patience + START_GRACE
        # A process that has died says so when it is next looked at.
        with contextlib.suppress(OSError):
            self.pipe.send((function, tuple(arguments)))

    def listen(self, patience: float) -> list[tuple[str, Any]]:
        """Return what it has reported since the last time."""
        heard = []
        try:
            while self.pipe.poll():
                heard.append(self.pipe.recv())
        except (EOFError, OSError):
            self.process.join(STOP_PATIENCE)
        if heard:
            self.silence, self.limit = 0.0, patience
        return heard

    def tail(self) -> str:
        """Return the last lines it printed, each after a new line."""
        with contextlib.suppress(OSError), open(self.output, "rb") as file:
            file.seek(max(0, self.output.stat().st_size - TAIL_BYTES))
            lines = file.read(TAIL_BYTES).decode(errors="replace").split("\n")
            kept = [line.rstrip()[:LINE_LENGTH] for line in lines if line.strip()]
            # In a dump of the stack what matters comes first.
            dumps = [n for n, line in enumerate(kept) if "most recent call first" in line]
            end = dumps[0] + 1 + FRAMES if dumps else len(kept)
            return "".join(f"\n{line}" for line in kept[:end][-TAIL_LINES:])
        return ""


class LocalEngine:
    """Runs cells in `jobs` processes; use it as a context manager."""

    def __init__(self, jobs: int, patience: float, memory: int | None = None) -> None:
        """No process starts yet.

        Args:
            jobs: how many processes.
            patience: seconds without a sign of life that make a trial hung.
            memory: bytes that each may use; an equal share of the machine's where None.
        """
        self.jobs = jobs
        self.patience = patience
        self._memory = fair_memory(jobs) if memory is None else memory
        self._folder = tempfile.TemporaryDirectory(prefix="rlid-")
        self._workers: list[_Worker] = []
        self._count = 0
        self._looked = time.monotonic()

    @property
    def capacity(self) -> int:
        """How many cells can run at once."""
        return self.jobs

    def __enter__(self) -> LocalEngine:
        """Return the engine."""
        return self

    def __exit__(self, *exception: object) -> None:
        """End the workers."""
        self.close()

    def close(self) -> None:
        """End the workers: at once, since every finished trial is stored already."""
        workers, self._workers = self._workers, []
        for one in workers:
            one.process.terminate()
        deadline = time.monotonic() + STOP_PATIENCE
        for one in workers:
            one.process.join(max(0.0, deadline - time.monotonic()))
            self._bury(one)
        self._folder.cleanup()

    def run(self, agenda: Agenda) -> None:
        """Run what the agenda hands out, until every trial on it has its record.

        Raises:
            StoreError: the store cannot be written.
        """
        busy: list[_Worker] = []
        # A worker that has stored its last trial is waited for, so that its farewell is not taken
        # for the end of what it is given next.
        while busy or not agenda.is_done:
            while len(busy) < self.jobs and (cell := agenda.next()) is not None:
                one = self._idle(busy)
                one.cell = cell
                one.give(worker.run_cell, [cell], self.patience)
                busy.append(one)
            for one, messages, end in self._look(busy):
                for kind, value in messages:
                    if kind == "stored":
                        agenda.stored(value)
                if end is not None and one.cell is not None:
                    busy.remove(one)
                    agenda.end(one.cell, end)

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Run one function, which takes a `report` last, in a worker; return its result.

        Raises:
            EngineError: it raised, died, or gave no sign of life for the engine's patience.
        """
        one = self._idle([])
        one.give(function, arguments, self.patience)
        while True:
            for _, messages, end in self._look([one]):
                if end is not None and end.kind != "done":
                    raise EngineError(end.reason.split("\n")[0])
                for kind, value in messages:
                    if kind == "done":
                        return value

    def _idle(self, busy: Sequence[_Worker]) -> _Worker:
        for one in list(self._workers):
            if one not in busy:
                if one.process.is_alive():
                    return one
                self._drop(one)
        self._count += 1
        ours, theirs = Pipe()
        output = Path(self._folder.name) / str(self._count)
        process = WorkerProcess(
            target=worker.serve,
            args=(theirs, os.getpid(), str(output), self._memory),
            daemon=True,
        )
        process.start()
        theirs.close()
        self._workers.append(_Worker(process, ours, output))
        return self._workers[-1]

    def _look(
        self, busy: Sequence[_Worker]
    ) -> list[tuple[_Worker, list[tuple[str, Any]], End | None]]:
        """Wait for news of busy workers; return what each reported, and how it ended if it did."""
        wait([x for one in busy for x in (one.pipe, one.process.sentinel)], timeout=POLL)
        if not busy:
            time.sleep(POLL)
        now = time.monotonic()
        step, self._looked = min(now - self._looked, LONGEST_STEP), now
        news = []
        for one in busy:
            one.silence += step
            was_alive = one.process.is_alive()
            messages = one.listen(self.patience)
            end = self._end(one, messages[-1] if messages else ("", None), was_alive)
            if end is not None or messages:
                news.append((one, messages, end))
            with contextlib.suppress(OSError):
                if one.output.stat().st_size > MAX_OUTPUT:
                    os.truncate(one.output, 0)
        return news

    def _end(self, one: _Worker, last: tuple[str, Any], was_alive: bool) -> End | None:
        kind, value = last
        seconds = time.monotonic() - one.started
        if kind == "done":
            return End("done", "", seconds)
        if kind == "store":
            raise StoreError(str(value))
        if kind == "raised":
            return End("raised", str(value), seconds)
        if not was_alive:
            reason = f"the worker died ({_cause(one.process.exitcode)}){one.tail()}"
            self._drop(one)
            return End("died", reason, seconds)
        if one.silence <= one.limit:
            return None
        with contextlib.suppress(ProcessLookupError):
            os.kill(one.process.pid or 0, HANG_SIGNAL)
        time.sleep(DUMP_TIME)
        reason = f"no sign of life for {one.limit:g} s{one.tail()}"
        self._drop(one)
        return End("timeout", reason, seconds)

    def _drop(self, one: _Worker) -> None:
        self._workers.remove(one)
        self._bury(one)

    @staticmethod
    def _bury(one: _Worker) -> None:
        one.process.kill()
        one.process.join()
        one.process.close()
        one.pipe.close()
        one.output.unlink(missing_ok=True)


def _cause(code: int | None) -> str:
    """Return what ended a process, in words."""
    if code is None or code >= 0:
        return f"exit code {code}"
    with contextlib.suppress(ValueError):
        return f"killed by {signal.Signals(-code).name}"
    return f"killed by signal {-code}"
