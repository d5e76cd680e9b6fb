"""A measurement: the trials that a search asked for, and the d_int90 that follows from them."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from rlid.dimension import Estimate
from rlid.engine import Place
from rlid.measurement.answer import answer, answer_json, count, curve_json, details_json
from rlid.measurement.inference import as_trial, infer
from rlid.measurement.plan import Plan, plan_of
from rlid.measurement.question import ask
from rlid.measurement.reference import Standard, establish, judge
from rlid.measurement.runner import Runner, Watcher
from rlid.measurement.summary import hidden_state
from rlid.records import Judgement, MeasurementSpec, Record, judged
from rlid.store import Reference, measurements


@dataclass(frozen=True)
class Measurement:
    """What was measured.

    Attributes:
        plan: the question and everything that its names stand for.
        standard: what the trials are judged by.
        records: the trials, in the order in which the search asked for them.
        estimate: what follows from them.
        trials_run: how many of them were run now; the others were in the store.
        seconds: how long it took.
        other: the answer by the task's other baseline, where it has two.
    """

    plan: Plan
    standard: Standard
    records: tuple[Record, ...]
    estimate: Estimate
    trials_run: int
    seconds: float
    other: OtherBaseline | None = None

    @property
    def judgement(self) -> Judgement:
        """The threshold, and what it follows from."""
        return self.standard.judgement

    @property
    def reference(self) -> Reference:
        """What the threshold rests on."""
        return self.standard.reference

    @property
    def sentence(self) -> str:
        """The answer in one line."""
        return f"{self.plan.title}: {answer(self.estimate)}, {count(len(self.plan.seeds), 'seed')}"

    def to_json(self) -> dict[str, Any]:
        """Return the object that `rlid run --json` prints."""
        question = self.plan.question
        return {
            "task": question.task,
            "task_version": self.plan.task.version,
            "agent": question.agent,
            "network": question.network,
            "D": self.plan.network.D,
            "projection": question.projection,
            "dmax": self.plan.dmax,
            "seeds": len(self.plan.seeds),
            "fraction": question.fraction,
            "rule": self.judgement.rule,
            "baseline": self.judgement.baseline,
            "random": self.judgement.random,
            "reference": self.judgement.reference,
            "reference_record": reference_json(self.reference),
            "threshold": self.judgement.threshold,
            **answer_json(self.estimate),
            **details_json(self.estimate),
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
    threshold: float | None
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
        fields: dict[str, Any] = {"baseline": self.baseline, "threshold": self.threshold}
        return fields | (answer_json(self.estimate) if self.estimate else {})


def reference_json(reference: Reference) -> dict[str, Any]:
    """Return what JSON answers say of the reference, without the rows of its trials."""
    names = ("reference", "agent", "seeds", "budget", "task_version", "measured_at", "stopping")
    return {
        **{name: getattr(reference, name) for name in names},
        "source": reference.source,
        "rlid": reference.versions.get("rlid"),
        "scores": reference.scores,
    }


def measure(
    task: str,
    *,
    agent: str | None = None,
    network: str | None = None,
    projection: str = "onehot",
    dmax: int | None = None,
    dims: Sequence[int] | None = None,
    seeds: int = 10,
    seed: int = 0,
    search: Literal["adaptive", "bisect", "grid"] = "adaptive",
    precision: float = 0.25,
    max_trials: int | None = None,
    budget: int | None = None,
    observation: str | None = None,
    backend: str | None = None,
    device: str = "cpu",
    full: bool = False,
    fraction: float = 0.9,
    rule: Literal["normalised", "raw", "paper"] = "normalised",
    baseline: Literal["own", "global"] = "own",
    reference: float | None = None,
    reference_source: str | None = None,
    settings: Sequence[str] = (),
    imports: Sequence[str] = (),
    store: str | os.PathLike[str] = "rlid-store",
    jobs: int | None = None,
    place: Place | None = None,
    timeout: float | None = None,
    watcher: Watcher | None = None,
    retry: bool = False,
) -> Measurement:
    """Measure the intrinsic dimension of a task.

    Args:
        task: a registered task, such as "cartpole" or "gym:MyEnv-v0".
        agent: which optimizer searches z; None for the task's own.
        network: the policy's or classifier's architecture, such as "mlp:20x20"; None for the
            task's own.
        projection: the kind of random projection.
        dmax: the largest d to try; every d up to it is open to the search.
        dims: the only d to try, in place of `dmax`.
        seeds: how many seeds.
        seed: the first seed.
        search: how trials are chosen: "adaptive" asks what narrows the interval most, "bisect"
            bisects d for each seed, "grid" runs every d with every seed.
        precision: width of the 95 % interval over d_int90 at which the adaptive search ends.
        max_trials: the most trials that the adaptive search asks for.
        budget: steps of one trial's search: environment steps, or minibatches (evaluations, for
            agents without gradients) of a supervised or synthetic task; None for the task's own.
        observation: "raw", "scaled" or "frozen" in place of the task's own rule.
        backend: what steps the environment, in place of the task's own.
        device: where a gradient agent trains: "cpu", "cuda", "cuda:N", or "auto" for a GPU where
            there is one and the work is large.
        full: run every trial to the end of its budget.
        fraction: the share of the reference that counts as solved.
        rule: "normalised" takes the fraction of the way from random actions to the reference,
            "raw" the fraction of the reference, "paper" the same of the last candidate, without
            an early stop.
        baseline: "own" judges by this network's direct training, "global" by the task's figure.
        reference: a reference score of your own, in place of direct training.
        reference_source: where that score comes from, in words; it is shown and published.
        settings: hyper-parameters of the agent as "name=value".
        imports: packages that register environments, tasks or agents.
        store: the folder of records; trials found there are not run again.
        jobs: worker processes; None for as many as there are cores.
        place: where trials run, if not in local processes: `Place("ray", address=...)`.
        timeout: seconds without a sign of life after which a trial counts as hung.
        watcher: hears how it goes.
        retry: run failed (missing) trials again.

    Raises:
        InputError: (a ValueError) an argument is unknown or out of range.
        ReferenceRefused: direct training does not work on this task.
        TrialsFailed: the first trials all failed.
        StoreError: the store cannot be written.
    """
    # Every parameter that MeasurementSpec declares bears on the answer; the others do not.
    options = {name: value for name, value in locals().items() if name in FIELDS}
    # A package that is imported may change the working folder.
    store = os.path.abspath(store)
    place = place or Place()
    if jobs is not None:
        place = replace(place, jobs=jobs)
    plan = plan_of(ask(**options))
    with Runner(plan, store, place=place, timeout=timeout, watcher=watcher, retry=retry) as runner:
        return run_plan(runner)


FIELDS = frozenset(MeasurementSpec.model_fields)


def run_plan(runner: Runner) -> Measurement:
    """Run a plan's search to its end; return what follows from its trials.

    Raises:
        ReferenceRefused: direct training does not work on this task.
        TrialsFailed: the first trials all failed.
        StoreError: the store cannot be written.
    """
    started = time.monotonic()
    plan = runner.plan
    standard = establish(runner)
    judgement, reference = standard.judgement, standard.reference
    stop = None if plan.is_full else judgement.threshold
    records: list[Record] = []
    while pairs := plan.search.next_round([as_trial(record) for record in records]):
        specs = [plan.spec(d, seed, stop) for d, seed in pairs]
        records += runner.run(plan, specs, judgement, records)
    measurements.save(runner.store, plan.question, plan.task.kind, judgement, reference, records)
    return Measurement(
        plan,
        standard,
        tuple(records),
        infer(records, reference, dmin=min(plan.dims), dmax=plan.dmax),
        runner.trials_run,
        time.monotonic() - started,
        _by_other_baseline(plan, reference, records),
    )


def _by_other_baseline(
    plan: Plan, reference: Reference, records: Sequence[Record]
) -> OtherBaseline | None:
    """Return what the trials say by the task's other baseline, where it has two."""
    if plan.task.baseline is None or reference.is_given:
        return None
    name = "own" if plan.question.baseline == "global" else "global"
    judgement = judge(plan, reference, name)
    estimate = None
    if plan.is_full:
        others = [judged(record, judgement) for record in records]
        estimate = infer(others, reference, dmin=min(plan.dims), dmax=plan.dmax)
    return OtherBaseline(name, judgement.threshold, estimate)
