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
from rlid.task import Task

if TYPE_CHECKING:
    from rlid.training import Timing

LOOKS = 50
"""Validations of a trial that runs its whole budget."""
LOOK_SHARE = 1 / 3
"""Of a look's episodes, how many are run: looks end as soon as they are decided. From the
validation steps of the published measurements, which lie from 0.1 to 1 of all episodes."""
MOST_GROWTH = 4.0
"""Times the length of an untrained policy's episode, at most, that an episode is taken to have."""
RELOOKS = 5
"""Policies that are looked at again when the budget ends."""
CONFIRMATIONS = 3
"""Scorings that a solved trial takes at its end: the confirmation, the scoring, the report."""
SAME_REWARD = 0.02
"""Relative difference of a return from the number of steps up to which every step is taken to give
one point, or to cost one."""


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


def trial_costs(plan: Plan, timing: Timing | str, scores: Scores | None) -> TrialCosts:
    """Return what the trials of a plan cost on average.

    Args:
        plan: the measurement.
        timing: what was timed, or why nothing was.
        scores: of random actions and of direct training, where they are known.
    """
    task = plan.task
    untimed = timing if isinstance(timing, str) else ""
    if not isinstance(timing, str) and not timing.search_steps:
        untimed = "the agent's first question takes longer than the timing"
    episode = episode_steps(task, None if isinstance(timing, str) else timing, scores)
    looks = LOOKS * task.validation_episodes * episode
    if plan.spec(plan.dmax, plan.seeds[0], None).stopping == "confirmed":
        looks *= LOOK_SHARE
        last = (RELOOKS + 1) * task.scoring_episodes * episode
        confirmations = CONFIRMATIONS * task.scoring_episodes * episode
    else:
        last = confirmations = task.scoring_episodes * episode

    def of(share: float, scoring: float) -> TrialCost:
        search, evaluation = task.budget * share, looks * share + scoring
        if untimed or isinstance(timing, str):
            return TrialCost(search + evaluation, math.inf)
        return TrialCost(
            search + evaluation,
            search * timing.seconds_per_search_step
            + evaluation * timing.seconds_per_evaluation_step,
        )

    unsolved = of(1.0, last)
    solved = unsolved if plan.is_full else of(SOLVED_SHARE, confirmations)
    return TrialCosts(solved, unsolved, untimed)


def episode_steps(task: Task, timing: Timing | None, scores: Scores | None) -> float:
    """Return how long an episode is on average while a trial searches, in steps.

    Episodes change in length as a policy learns: the middle, in logarithm, of an untrained
    policy's and a trained one's is taken. Where every step gives one point, or costs one, the
    scores of random actions and of direct training are these lengths. Elsewhere the longest
    possible is taken for a trained policy's, but no more than MOST_GROWTH times the untrained
    one's: many tasks never reach the cap.
    """
    start = None if timing is None else timing.episode_steps
    if task.kind != "rl":
        return start or 1.0
    if start is None or timing is None:
        return float(task.episode_cap)
    if scores is not None and _counts_steps(start, timing.mean_return):
        random, full = (min(abs(score), float(task.episode_cap)) for score in scores)
        return math.sqrt(max(1.0, random) * max(1.0, full))
    return min(math.sqrt(start * task.episode_cap), MOST_GROWTH * start)


def _counts_steps(steps: float, mean_return: float | None) -> bool:
    """Whether the return of episodes is their number of steps, or minus it."""
    return mean_return is not None and abs(abs(mean_return) - steps) <= SAME_REWARD * steps
