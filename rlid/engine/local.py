"""Local processes: each worker has its own pipe, so that losing one at any instant costs no other.

(Pools whose workers share a queue and its lock stop when one is killed that holds the lock, or that
is idle: concurrent.futures, joblib, loky and pebble all do.)
"""

from __future__ import annotations

import contextlib
import os
import secrets
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from multiprocessing.util import Finalize
from pathlib import Path
from typing import Any

from rlid.engine import worker
from rlid.engine.agenda import Agenda, Cell, End
from rlid.engine.leftovers import Undertaker, end_group, end_marked
from rlid.engine.messages import (
    Failed,
    Finished,
    Message,
    Refused,
    StoreUnwritable,
    TrialAdded,
    TrialsStand,
)
from rlid.engine.process import HANG_SIGNAL, WorkerProcess, fair_memory, refuse_while_importing
from rlid.engine.silence import POLL, Looks, Silence
from rlid.errors import EngineError, StoreError, TaskChanged
from rlid.operating_system import cause_of_end

STOP_PATIENCE = 2.0
"""Seconds a worker may take to end when it is told to."""
DUMP_TIME = 0.3
"""Seconds for a hung worker to print its stack."""
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
    silence: Silence
    cell: Cell | None = None
    started: float = 0.0

    def give(self, function: Callable[..., Any], arguments: Sequence[Any], patience: float) -> None:
        self.started, self.silence = time.monotonic(), Silence(patience)
        # A process that has died says so when it is next looked at.
        with contextlib.suppress(OSError):
            self.pipe.send((function, tuple(arguments)))

    def listen(self, patience: float) -> list[Message]:
        """Return the messages since the last time, in their order."""
        messages: list[Message] = []
        try:
            while self.pipe.poll():
                messages.append(self.pipe.recv())
        except (EOFError, OSError):
            self.process.join(STOP_PATIENCE)
        if messages:
            self.silence.end(patience)
        return messages

    def tail(self) -> str:
        """Return the last lines that the process printed, each after a line feed."""
        with contextlib.suppress(OSError), open(self.output, "rb") as file:
            file.seek(max(0, self.output.stat().st_size - TAIL_BYTES))
            lines = file.read(TAIL_BYTES).decode(errors="replace").split("\n")
            kept = [line.rstrip()[:LINE_LENGTH] for line in lines if line.strip()]
            # In a dump of the stack what matters comes first.
            dumps = [n for n, line in enumerate(kept) if "most recent call first" in line]
            end = dumps[0] + 1 + FRAMES if dumps else len(kept)
            return "".join(f"\n{line}" for line in kept[:end][-TAIL_LINES:])
        return ""

    def bury(self) -> None:
        """Kill the process and all that it has started, and remove what it leaves."""
        pid = self.process.pid or 0
        self.process.kill()
        self.process.join()
        end_marked(self.process.mark)
        end_group(pid)
        self.process.close()
        self.pipe.close()
        self.output.unlink(missing_ok=True)


