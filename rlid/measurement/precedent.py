"""What a published measurement tells of the cost of the same one run again, elsewhere or later."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from rlid.measurement.plan import Plan
from rlid.measurement.summary import Summary
from rlid.records import Record, TrialSpec

_LEFT_OUT: dict[str, object] = {
    "stop_score": None,
    "stopping": "look",
    "candidate": "best",
    "task_version": 1,
    "projection_version": 1,
    "agent_version": 1,
    "device": "cpu",
}


@dataclass(frozen=True)
class Spent:
    """What trials of one outcome spent on average.

    Attributes:
        search: steps of their searches.
        evaluation: steps of their validations and scorings.
    """

    search: float
    evaluation: float


@dataclass(frozen=True)
class Precedent:
    """A measurement of the same task, agent and settings, network, projection and budget.

    Attributes:
        name: its name.
        low: the smallest d that its interval leaves open.
        high: the largest.
        solved: what its solved trials spent. Where they ran on and those of the plan do not: what
            they had spent at the first look above the threshold. None where this is not known:
            published files keep no curves.
        unsolved: what its unsolved trials spent; None where there were none.
    """

    name: str
    low: int
    high: int
    solved: Spent | None
    unsolved: Spent | None


FindPrecedent = Callable[[Plan], "Precedent | None"]
"""Takes a plan; returns what was measured before of the same, or None."""


def no_precedent(plan: Plan) -> Precedent | None:
    """Return None: nothing was measured before."""
    return None


def precedents(summaries: Iterable[Summary]) -> FindPrecedent:
    """Return what finds the measurement of a plan among published ones.

    Args:
        summaries: published measurements; of several of one plan, the last counts, but one of the
            first edition gives way to any other.
    """
    by_edition = sorted(summaries, key=lambda summary: not summary.is_first_edition)
    known = {_same(summary.spec): summary for summary in by_edition}

    def find(plan: Plan) -> Precedent | None:
        summary = known.get(_same(plan.spec(plan.dmax, plan.seeds[0], None)))
        return None if summary is None else _precedent(summary, plan)

    return find


def _same(spec: TrialSpec) -> str:
    """Return what two trials share that cost about the same: all but d, seed, rule and versions."""
    return spec.model_copy(update=_LEFT_OUT).group


def _precedent(summary: Summary, plan: Plan) -> Precedent:
    estimate = summary.estimate
    lowest, highest = min(plan.dims), plan.dmax
    low = min(max(estimate.ci_low or lowest, lowest), highest)
    high = max(low, min(estimate.ci_high or highest, highest))
    trials = [record for record in summary.records if not record.is_missing]
    solved = [record for record in trials if record.status == "solved"]
    unsolved = [record for record in trials if record.status != "solved"]
    if not any(record.stopped_early for record in solved) and not plan.is_full:
        spent = _mean([_up_to_solved(record) for record in solved if record.curve])
    elif any(record.stopped_early for record in solved) and plan.is_full:
        spent = None
    else:
        spent = _mean([_of(record) for record in solved])
    return Precedent(summary.path, low, high, spent, _mean([_of(record) for record in unsolved]))


def _of(record: Record) -> Spent:
    return Spent(record.search_steps, record.validation_steps + record.scoring_steps)


def _up_to_solved(record: Record) -> Spent:
    """Return what a trial had spent when a look first passed its threshold, its scorings included.

    Looks are taken to cost the same throughout.
    """
    threshold = math.inf if record.threshold is None else record.threshold
    passed = (steps for steps, score in record.curve if score >= threshold)
    search = next(passed, record.search_steps)
    validation = record.validation_steps * search / max(1, record.search_steps)
    return Spent(search, validation + record.scoring_steps)


def _mean(spent: list[Spent]) -> Spent | None:
    if not spent:
        return None
    return Spent(
        statistics.fmean(each.search for each in spent),
        statistics.fmean(each.evaluation for each in spent),
    )
