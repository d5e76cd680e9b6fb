"""The order in which the rows of a suite run: the longest first, from figures that need no timing.

A long row that starts last keeps one worker busy while the others wait, and an error in it shows
only at the end. Neither the store nor the order of the file decides, so that a resumed suite runs
in the same order as the first time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from rlid.measurement.expectation import SOLVED_SHARE, simulate
from rlid.measurement.plan import Plan

if TYPE_CHECKING:
    from rlid.measurement.suite import PlannedRow

Rate = Callable[[Plan], float]
"""Takes a plan; returns the core seconds that one search step of its trials takes."""


def one_rate(plan: Plan) -> float:
    """Return 1: rows are compared by their steps alone."""
    return 1.0


def expected_seconds(plan: Plan, rate: Rate = one_rate) -> float:
    """Return the core seconds that the trials of a plan are expected to take, from nothing held.

    The trials come from the same simulations as those of a dry run. Direct training for the
    reference is left out. The figure serves to compare rows; `cost_of` times the plan itself.

    Args:
        plan: the measurement.
        rate: core seconds per search step, looks and scorings included.
    """
    expected = simulate(plan.search, plan.dims, plan.seeds, full=plan.is_full, seconds=0.0)
    unsolved = plan.task.budget * rate(plan)
    solved = unsolved if plan.is_full else unsolved * SOLVED_SHARE
    return expected.quantiles(unsolved, solved)[0]


def run_order(rows: Sequence[PlannedRow], rate: Rate = one_rate) -> list[int]:
    """Return the indices of the rows in the order in which they are to run.

    Rows without a plan go first: they end at once, and the user reads soon why. Rows that share a
    reference run by falling budget: the reference is then measured once, with the budget that
    suits them all, and no figure depends on the order of the file.

    Args:
        rows: the rows of a suite.
        rate: core seconds per search step of a plan's trials.
    """
    first = [index for index, row in enumerate(rows) if row.plan is None]
    plans = {index: row.plan for index, row in enumerate(rows) if row.plan is not None}
    seconds = {index: expected_seconds(plan, rate) for index, plan in plans.items()}
    names = {index: (plan.title, plan.question.digest) for index, plan in plans.items()}
    longest_first = sorted(plans, key=lambda index: (-seconds[index], names[index]))
    sharing: dict[tuple[Any, ...], list[int]] = {}
    for index in longest_first:
        sharing.setdefault(_reference_of(plans[index]), []).append(index)
    waiting = {
        shared: iter(sorted(group, key=lambda index: -plans[index].task.budget))
        for shared, group in sharing.items()
    }
    return first + [next(waiting[_reference_of(plans[index])]) for index in longest_first]


def _reference_of(plan: Plan) -> tuple[Any, ...]:
    """Return what two plans share if one measured reference serves both."""
    protocol = tuple(sorted((name, repr(part)) for name, part in plan.task.protocol().items()))
    return plan.task.name, plan.task.version, protocol, plan.network.architecture.name
