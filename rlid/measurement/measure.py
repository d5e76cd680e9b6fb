"""A measurement: the trials that a search asked for, and the d_int90 that follows from them."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from rlid.dimension import Estimate
from rlid.engine import Place
from rlid.errors import StoreError
from rlid.measurement.plan import Plan, plan
from rlid.measurement.runner import Runner, Watcher
from rlid.measurement.summary import answer_json, as_trial, curve_json, hidden_state
from rlid.records import Judgement, Record, judged
from rlid.store import measurements as measured
from rlid.store import references


@dataclass(frozen=True)
class Measurement:
    """What was measured: the plan, the scores it is judged by, the trials and the estimate."""

    plan: Plan
    judgement: Judgement
    records: tuple[Record, ...]
    estimate: Estimate
    trials_run: int
    seconds: float
    other: OtherBaseline | None = None

    @property
    def sentence(self) -> str:
        """The answer in one line."""
        return f"{self.plan.title}: {answer(self.estimate)}, {count(len(self.plan.seeds), 'seed')}"

    def to_json(self) -> dict[str, Any]:
        """Return the object that `rlid run --json` prints."""
        return {
            "task": self.plan.task.name,
            "task_version": self.plan.task.version,
            "agent": self.plan.agent_name,
            "network": self.plan.network.architecture.name,
            "D": self.plan.network.D,
            "projection": self.plan.projection,
            "dmax": self.plan.dmax,
            "seeds": len(self.plan.seeds),
            "fraction": self.plan.fraction,
            "rule": self.plan.rule,
            "baseline": self.plan.baseline,
            "random": self.judgement.random,
            "reference": self.judgement.reference,
            "threshold": self.judgement.threshold,
            **answer_json(self.estimate),
            "trials": len(self.records),
            "trials_run": self.trials_run,
            "failed_trials": sum(record.is_missing for record in self.records),
            "env_steps": sum(record.env_steps for record in self.records),
            "seconds": round(self.seconds, 2),
            "hidden_state": hidden_state(self.records),
            "curve": curve_json(self.estimate),
            "other_baseline": self.other.to_json() if self.other else None,
        }


@dataclass(frozen=True)
class OtherBaseline:
    """What follows from the same trials by the task's other baseline.

    `estimate` is None where trials stopped early: how far they might have come is not known.
    """

    baseline: str
    threshold: float
    estimate: Estimate | None

    @property
    def sentence(self) -> str:
        """The answer in one line."""
        says = (
            "needs trials to the end (--full)" if self.estimate is None else answer(self.estimate)
        )
        return f"by the {self.baseline} baseline (solved: {self.threshold:.4g}): {says}"

    def to_json(self) -> dict[str, Any]:
        """Return what `rlid run --json` prints of it."""
        found = {"baseline": self.baseline, "threshold": self.threshold}
        return found | (answer_json(self.estimate) if self.estimate else {})


def measure(
    task: str,
    *,
    store: str | os.PathLike[str] = "rlid-store",
    jobs: int | None = None,
    place: Place | None = None,
    timeout: float | None = None,
    watcher: Watcher | None = None,
    retry: bool = False,
    **options: Any,
) -> Measurement:
    """Measure the intrinsic dimension of a task.

    Args:
        task: a registered task, such as "cartpole" or "gym:MyEnv-v0".
        store: the folder of records; trials found there are not run again.
        jobs: worker processes, by default as many as there are cores.
        place: where trials run, if not in local processes: `Place("ray", address=...)`.
        timeout: seconds without a sign of life after which a trial counts as hung.
        watcher: hears how it goes.
        retry: run failed (missing) trials again.
        **options: `agent`, `network`, `projection`, `dmax`, `dims`, `seeds` (how many), `seed`
            (the first), `search`, `budget` (environment steps of a trial), `full` (no early stop),
            `fraction`, `rule`, `baseline`, `settings` ("name=value" of the agent), `imports`
            (packages that register environments), `precision` and `max_trials` (of the adaptive
            search).

    Raises:
        ValueError: an argument is unknown or out of range.
        ReferenceRefused: direct training does not work on this task.
        StoreError: the store cannot be written.
    """
    wanted = plan(task, **options)
    place = place or Place()
    if jobs is not None:
        place = replace(place, jobs=jobs)
    with Runner(
        wanted, store, place=place, timeout=timeout, watcher=watcher, retry=retry
    ) as runner:
        return run_plan(runner)


def run_plan(runner: Runner) -> Measurement:
    """Run a plan's search to its end; return what follows from its trials.

    Raises:
        ReferenceRefused: direct training does not work on this task.
        StoreError: the store cannot be written.
    """
    started = time.monotonic()
    wanted = runner.plan
    judgement = runner.judgement()
    stop = None if wanted.is_full else judgement.threshold
    records: list[Record] = []
    while pairs := wanted.search.next_round([as_trial(record) for record in records]):
        specs = [wanted.spec(d, seed, stop) for d, seed in pairs]
        records += runner.run(wanted, specs, judgement, records)
    keep(runner, judgement, records)
    return Measurement(
        wanted,
        judgement,
        tuple(records),
        runner.estimate(records),
        runner.trials_run,
        time.monotonic() - started,
        _by_other_baseline(runner, records),
    )


def _by_other_baseline(runner: Runner, records: Sequence[Record]) -> OtherBaseline | None:
    """Return what the trials say by the task's other baseline, where it has two."""
    wanted = runner.plan
    reference = references.load(wanted.task, wanted.network.architecture.name, runner.store.folder)
    if wanted.task.baseline is None or reference is None:
        return None
    name = "own" if wanted.baseline == "global" else "global"
    judgement = runner.judge(reference, name)
    found = None
    if wanted.is_full:
        found = runner.estimate([judged(record, judgement) for record in records])
    return OtherBaseline(name, cast(float, judgement.threshold), found)


def keep(runner: Runner, judgement: Judgement, records: Sequence[Record]) -> None:
    """Leave in the store what was asked and how it was judged, for publishing.

    Raises:
        StoreError: the store cannot be written.
    """
    wanted = runner.plan
    reference = references.load(wanted.task, wanted.network.architecture.name, runner.store.folder)
    if reference is None or judgement.threshold is None:
        raise StoreError(f"the reference of {wanted.task.name} has gone from the store")
    measured.save(runner.store, wanted.question, wanted.task.kind, judgement, reference, records)


def answer(found: Estimate) -> str:
    """Return d_int90 and its interval in words."""
    if found.withheld:
        return f"no d_int90: {found.withheld}"
    value = f"> {found.dmax}" if found.censored else f"= {found.d_int90}"
    if found.is_least:
        value = f"at most {found.d_int90}"
    if found.ci_low is None:
        return f"d_int90 {value} (no interval below 5 seeds)"
    if found.ci_high is not None:
        return f"d_int90 {value} (95 % interval {found.ci_low}-{found.ci_high})"
    if found.ci_low > found.dmax:
        return f"d_int90 {value} (95 % interval: above {found.dmax})"
    return f"d_int90 {value} (95 % interval: {found.ci_low} or more)"


def count(n: int, noun: str) -> str:
    """Return "1 seed" or "2 seeds"."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"
