"""Local processes: a pool of spawned workers, where a lost one costs its own trials only."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import TimeoutError as FutureTimeout
from concurrent.futures import wait
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pebble import ProcessExpired, ProcessFuture, ProcessPool

from rlid.engine import worker
from rlid.engine.spawn import WorkerContext
from rlid.engine.worker import Cell
from rlid.record import Record, Spec, missing_record
from rlid.store import Store, StoreError

POLL = 0.1
"""Seconds between two looks at the running cells."""
START_GRACE = 60.0
"""Seconds a worker may take to import what it needs, on top of the task's patience."""
ATTEMPTS = 3
"""How often a trial whose worker dies is run before it is recorded as failed."""


class EngineError(Exception):
    """A worker failed in a way that is no trial's result; the message is one line."""


@dataclass
class _Running:
    cell: Cell
    future: ProcessFuture[Any]
    pulse: Path
    started: float = field(default_factory=time.time)
    seen: set[str] = field(default_factory=set)

    def silence(self) -> float:
        """Return the seconds since the last sign of life."""
        try:
            return time.time() - self.pulse.stat().st_mtime
        except FileNotFoundError:
            return time.time() - self.started - START_GRACE


class LocalEngine:
    """Runs cells in `jobs` processes; use it as a context manager."""

    def __init__(self, jobs: int, patience: float) -> None:
        """`patience` is how many seconds without a sign of life make a trial hung."""
        self.jobs = jobs
        self.patience = patience
        self._pulses = tempfile.TemporaryDirectory(prefix="rlid-")
        self._count = 0
        self._pool = ProcessPool(
            max_workers=jobs,
            context=WorkerContext(),
            initializer=worker.start,
            initargs=(os.getpid(),),
        )

    def __enter__(self) -> LocalEngine:
        """Return the engine."""
        return self

    def __exit__(self, kind: object, *rest: object) -> None:
        """End the workers: at once, since every finished trial is stored already."""
        self._pool.stop()  # type: ignore[no-untyped-call]
        self._pool.join()
        self._pulses.cleanup()

    def run(
        self,
        cells: Sequence[Cell],
        store: Store,
        sizes: Callable[[Spec], int],
        on_record: Callable[[Record], None],
    ) -> None:
        """Run every trial of the cells; `on_record` hears of each as it is stored.

        A cell whose worker dies or hangs is taken apart, and its unfinished trials run one by one.
        A trial that dies alone is tried again, then recorded as failed; one that hangs alone is
        recorded as timed out.

        Args:
            cells: what to run.
            store: where records go.
            sizes: gives D of a spec, for the record of a trial that left none.
            on_record: called in this process.

        Raises:
            StoreError: the store cannot be written.
        """
        waiting, running = deque(cells), list[_Running]()
        deaths: Counter[str] = Counter()
        while waiting or running:
            while waiting and len(running) < self.jobs:
                running.append(self._submit(waiting.popleft()))
            wait([entry.future for entry in running], timeout=POLL, return_when="FIRST_COMPLETED")
            for entry in list(running):
                self._report(entry, store, on_record)
                failure = self._failure(entry)
                if failure is None:
                    continue
                running.remove(entry)
                self._report(entry, store, on_record)
                for spec in entry.cell.specs:
                    if spec.key in entry.seen:
                        continue
                    alone = replace(entry.cell, specs=(spec,))
                    if len(entry.cell.specs) > 1:
                        waiting.append(alone)
                        continue
                    status, reason = failure
                    deaths[spec.key] += 1
                    if status == "died" and deaths[spec.key] < ATTEMPTS:
                        waiting.append(alone)
                        continue
                    record = missing_record(
                        spec,
                        entry.cell.judgement,
                        sizes(spec),
                        "timeout" if status == "timeout" else "error",
                        reason or "the worker left no record",
                        time.time() - entry.started,
                    )
                    on_record(store.add(record))

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Run one function, which takes a pulse file last, in a worker; return its result.

        Raises:
            EngineError: it raised, died, or gave no sign of life for the engine's patience.
        """
        pulse = self._pulse()
        future = self._pool.schedule(function, args=[*arguments, str(pulse)])
        entry = _Running(Cell("", (), (), None, ""), future, pulse)  # type: ignore[arg-type]
        while True:
            with contextlib.suppress(FutureTimeout):
                wait([future], timeout=POLL)
            failure = self._failure(entry)
            if failure is not None:
                if failure[0] == "done":
                    return future.result()
                raise EngineError(failure[1])

    def _pulse(self) -> Path:
        self._count += 1
        return Path(self._pulses.name) / str(self._count)

    def _submit(self, cell: Cell) -> _Running:
        pulse = self._pulse()
        future = self._pool.schedule(worker.run_cell, args=[cell, str(pulse)])
        return _Running(cell, future, pulse)

    def _failure(self, entry: _Running) -> tuple[str, str] | None:
        """Return None while the entry runs, else (done|died|raised|timeout, reason)."""
        if not entry.future.done():
            if entry.silence() <= self.patience:
                return None
            entry.future.cancel()  # type: ignore[no-untyped-call]
            return "timeout", f"no sign of life for {self.patience:g} s"
        error = entry.future.exception()
        if error is None:
            return "done", ""
        if isinstance(error, StoreError):
            raise error
        if isinstance(error, ProcessExpired):
            return "died", f"the worker died (exit code {error.exitcode})"
        return "raised", f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"

    def _report(self, entry: _Running, store: Store, on_record: Callable[[Record], None]) -> None:
        for record in self._new_records(entry, store):
            on_record(record)

    @staticmethod
    def _new_records(entry: _Running, store: Store) -> Iterator[Record]:
        for spec in entry.cell.specs:
            if spec.key not in entry.seen and store.has(spec):
                record = store.get(spec)
                if record is not None:
                    entry.seen.add(spec.key)
                    yield record
