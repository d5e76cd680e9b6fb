"""Runs the search of a plan to its end: its trials, and the d_int90 that follows from them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rlid.dimension import Estimate
from rlid.measurement.answer import answer, answer_json, count, curve_json, details_json
from rlid.measurement.inference import as_trial, infer
from rlid.measurement.plan import Plan
from rlid.measurement.reference import Standard, establish, judge
from rlid.measurement.runner import Runner
from rlid.measurement.summary import hidden_state
from rlid.records import Judgement, Record, judged
from rlid.store import Reference, measurements


@dataclass(frozen=True)
class MeasurementRun:
    """What a search came to.

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


def run_plan(runner: Runner) -> MeasurementRun:
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
    return MeasurementRun(
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
