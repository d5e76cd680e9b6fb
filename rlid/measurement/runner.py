"""Runs the trials of a plan: stored ones are read, the others go to an engine."""

from __future__ import annotations

import copy
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from numbers import Real

from rlid.agent import has_gpu
from rlid.dimension import Estimate
from rlid.engine import Agenda, Cell, Place, make_engine, probe, split
from rlid.errors import EngineError, EnvironmentWarning, InputError, TrialsFailed, brief
from rlid.measurement.answer import count
from rlid.measurement.inference import infer
from rlid.measurement.plan import Plan
from rlid.projections import check_fits
from rlid.records import Judgement, Record, Standing, TrialSpec, judged
from rlid.simulators import tell_of_dependence
from rlid.store import Leases, Store

MAX_CELL = 32
"""Trials in one cell at most: more would not run faster, and a crash would cost more."""
FIRST_TRIALS = 5
"""A measurement is given up where as many of its first trials all fail."""
FLOAT_BYTES = 4
"""Of each number in P: trials take float32."""


class Watcher:
    """Hears how a measurement goes; this one says nothing."""

    def note(self, text: str) -> None:
        """Hear one line of news."""

    def round(self, asked: int, new: int) -> None:
        """Hear that the search asks for `asked` trials in all; `new` of this round are to run."""

    def trial(self, record: Record, estimate: Callable[[], Estimate] | None) -> None:
        """Hear of a trial's end; `estimate` gives the dimension so far, where one is measured."""

    def stand(self, standings: Sequence[Standing]) -> None:
        """Hear where trials stand that have run for some time."""

    def close(self) -> None:
        """Hear that the measurement is over, well or not."""


