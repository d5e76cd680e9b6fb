"""What a trial scores at its end: second looks at its best policies, then fresh episodes.

A generator here yields requests and is sent their answers, as everything that a trial drives.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rlid.problem import Answer, Request
from rlid.training.course import Course, Z
from rlid.training.seeds import draw_seeds, numbered_generator, role_generator
from rlid.training.stopping import (
    SECOND_LOOK_ENDS,
    SECOND_LOOK_LEAST,
    parts_of,
    still_racing,
)
from rlid.training.validation import count, unless_fault


@dataclass(frozen=True)
class Score:
    """A trial's policy z (d,), the returns (n,) that decided, and those (n,) that are reported."""

    z: Z
    deciding: NDArray[np.float64]
    reported: NDArray[np.float64]


Scoring = Generator[list[Request], list[Answer], Score | None]


def score(course: Course) -> Scoring:
    """Score the policy that ended the search, or the best at the end of the budget.

    With stopping "look" one scoring decides and is reported. With "confirmed", a scoring that
    reached the stop score counts because it is high, so that a further one is reported, which
    decides nothing. Without a stop score a further one is always reported.

    Returns None where the search had no candidate.

    Raises:
        EnvironmentFault: the environment failed.
    """
    if not course.best:
        return None
    if course.deciding is not None:
        z, deciding = course.best[0].z, course.deciding
    else:
        z = course.best[0].z
        if course.is_confirmed and len(course.best) > 1:
            z = yield from _second_looks(course)
        deciding = yield from _episodes(course, z, "scoring")
    stop = course.spec.stop_score
    if course.is_confirmed and (stop is None or deciding.mean() >= stop):
        return Score(z, deciding, (yield from _episodes(course, z, "reporting")))
    return Score(z, deciding, deciding)


def _episodes(
    course: Course, z: Z, role: str
) -> Generator[list[Request], list[Answer], NDArray[np.float64]]:
    """Return the returns (n,) of z (d,) in as many fresh episodes as a scoring has."""
    problem = course.problem
    seeds = draw_seeds(role_generator(course.spec.seed, role), problem.task.scoring_episodes)
    (answer,) = yield [Request(problem, z[None], seeds, "scoring")]
    returns = unless_fault(answer)
    count(course, "scoring", returns.steps)
    values: NDArray[np.float64] = returns.values[0]
    return values


def _second_looks(course: Course) -> Generator[list[Request], list[Answer], Z]:
    """Look at the best policies again, on the same fresh episodes each, and return the best one.

    They race: one that is clearly behind, or clearly below the stop score, drops out.
    """
    problem, stop = course.problem, course.spec.stop_score
    rng = numbered_generator(course.spec.seed, "second_look", 0)
    seeds = draw_seeds(rng, problem.task.confirmation_episodes or problem.task.scoring_episodes)
    policies = [look.z for look in course.best]
    values = [np.empty(0) for _ in policies]
    racing, start = list(range(len(policies))), 0
    for episodes in parts_of(SECOND_LOOK_ENDS, SECOND_LOOK_LEAST, len(seeds)):
        part = seeds[start : start + episodes]
        start += episodes
        Z_racing = np.stack([policies[index] for index in racing])  # noqa: N806
        (answer,) = yield [Request(problem, Z_racing, part, "validation")]
        returns = unless_fault(answer)
        count(course, "validation", returns.steps)
        for index, row in zip(racing, returns.values, strict=True):
            values[index] = np.concatenate([values[index], row])
        leader = max(racing, key=lambda index: values[index].mean())
        left = still_racing([values[index] for index in racing], stop)
        racing = [racing[position] for position in left]
        if len(racing) < 2:
            return policies[racing[0] if racing else leader]
    return policies[leader]
