"""What one trial costs: its steps and core seconds, from a timing of a few seconds.

A trial searches, looks at candidates along the way, and scores the best at its end. How many steps
looks and scorings take depends on how long an episode is, which changes as a policy learns.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rlid.measurement.expectation import SOLVED_SHARE
from rlid.measurement.plan import Plan
from rlid.measurement.precedent import Precedent, Spent
from rlid.task import BEST_LOOKS, LOOKS, Task

if TYPE_CHECKING:
    from rlid.training import Timing

LOOK_SHARE = 1 / 3
"""Of a look's episodes, how many are run: looks end as soon as they are decided. From the
validation steps of the published measurements, which lie from 0.1 to 1 of all episodes."""
MOST_GROWTH = 4.0
"""Times the length of an untrained policy's episode, at most, that the average episode of a search
is taken to have."""
CONFIRMATIONS = 3
"""Scorings that a solved trial takes at its end: the confirmation, the scoring, the report."""
SAME_REWARD = 0.02
"""Relative difference of a return from the number of steps up to which every step is taken to give
one point, or to cost one."""
LONG_ENOUGH = 10
"""Steps of an episode from which a difference of one point is nothing: the last step often gives
none."""


Scores = tuple[float, float]
"""The scores of random actions and of direct training."""


@dataclass(frozen=True)
class TrialCost:
    """What one trial costs on average: steps of environments (or of training), core seconds."""

    steps: float
    seconds: float


@dataclass(frozen=True)
class TrialCosts:
    """What a solved and an unsolved trial cost; `untimed` says why no time is known, if so."""

    solved: TrialCost
    unsolved: TrialCost
    untimed: str = ""


def trial_costs(
    plan: Plan, timing: Timing | str, scores: Scores | None, precedent: Precedent | None = None
) -> TrialCosts:
    """Return what the trials of a plan cost on average.

    Args:
        plan: the measurement.
        timing: what was timed, or why nothing was.
        scores: of random actions and of direct training, where they are known.
        precedent: what was measured before of the same, if anything: its steps count then.
    """
    task = plan.task
    untimed = timing if isinstance(timing, str) else ""
    if not isinstance(timing, str) and not timing.search_steps:
        untimed = "the agent's first question takes longer than the timing"
    mean, trained = episode_steps(task, None if isinstance(timing, str) else timing, scores)
    looked_at = float(LOOKS * task.validation_episodes)
    scored = task.scoring_episodes
    if plan.spec(plan.dmax, plan.seeds[0], None).stopping == "confirmed":
        looked_at *= LOOK_SHARE
        last, confirmations = (BEST_LOOKS + 1) * scored, CONFIRMATIONS * scored
    else:
        last = confirmations = scored

    def of(spent: Spent) -> TrialCost:
        steps = spent.search + spent.evaluation
        if untimed or isinstance(timing, str):
            return TrialCost(steps, math.inf)
        return TrialCost(
            steps,
            spent.search * timing.seconds_per_search_step
            + spent.evaluation * timing.seconds_per_evaluation_step,
        )

    unsolved = Spent(task.budget, (looked_at + last) * mean)
    until_solved = looked_at * SOLVED_SHARE * mean
    if plan.is_full:
        after = looked_at * (1 - SOLVED_SHARE) + last
        solved = Spent(task.budget, until_solved + after * trained)
    else:
        solved = Spent(task.budget * SOLVED_SHARE, until_solved + confirmations * trained)
    if precedent is not None:
        solved, unsolved = precedent.solved or solved, precedent.unsolved or unsolved
    return TrialCosts(of(solved), of(unsolved), untimed)


def episode_steps(task: Task, timing: Timing | None, scores: Scores | None) -> tuple[float, float]:
    """Return how long episodes are, in steps: on average while a trial searches, and once solved.

    Episodes change in length as a policy learns: the middle, in logarithm, of an untrained
    policy's and a trained one's is the average. Where every step gives one point, or costs one,
    the scores of random actions and of direct training are these lengths. Elsewhere a trained
    policy's is taken to be the longest possible, but the average at most MOST_GROWTH times an
    untrained policy's: many tasks never reach the cap.
    """
    start = None if timing is None else timing.episode_steps
    if task.kind != "rl":
        return start or 1.0, start or 1.0
    cap = float(task.episode_cap)
    if start is None or timing is None:
        return cap, cap
    if scores is not None and _counts_steps(start, timing.mean_return):
        random, full = (max(1.0, min(abs(score), cap)) for score in scores)
        return math.sqrt(random * full), full
    mean = min(math.sqrt(start * cap), MOST_GROWTH * start)
    return mean, min(cap, mean**2 / start)


def _counts_steps(steps: float, mean_return: float | None) -> bool:
    """Whether the return of episodes is their number of steps, or minus it."""
    if mean_return is None:
        return False
    of_last_step = 1.0 if steps >= LONG_ENOUGH else 0.0
    return abs(abs(mean_return) - steps) <= max(of_last_step, SAME_REWARD * steps)
