"""`--dry-run` and `--max-hours`: what a run or a suite will cost, before anything is trained."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from rlid.cli.terminal import say
from rlid.errors import InputError

if TYPE_CHECKING:
    from rlid.engine import Place
    from rlid.measurement import Cost, Plan

DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="say what it will cost on this machine; train nothing")
]
JUDGED_BY = "judged by: "
"""How a reference is introduced in the lines of a run; here "reference:" stands in its place."""
MaxHoursOption = Annotated[
    Optional[float],  # noqa: UP007, UP045 (typer reads it)
    typer.Option("--max-hours", help="refuse what is expected to take longer"),
]


def costs_of(
    plans: Sequence[Plan],
    store: Path,
    place: Place,
    hours: float | None,
    *,
    retry: bool = False,
) -> list[Cost]:
    """Return what plans will cost.

    Args:
        plans: the measurements.
        store: where references are looked for.
        place: where the trials would run.
        hours: the most hours that they may take together; None for any number.
        retry: whether failed trials run again.

    Raises:
        InputError: `hours` is not above 0, or more are expected.
    """
    from rlid.leaderboard import peers
    from rlid.measurement import check_hours, cost_of, precedents

    if hours is not None and not hours > 0:
        raise InputError(f"--max-hours {hours:g}: must be above 0")
    folder = peers.published_folder()
    tasks = dict.fromkeys(plan.task.name for plan in plans)
    precedent_of = precedents(
        summary for task in tasks for summary in peers.published_of_task(folder, task)
    )
    costs = []
    for number, plan in enumerate(plans, 1):
        if sys.stderr.isatty():
            # A slow task takes a minute to time, in which nothing else is printed.
            say(f"timing {number}/{len(plans)}: {plan.title}", error=True)
        costs.append(cost_of(plan, store, place, precedent_of=precedent_of, retry=retry))
    if hours is not None:
        check_hours(costs, hours)
    return costs


def print_costs(costs: Sequence[Cost]) -> None:
    """Print what measurements will cost, and all of them together where there are several."""
    from rlid.measurement import duration

    for cost in costs:
        say(*lines_of(cost))
    if len(costs) > 1:
        known = [cost for cost in costs if not cost.untimed]
        core, wall = (
            [math.fsum(pair[end] for pair in pairs) for end in (0, 1)]
            for pairs in (
                [cost.core_seconds for cost in known],
                [cost.wall_seconds for cost in known],
            )
        )
        untimed = len(costs) - len(known)
        without = f", {untimed} without a time left out" if untimed else ""
        say(
            f"all {len(costs)} measurements{without}: {duration(core[0])} of core time "
            f"(90 %: {duration(core[1])}), {duration(wall[0])} with these jobs "
            f"(90 %: {duration(wall[1])})"
        )


def lines_of(cost: Cost) -> list[str]:
    """Return what a measurement will cost, a line each."""
    from rlid.measurement import count, duration, size, steps_noun

    plan, task = cost.plan, cost.plan.task
    noun = f"{steps_noun(task.kind)}s"
    open_dims = f"d from {min(plan.dims):,} to {plan.dmax:,}"
    first = f", after {cost.reference_trials} of direct training" if cost.reference_trials else ""
    like = f", as in published:{cost.precedent}" if cost.precedent else ""
    there = f"; {cost.held:,} more are in the store" if cost.held else ""
    if not cost.is_work:
        return [plan.title, f"  nothing to run: the store holds all of its {cost.held:,} trials"]
    lines = [
        plan.title,
        f"  protocol: {task.env}, {open_dims}, {count(len(plan.seeds), 'seed')}, "
        f"budget {task.budget:,} {noun}, {plan.question.search} search",
        f"  rule: {plan.question.judged_by}; episodes of at most {task.episode_cap:,} steps, "
        f"observation {task.observation}, simulator {task.backend}",
        f"  reference: {cost.reference.removeprefix(JUDGED_BY)}",
        f"  trials to run: {cost.trials[0]:,.0f} (90 %: {cost.trials[1]:,.0f}, from "
        f"{cost.simulations} simulated searches{like}){first}{there}",
        f"  steps: {_large(cost.steps[0])} {noun} (90 %: {_large(cost.steps[1])})",
    ]
    if cost.untimed:
        lines.append(f"  time: not known: {cost.untimed}")
    else:
        core, wall = (
            [duration(end) for end in ends] for ends in (cost.core_seconds, cost.wall_seconds)
        )
        lines += [
            f"  core time on this machine: {core[0]} (90 %: {core[1]})",
            f"  time with {count(cost.jobs, 'job')}: {wall[0]} (90 %: {wall[1]})",
            f"  memory: {size(cost.memory)}; disk: {size(cost.disk[0])}",
        ]
    return lines


def _large(number: float) -> str:
    """Return a number of steps in words: "45,000", "8.5 million", "63 billion"."""
    for unit, name in ((1e9, "billion"), (1e6, "million")):
        if number >= unit:
            return f"{number / unit:,.3g} {name}"
    return f"{number:,.0f}"
