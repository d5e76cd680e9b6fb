"""The trials that are still to be run: handed out in cells, run again after a crash, recorded."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rlid.errors import StoreError
from rlid.records import Judgement, Record, Standing, TrialSpec, missing_record
from rlid.store import Leases, Store

ATTEMPTS = 3
"""How often a trial whose worker dies is run before it is recorded as failed."""
LOSSES = 10
"""How often a trial is run before it is recorded as failed, where its machine was lost each time:
that is hardly ever the fault of the trial."""
LOOK_INTERVAL = 1.0
"""Seconds between two looks at the trials that other processes run."""
WAIT_UNTOLD = 5.0
"""Seconds for which nothing is said of waiting for trials of other processes."""


@dataclass(frozen=True)
class Cell:
    """Trials of one task and network that run side by side in one process.

    Attributes:
        task: the task's name, which makes it again in a worker.
        imports: packages that register what the trials need.
        specs: of the trials.
        judgement: by which their records say whether they are solved.
        store: the folder of records, an absolute path.
        tensorboard: the folder of curves, an absolute path; None for no curves.
    """

    task: str
    imports: tuple[str, ...]
    specs: tuple[TrialSpec, ...]
    judgement: Judgement
    store: str
    tensorboard: str | None = None


@dataclass(frozen=True)
class End:
    """How the work on a cell ended.

    Attributes:
        kind: "done"; or its process "died", was "lost" with its machine, "raised" an error that is
            no trial's result, or was ended by a "timeout".
        reason: why, for the records of trials that were left undone.
        seconds: how long the cell ran.
    """

    kind: Literal["done", "died", "lost", "raised", "timeout"]
    reason: str = ""
    seconds: float = 0.0


class Agenda:
    """The trials of a round, each run once by one of the processes that share the store.

    A cell whose worker dies or hangs is taken apart, and its unfinished trials run one by one. A
    trial that dies alone is tried again, then recorded as failed; one that hangs alone is recorded
    as timed out.
    """

    def __init__(
        self,
        cells: Sequence[Cell],
        store: Store,
        leases: Leases,
        sizes: Callable[[TrialSpec], int],
        on_record: Callable[[Record], None],
        on_standings: Callable[[Sequence[Standing]], None] = lambda standings: None,
        on_wait: Callable[[int], None] = lambda trials: None,
    ) -> None:
        """Plan the trials of cells.

        Args:
            cells: the trials.
            store: where their records are.
            leases: tell other processes which trials run here.
            sizes: gives D of a spec, for the record of a trial that left none.
            on_record: hears of each trial that has ended.
            on_standings: hears where trials under way stand.
            on_wait: hears once how many trials are waited for that other processes hold, where
                nothing else is left to do.
        """
        self.store = store
        self._leases = leases
        self._sizes = sizes
        self._on_record = on_record
        self.stand = on_standings
        self._on_wait = on_wait
        self._waiting = deque(cells)
        self._elsewhere: list[Cell] = []
        self._open: set[str] = set()
        self._deaths: Counter[tuple[str, str]] = Counter()
        self._looked = 0.0
        self._idle_since: float | None = None
        self._has_told = False
        self.run_here = 0

    @property
    def is_done(self) -> bool:
        """Whether every trial has its record."""
        return not (self._waiting or self._elsewhere or self._open)

    def next(self) -> Cell | None:
        """Return a cell for this process to run; None if there is none for now.

        Raises:
            StoreError: the store cannot be read or written.
        """
        while self._waiting:
            cell = self._waiting.popleft()
            mine = tuple(spec for spec in cell.specs if self._take(cell, spec))
            if mine:
                return replace(cell, specs=mine)
        self._look_elsewhere()
        self._tell_of_waiting()
        return None

    def stored(self, spec: TrialSpec) -> None:
        """Note that a worker has added a trial's record to the store."""
        record = self.store.get(spec)
        if record is not None:
            self._finish(record)

    def add(self, record: Record, z: NDArray[np.float32] | None = None) -> None:
        """Store a record, and note that its trial is done."""
        self._finish(self.store.add(record, z))

    def end(self, cell: Cell, end: End) -> None:
        """Note that a cell no longer runs; plan the trials that it left undone.

        Raises:
            StoreError: the store cannot be read or written.
        """
        for spec in cell.specs:
            if spec.key in self._open:
                self.stored(spec)
            if spec.key in self._open:
                self._again_or_failed(replace(cell, specs=(spec,)), len(cell.specs), end)

    def _again_or_failed(self, alone: Cell, among: int, end: End) -> None:
        (spec,) = alone.specs
        self._deaths[spec.key, end.kind] += among == 1
        allowed = {"died": ATTEMPTS, "lost": LOSSES}.get(end.kind, 1)
        if self._deaths[spec.key, end.kind] < allowed:
            self._waiting.append(alone)
            return
        status: Literal["timeout", "error"] = "timeout" if end.kind == "timeout" else "error"
        reason = end.reason or "the worker left no record"
        size = self._sizes(spec)
        self.add(missing_record(spec, alone.judgement, size, status, reason, end.seconds))

    def _take(self, cell: Cell, spec: TrialSpec) -> bool:
        """Return whether this process is to run a trial now."""
        if spec.key in self._open:
            return True
        if self._is_there(spec):
            return False
        try:
            is_mine = self._leases.take(spec.key)
        except OSError as error:
            raise StoreError(f"the store's leases cannot be written: {error}") from error
        if not is_mine:
            self._elsewhere.append(replace(cell, specs=(spec,)))
        elif self._is_there(spec):
            self._leases.release(spec.key, done=True)
        else:
            self._open.add(spec.key)
            return True
        return False

    def _is_there(self, spec: TrialSpec) -> bool:
        record = self.store.get(spec)
        if record is not None:
            self._on_record(record)
        return record is not None

    def _look_elsewhere(self) -> None:
        """Take over trials of other processes that have died, and note those that are done."""
        if time.monotonic() - self._looked < LOOK_INTERVAL:
            return
        self._looked = time.monotonic()
        others, self._elsewhere = self._elsewhere, []
        for cell in others:
            if self._take(cell, cell.specs[0]):
                self._waiting.append(cell)

    def _tell_of_waiting(self) -> None:
        """Tell once where all that is left is held by other processes: it may take minutes."""
        if self._waiting or self._open or not self._elsewhere:
            self._idle_since = None
            return
        now = time.monotonic()
        self._idle_since = now if self._idle_since is None else self._idle_since
        if now - self._idle_since >= WAIT_UNTOLD and not self._has_told:
            self._has_told = True
            self._on_wait(len(self._elsewhere))

    def _finish(self, record: Record) -> None:
        if record.key in self._open:
            self._open.remove(record.key)
            self._leases.release(record.key, done=True)
            self.run_here += 1
            self._on_record(record)
