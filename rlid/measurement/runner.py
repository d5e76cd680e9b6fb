"""Runs the trials of a plan: stored ones are found, the others go to an engine."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import cast

from rlid import agent as agents
from rlid.dimension import Estimate, estimate
from rlid.engine import Agenda, Cell, Place, make_engine, random_scores, split
from rlid.errors import EngineError, InputError, ReferenceRefused
from rlid.measurement.plan import Plan
from rlid.measurement.summary import as_trial
from rlid.projections import check_fits
from rlid.records import REFERENCE_SEED, Judgement, Record, TrialSpec, judged, versions
from rlid.store import Leases, Reference, Store, references

MAX_CELL = 32
"""Trials in one cell at most: more would not run faster, and a crash would cost more."""
REFERENCE_SEEDS = 5
RANDOM_EPISODES = 500
RANDOM_PARTS = 10
FLOAT_BYTES = 4
"""Of each number in P: trials take float32."""


class Watcher:
    """Hears how a measurement goes; this one says nothing."""

    def note(self, text: str) -> None:
        """One line of news."""

    def round(self, asked: int, new: int) -> None:
        """The search asks for `asked` trials in all; `new` of this round are to be run."""

    def trial(self, record: Record, estimate: Callable[[], Estimate] | None) -> None:
        """A trial has ended; `estimate` gives the dimension so far, where one is measured."""

    def close(self) -> None:
        """All is over, well or not."""


class Runner:
    """Runs a plan's trials in an engine; a context manager that owns the engine."""

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
        """Check the store and the room for P; no worker starts before there is work.

        Raises:
            InputError: `timeout` is out of range, P would not fit into this machine's memory, or
                the engine or tensorboard is not installed.
            StoreError: the store cannot be written.
        """
        if timeout is not None and not timeout > 0:
            raise InputError(f"--timeout {timeout:g}: must be above 0")
        if tensorboard is not None:
            # Here, since it imports torch, which takes a second that `rlid show` need not wait.
            from rlid.training import check_tensorboard

            check_tensorboard(tensorboard)
        place = place or Place()
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

    def __enter__(self) -> Runner:
        """Return the runner."""
        return self

    def __exit__(self, *exception: object) -> None:
        """End the workers, and leave what they had begun to other processes."""
        self.engine.close()
        self.leases.close()

    @contextmanager
    def apart(self, name: str) -> Iterator[Runner]:
        """Give the same runner with a store of its own, a folder of this one.

        What stands there is no measurement of this store: it is neither shown nor published.

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

    def estimate(self, records: Sequence[Record]) -> Estimate:
        """Return what follows from the records of the plan so far."""
        trials = [as_trial(record) for record in records]
        return estimate(trials, dmax=self.plan.dmax, dmin=min(self.plan.dims))

    def judgement(self) -> Judgement:
        """Return the threshold and what it rests on, measuring the reference if there is none.

        Raises:
            ReferenceRefused: direct training does not work.
            InputError: a rule that takes a share of a reference that is not positive.
        """
        plan = self.plan
        found = references.load(plan.task, plan.network.architecture.name, self.store.folder)
        if found is None or references.is_outgrown(plan.task, plan.agent_name, found):
            agent_names = dict.fromkeys([plan.task.agent, plan.agent_name])
            self.watcher.note(
                f"no reference for {plan.task.name} with {plan.network.architecture.name}: "
                f"measuring random actions and direct training ({', '.join(agent_names)}) first"
            )
            found = self.reference(list(agent_names), REFERENCE_SEEDS)
        references.check(plan.task, found.reference, found.random)
        return self.judge(found, plan.baseline)

    def judge(self, found: Reference, baseline: str) -> Judgement:
        """Return how the plan's rule judges by one of the two baselines.

        Raises:
            InputError: a rule that takes a share of a reference that is not positive.
        """
        plan = self.plan
        own = baseline == "own" or plan.task.baseline is None
        full = found.reference if own else cast(float, plan.task.baseline)
        return Judgement(
            plan.threshold(found.random, full),
            found.random,
            full,
            dmin=min(plan.dims),
            dmax=plan.dmax,
            rule=plan.rule,  # type: ignore[arg-type]
            baseline=baseline,  # type: ignore[arg-type]
        )

    def reference(self, agent_names: Sequence[str], seeds: int) -> Reference:
        """Measure random actions and direct training by each agent, and keep them in the store.

        Raises:
            ReferenceRefused: no direct training gave a score, or random actions failed.
        """
        plan, task = self.plan, self.plan.task
        scores = self._random_scores()
        mean = sum(scores) / len(scores)
        variance = sum((score - mean) ** 2 for score in scores) / (len(scores) - 1)
        self.watcher.note(f"random actions: {mean:.6g} over {len(scores)} episodes")
        direct, why = [], ""
        for name in agent_names:
            one = plan.direct(name, range(REFERENCE_SEED, REFERENCE_SEED + seeds))
            judged = Judgement(
                mean if task.floor is None else task.floor, mean, dmin=one.dmax, dmax=one.dmax
            )
            specs = [one.spec(plan.network.D, seed, task.ceiling) for seed in one.seeds]
            records = self.run(one, specs, judged)
            why = next((record.reason for record in records if record.reason), why)
            direct.append(references.summarise(name, agents.settings(one.agent), records))
            self.watcher.note(f"direct training by {name}: {_or_none(direct[-1].median)}")
        medians = {done.agent: done.median for done in direct if done.median is not None}
        if not medians:
            raise ReferenceRefused(f"direct training on {task.name} gave no score: {why}")
        best = max(medians, key=lambda name: medians[name])
        result = Reference(
            task=task.name,
            task_version=task.version,
            protocol=task.protocol(),
            backend=task.backend,
            network=plan.network.architecture.name,
            D=plan.network.D,
            random=mean,
            random_error=(variance / len(scores)) ** 0.5,
            random_episodes=len(scores),
            reference=medians[best],
            agent=best,
            direct=direct,
            command=plan.reference_command(agent_names, seeds),
            versions=versions(),
        )
        references.save(result, self.store.folder)
        return result

    def _random_scores(self) -> list[float]:
        """Return the scores of random actions; episodes that hang or fail are left out.

        Raises:
            ReferenceRefused: too few are left to tell their mean.
        """
        plan = self.plan
        task = (plan.task.name, plan.imports, REFERENCE_SEED, RANDOM_EPISODES)
        scores: list[float] = []
        why = ""
        # Together is quickest; where one episode hangs, its part alone is lost.
        for size in (RANDOM_EPISODES, RANDOM_EPISODES // RANDOM_PARTS):
            for first in range(0, RANDOM_EPISODES, size):
                try:
                    scores += self.engine.call(random_scores, *task, range(first, first + size))
                except EngineError as error:
                    why = str(error)
                    if not scores and first >= size:
                        break
            if scores:
                break
        if len(scores) < RANDOM_EPISODES // RANDOM_PARTS:
            # One trial, so that the record tells what the environment does.
            direct = plan.direct(plan.task.agent, [REFERENCE_SEED])
            self.run(direct, [direct.spec(plan.network.D, REFERENCE_SEED, None)], Judgement())
            raise ReferenceRefused(f"random actions on {plan.task.name} failed: {why}")
        return scores

    def run(
        self,
        plan: Plan,
        specs: Sequence[TrialSpec],
        judgement: Judgement,
        so_far: Sequence[Record] | None = None,
    ) -> list[Record]:
        """Return the records of specs, in their order: stored ones as they are, the rest run.

        `so_far` are the records before these of a measurement whose dimension is estimated.
        """
        new = [spec for spec in specs if self._is_new(spec)]
        self.watcher.round(len(specs) + len(so_far or ()), len(new))
        known = list(so_far or ())
        known += self._stored(specs, judgement)

        def on_record(record: Record) -> None:
            known.append(judged(record, judgement))
            self.watcher.trial(known[-1], None if so_far is None else partial(self.estimate, known))

        parts = len(new)
        if new and plan.is_merged:
            # Every process that shares the store gets its part of the round.
            workers = self.engine.capacity * (1 + self.leases.others())
            parts = max(workers, -(-len(new) // MAX_CELL))
        cells = [
            Cell(
                plan.task.name,
                plan.imports,
                tuple(part),
                judgement,
                # An environment may change the folder that its process works in.
                os.path.abspath(self.store.folder),
                self.tensorboard,
            )
            for part in split(new, parts)
        ]
        if cells:
            agenda = Agenda(cells, self.store, self.leases, lambda _: plan.network.D, on_record)
            self.engine.run(agenda)
            self.trials_run += agenda.run_here if so_far is not None else 0
        return list(self._stored(specs, judgement))

    def _stored(self, specs: Sequence[TrialSpec], judgement: Judgement) -> Iterator[Record]:
        """Yield the records there are; what ran to its end may serve several judgements."""
        for spec in specs:
            record = self.store.get(spec)
            if record is not None:
                yield judged(record, judgement)

    def _is_new(self, spec: TrialSpec) -> bool:
        record = self.store.get(spec)
        if record is not None and record.is_missing and self.retry:
            self.store.retire(spec)
            return True
        return record is None


def _or_none(value: float | None) -> str:
    return "no score" if value is None else f"{value:.6g}"