class LocalEngine:
    """Runs cells in `jobs` processes; use it as a context manager."""

    def __init__(self, jobs: int, patience: float, memory: int | None = None) -> None:
        """No process starts yet.

        Args:
            jobs: how many processes.
            patience: seconds without a sign of life that make a trial hung.
            memory: bytes that each may use; an equal share of the machine's where None.

        Raises:
            EngineError: this process is itself a worker, which imports its parent's script.
        """
        # Here, not where a process starts: before that, a run may wait for what its parent holds.
        refuse_while_importing()
        self.jobs = jobs
        self.patience = patience
        self._memory = fair_memory(jobs) if memory is None else memory
        self._folder = tempfile.TemporaryDirectory(prefix="rlid-")
        self._workers: list[_Worker] = []
        self._count = 0
        self._looks = Looks()
        self._mark = secrets.token_hex(8)
        self._undertaker: Undertaker | None = None
        # Python waits at its end for processes that are not daemonic, unless they have ended.
        self._finalize = Finalize(self, _end_all, (self._workers,), exitpriority=10)

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
        _end_all(self._workers)
        self._folder.cleanup()
        if self._undertaker is not None:
            self._undertaker.close()
            self._undertaker = None

    def run(self, agenda: Agenda) -> None:
        """Run the cells that the agenda hands out, until every trial has its record.

        Raises:
            StoreError: the store cannot be written.
            TaskChanged: the task is not what it was when the trials were planned.
            EngineError: no worker can start.
        """
        busy: list[_Worker] = []
        # A worker that has stored its last trial is waited for, so that its last message is not
        # taken for the end of what it is given next.
        while busy or not agenda.is_done:
            while len(busy) < self.jobs and (cell := agenda.next()) is not None:
                chosen = self._idle(busy)
                chosen.cell = cell
                chosen.give(worker.run_cell, [cell], self.patience)
                busy.append(chosen)
            for heard, messages, end in self._look(busy):
                for message in messages:
                    if isinstance(message, TrialAdded):
                        agenda.stored(message.spec)
                    elif isinstance(message, TrialsStand):
                        agenda.stand(message.standings)
                if end is not None and heard.cell is not None:
                    busy.remove(heard)
                    agenda.end(heard.cell, end)

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Run one function, which takes a `report` last, in a worker; return its result.

        Raises:
            EngineError: it raised, died, or gave no sign of life for the engine's patience.
        """
        chosen = self._idle([])
        chosen.give(function, arguments, self.patience)
        while True:
            for _, messages, end in self._look([chosen]):
                if end is not None and end.kind != "done":
                    first, *tail = end.reason.split("\n")
                    is_told = end.kind == "died" and tail
                    raise EngineError(f"{first}: {tail[-1]}" if is_told else first)
                for message in messages:
                    if isinstance(message, Finished):
                        return message.result

    def _idle(self, busy: Sequence[_Worker]) -> _Worker:
        """Return a worker that has nothing to do, a new one if need be.

        Raises:
            EngineError: no further process can start.
        """
        for waiting in [each for each in self._workers if each not in busy]:
            if waiting.process.is_alive():
                return waiting
            self._drop(waiting)
        try:
            return self._start()
        except OSError as error:
            advice = f"; {len(busy)} run: use fewer --jobs" if busy else ""
            raise EngineError(f"no worker can start: {error.strerror or error}{advice}") from error

    def _start(self) -> _Worker:
        """Start a worker."""
        if self._undertaker is None:
            self._undertaker = Undertaker(self._mark)
        self._count += 1
        ours, theirs = Pipe()
        output = Path(self._folder.name) / str(self._count)
        process = WorkerProcess(
            target=worker.serve,
            args=(theirs, os.getpid(), str(output), self._memory),
            daemon=False,
        )
        process.mark = f"{self._mark}-{self._count}."
        process.start()
        theirs.close()
        self._workers.append(_Worker(process, ours, output, Silence(self.patience)))
        return self._workers[-1]

    def _look(self, busy: Sequence[_Worker]) -> list[tuple[_Worker, list[Message], End | None]]:
        """Wait for news of busy workers; return what each reported, and how it ended if it did."""
        wait(
            [source for each in busy for source in (each.pipe, each.process.sentinel)],
            timeout=POLL,
        )
        if not busy:
            time.sleep(POLL)
        step = self._looks.step()
        news = []
        for watched in busy:
            watched.silence.seconds += step
            was_alive = watched.process.is_alive()
            messages = watched.listen(self.patience)
            end = self._end(watched, messages[-1] if messages else None, was_alive)
            if end is not None or messages:
                news.append((watched, messages, end))
            with contextlib.suppress(OSError):
                if watched.output.stat().st_size > MAX_OUTPUT:
                    os.truncate(watched.output, 0)
        return news

    def _end(self, watched: _Worker, last: Message | None, was_alive: bool) -> End | None:
        """Return how a worker's job has ended, None while it goes on."""
        seconds = time.monotonic() - watched.started
        match last:
            case Finished():
                return End("done", "", seconds)
            case StoreUnwritable(reason):
                raise StoreError(reason)
            case Refused(reason):
                raise TaskChanged(reason)
            case Failed(reason):
                return End("raised", reason, seconds)
        if not was_alive:
            ending = cause_of_end(watched.process.exitcode)
            reason = f"the worker died ({ending}){watched.tail()}"
            self._drop(watched)
            return End("died", reason, seconds)
        if not watched.silence.is_too_long:
            return None
        with contextlib.suppress(ProcessLookupError):
            os.kill(watched.process.pid or 0, HANG_SIGNAL)
        time.sleep(DUMP_TIME)
        reason = f"{watched.silence.reason}{watched.tail()}"
        self._drop(watched)
        return End("timeout", reason, seconds)

    def _drop(self, dropped: _Worker) -> None:
        self._workers.remove(dropped)
        dropped.bury()


def _end_all(workers: list[_Worker]) -> None:
    """End workers, the list of which is empty afterwards."""
    ending, workers[:] = list(workers), []
    for each in ending:
        each.process.terminate()
    deadline = time.monotonic() + STOP_PATIENCE
    for each in ending:
        each.process.join(max(0.0, deadline - time.monotonic()))
        each.bury()
