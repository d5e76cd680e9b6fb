"""Validation of the candidates of a search on fresh episodes: looks, confirmations and gates.

A generator here yields requests and is sent their answers, as everything that a trial drives.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rlid.errors import EnvironmentFault
from rlid.problem import Answer, Request, Returns
from rlid.records import generator_state, restore_generator
from rlid.training.course import Course, Look, Z
from rlid.training.seeds import draw_seeds, numbered_generator
from rlid.training.stopping import (
    CONFIRMATION,
    FIRST_EDITION_LOOK,
    GATE,
    LOOK,
    SequentialTest,
)
from rlid.world import Part

Asking = Generator[list[Request], list[Answer], None]
Seeds = Sequence[tuple[int, ...]]


class Tested(NamedTuple):
    """Returns (m,) of the episodes that counted, their steps, and the parts that they were."""

    values: NDArray[np.float64]
    has_passed: bool
    steps: int
    parts: int


Testing = Generator[list[Request], list[Answer], Tested]


def validate(course: Course, z: Z, *, may_end: bool = True) -> Asking:
    """Look at a candidate z (d,); the search is over when fresh episodes agree that it is enough.

    With stopping "look" the look alone decides. With "confirmed" a look that passes is followed by
    a confirmation, and this by a scoring. Where either falls short, the search goes on: the agent
    learns nothing of it, and no draw depends on it. Without `may_end` the search is over, and z is
    looked at and no more: with stopping "look" it is scored where its look passes.
    """
    steps = course.problem.search_steps
    looked = yield from _look(course, z)
    look = Look(z, float(looked.values.mean()))
    course.note(look, steps)
    course.is_in_doubt = False
    if not looked.has_passed:
        return
    if course.is_confirmed:
        if may_end:
            yield from _confirm(course, look, steps)
    elif may_end:
        course.finish(look)
    else:
        course.best = [look]


def _look(course: Course, z: Z) -> Testing:
    """Run the look at z; its steps are counted."""
    test = LOOK if course.is_confirmed else FIRST_EDITION_LOOK
    problem, stop = course.problem, course.spec.stop_score
    counts = test.parts(problem.task.validation_episodes)
    # An objective's evaluations are numbered, and each has data of its own.
    seeds: list[tuple[int, ...]] = [
        tuple(range(sum(counts[:part]), sum(counts[: part + 1]))) for part in range(len(counts))
    ]
    together = [len(counts)] if stop is None else [1] * len(counts)
    if stop is not None and problem.world.merges and len(counts) > 1:
        # Most candidates that get past the first part are looked at to the end. Where a step costs
        # little more for it, no part waits for the longest episode of another.
        together = [1, len(counts) - 1]
    if problem.task.kind != "rl":
        return (yield from run_test(course, z, test, seeds, together, "validation"))
    rng = course.episodes
    if course.is_confirmed:
        rng = numbered_generator(course.spec.seed, "validation", problem.search_steps)
    states = []
    for part, count in enumerate(counts):
        seeds[part] = draw_seeds(rng, count)
        states.append(generator_state(rng))
    result = yield from run_test(course, z, test, seeds, together, "validation")
    # Parts that were not needed are as if they had not been drawn.
    restore_generator(rng, states[result.parts - 1])
    return result


def _confirm(course: Course, look: Look, steps: int) -> Asking:
    """Confirm a look that passed after so many search steps, then score the policy."""
    task, seed = course.problem.task, course.spec.seed
    course.is_in_doubt = True
    counts = CONFIRMATION.parts(task.confirmation_episodes or task.scoring_episodes)
    rng = numbered_generator(seed, "confirmation", steps)
    seeds = [draw_seeds(rng, count) for count in counts]
    alone = [1] * len(counts)
    confirmed = yield from run_test(course, look.z, CONFIRMATION, seeds, alone, "validation")
    if not confirmed.has_passed:
        return
    gate = [draw_seeds(numbered_generator(seed, "gate", steps), task.scoring_episodes)]
    scored = yield from run_test(course, look.z, GATE, gate, [1], "scoring")
    if scored.has_passed:
        course.finish(look, scored.values)


def run_test(
    course: Course,
    z: Z,
    test: SequentialTest,
    seeds: Seeds,
    together: Sequence[int],
    part: Part,
) -> Testing:
    """Run a test of z (d,) until it is decided; `seeds` holds those of each part.

    `together` says how many parts are asked for at once. What was asked for in vain is not counted.

    Raises:
        EnvironmentFault: the environment failed in an episode that counts.
    """
    episodes = sum(map(len, seeds))
    values, steps, done = np.empty(0), 0, 0
    verdict: bool | None = None
    for number in together:
        requests = [
            Request(course.problem, z[None], each, part) for each in seeds[done : done + number]
        ]
        for answer in (yield requests):
            returns = unless_fault(answer)
            count(course, part, returns.steps)
            values = np.concatenate([values, returns.values[0]])
            steps, done = steps + returns.steps, done + 1
            verdict = test.verdict(values, episodes, course.spec.stop_score)
            if verdict is not None:
                return Tested(values, verdict, steps, done)
    raise AssertionError("a test is decided by its last part")


def count(course: Course, part: Part, steps: int) -> None:
    """Count steps of a validation or of a scoring."""
    if part == "scoring":
        course.scoring_steps += steps
    else:
        course.validation_steps += steps


def unless_fault(answer: Answer) -> Returns:
    """Return the returns that an answer holds.

    Raises:
        EnvironmentFault: the answer is a fault.
    """
    if isinstance(answer, EnvironmentFault):
        raise answer
    return answer