class Runner:
    """Runs a plan's trials in an engine; a context manager that owns the engine.

    Attributes:
        plan: the measurement.
        store: where records are read and added.
        trials_run: how many trials of the measurement itself this process has run.
    """

    def __init__(
        self,
        plan: Plan,
        store: str | os.PathLike[str],
        *,
        place: Place | None = None,
        timeout: float | None = None,
        watcher: Watcher | None = None,
        retry: bool = False,
        tensorboard: str | None = None,
    ) -> None:
        """Check the store and the memory that P needs; no worker starts before there is work.

        Raises:
            InputError: `timeout` is out of range, P would not fit into this machine's memory, the
                engine or tensorboard is not installed, or the GPU is not there or not used.
            StoreError: the store cannot be written.
        """
        if timeout is not None and not (isinstance(timeout, Real) and timeout > 0):
            raise InputError(f"--timeout {brief(timeout)}: must be above 0, in seconds")
        if tensorboard is not None:
            # Here, since it imports torch, which takes a second that `rlid show` need not wait.
            from rlid.training import check_tensorboard

            check_tensorboard(tensorboard)
        place = place or Place()
        _check_device(plan.question.device, place)
        if place.engine == "local":
            check_fits(plan.projection, plan.network.D, plan.dmax, FLOAT_BYTES)
        self.tensorboard = None if tensorboard is None else os.path.abspath(tensorboard)
        self.plan = plan
        self.watcher = watcher or Watcher()
        self.store = Store(store, self.watcher.note)
        self.store.check_writable()
        self.leases = Leases(self.store.folder)
        self.retry = retry
        self.engine = make_engine(place, timeout or plan.task.patience)
        self.trials_run = 0
        self._is_examined = False
        for note in plan.task.notes:
            self.watcher.note(note)

    def __enter__(self) -> Runner:
        """Return the runner."""
        return self

    def __exit__(self, *exception: object) -> None:
        """End the workers, and leave the trials they had begun to other processes."""
        self.engine.close()
        self.leases.close()

    @contextmanager
    def apart(self, name: str) -> Iterator[Runner]:
        """Give the same runner with a store of its own, a folder of this one.

        Trials there are no measurement of this store: they are neither shown nor published.

        Raises:
            StoreError: it cannot be written.
        """
        other = copy.copy(self)
        other.store = Store(self.store.room(name), self.watcher.note)
        other.store.check_writable()
        other.leases = Leases(other.store.folder)
        try:
            yield other
        finally:
            other.leases.close()

    def run(
        self,
        plan: Plan,
        specs: Sequence[TrialSpec],
        judgement: Judgement,
        so_far: Sequence[Record] | None = None,
    ) -> list[Record]:
        """Return the records of specs, in their order: stored ones as they are, the rest run.

        Args:
            plan: what the specs belong to.
            specs: the trials, each once.
            judgement: what new trials are judged by, and stored ones that ran to their end.
            so_far: the measurement's records before these; None where no dimension is measured.

        Raises:
            TrialsFailed: the first FIRST_TRIALS trials of a measurement all failed.
            StoreError: the store cannot be read or written.
            EngineError: there is nowhere to run anything.
        """
        known = list(so_far or ())
        records = {record.key: record for record in known}
        # By the order asked, since trials that fail end before those that do not.
        first = [] if so_far is None else [*(record.spec for record in known), *specs]
        first = first[:FIRST_TRIALS]

        def add(record: Record) -> None:
            record = judged(record, judgement)
            records[record.key] = record
            known.append(record)
            if len(first) == FIRST_TRIALS and all(spec.key in records for spec in first):
                _give_up_if_failed([records[spec.key] for spec in first], plan)

        for spec in specs:
            stored = self._stored(spec)
            if stored is not None:
                add(stored)
        new = [spec for spec in specs if spec.key not in records]
        self.watcher.round(len(specs) + len(so_far or ()), len(new))

        def on_record(record: Record) -> None:
            # Of two processes that run one trial, the agenda tells of the same record.
            if record.key not in records:
                add(record)
            standing = partial(self._standing, plan, list(known))
            self.watcher.trial(records[record.key], None if so_far is None else standing)

        if new:
            self.examine()
            agenda = Agenda(
                self._cells(plan, new, judgement),
                self.store,
                self.leases,
                lambda _: plan.network.D,
                on_record,
                self.watcher.stand,
                self._tell_of_waiting,
            )
            self.engine.run(agenda)
            self.trials_run += agenda.run_here if so_far is not None else 0
        return [records[spec.key] for spec in specs]

    def _tell_of_waiting(self, trials: int) -> None:
        self.watcher.note(
            f"waiting for another process to end {count(trials, 'trial')}; if it has died, "
            f"this one goes on within {self.leases.stale:.0f} s"
        )

    def examine(self) -> None:
        """Warn once of an environment whose episodes depend on more than seeds and actions.

        It is run in a worker, since it may hang, or end its process.

        Raises:
            InputError: see `rlid.simulators.tell_of_dependence`.
        """
        task = self.plan.task
        if self._is_examined or task.kind != "rl" or task.world is not None:
            return
        self._is_examined = True
        arguments = (task.name, self.plan.imports, task.observation, task.backend)
        try:
            problem, seen = self.engine.call(probe, *arguments)
        except EngineError:
            # The trials will fail in the same way, and their records will say how.
            return
        for warning in seen:
            warnings.warn(warning, EnvironmentWarning, stacklevel=2)
        tell_of_dependence(task, problem)

    def _cells(self, plan: Plan, new: Sequence[TrialSpec], judgement: Judgement) -> list[Cell]:
        """Return the new trials as cells, as many as there are places to run them."""
        parts = len(new)
        if plan.is_merged:
            # Every process that shares the store gets its part of the round.
            workers = self.engine.capacity * (1 + self.leases.others())
            parts = max(workers, -(-len(new) // MAX_CELL))
        # An environment may change the folder that its process works in.
        folder = os.path.abspath(self.store.folder)
        return [
            Cell(plan.task.name, plan.imports, tuple(part), judgement, folder, self.tensorboard)
            for part in split(new, parts)
        ]

    def _stored(self, spec: TrialSpec) -> Record | None:
        """Return a stored record; one of a failed trial is retired where it is to run again."""
        record = self.store.get(spec)
        if record is not None and record.is_missing and self.retry:
            self.store.retire(spec)
            return None
        return record

    @staticmethod
    def _standing(plan: Plan, records: Sequence[Record]) -> Estimate:
        """Return the estimate of the plan so far; the reference's error waits for the end."""
        return infer(records, None, dmin=min(plan.dims), dmax=plan.dmax)


def _give_up_if_failed(records: Sequence[Record], plan: Plan) -> None:
    """Give a measurement up where all its first trials failed.

    Raises:
        TrialsFailed: they did; the message says why.
    """
    if all(record.status == "error" for record in records):
        reason = (records[0].reason.splitlines() or ["no reason was recorded"])[0]
        raise TrialsFailed(
            f"the first {len(records)} trials of {plan.title} all failed, and nothing follows "
            f"from them: {reason}; put it right, then repeat the command with --retry"
        )


def _check_device(device: str, place: Place) -> None:
    """Refuse a GPU that is not there, and a share of one that nothing would use."""
    if place.gpus and device == "cpu":
        raise InputError(
            f"--gpus {place.gpus:g}: these trials train on the cpu: add --device cuda, for "
            "an agent that takes it, or leave --gpus out"
        )
    if device != "cpu" and place.engine == "local" and not has_gpu():
        raise InputError(f"--device {device}: torch finds no such GPU here: use --device cpu")
