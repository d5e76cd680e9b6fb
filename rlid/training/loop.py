"""The loop of a trial: the agent asks, its candidates are validated, and in time it is enough."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlid.agent import Ask, Progress
from rlid.errors import Diverged
from rlid.problem import Answer, Request
from rlid.records import State, joined
from rlid.training.checkpoint import Checkpoints
from rlid.training.course import Course, Validation, draw_seeds, role_generator, unless_fault
from rlid.training.tensorboard import Scalars


def search(
    course: Course, agent: Any, checkpoints: Checkpoints | None, scalars: Scalars | None
) -> Validation:
    """Drive the agent until a candidate is final, the budget is spent, or it asks no more.

    With `checkpoints` it goes on from where an interrupted search was saved.

    Raises:
        EnvironmentFault: the environment failed.
        Exception: the agent raised.
    """
    problem, spec = course.problem, course.spec
    saved = checkpoints.load(spec) if checkpoints is not None else None
    if saved is not None:
        course.restore(saved.part("course"))
        problem.saved = saved.part("search")
    training = role_generator(spec.seed, "training")
    asking = agent.search(problem, role_generator(spec.seed, "optimizer"))
    reply: NDArray[np.float64] | None = None
    beside = _Beside()
    # Where it may end the search, the question beside it may be in vain: that is worth it only
    # where a step of the simulator costs little more for it.
    may_be_beside = spec.stop_score is None or problem.world.merges
    while problem.search_steps < spec.budget:
        try:
            step = asking.send(reply)
            offered = _checked(step.Z if isinstance(step, Ask) else step.z[None], problem.dim)
        except Exception as error:
            yield from beside.end()
            if isinstance(error, StopIteration):
                break
            raise
        if isinstance(step, Ask):
            seeds = draw_seeds(training, problem.task.search_episodes)
            request = Request(problem, offered, seeds)
            *earlier, answer = yield [*beside.requests, request]
            yield from beside.go_on(earlier)
            if course.is_solved:
                # The last question was one too many: nothing is made of its answer.
                break
            result = unless_fault(answer)
            problem.search_steps += result.steps
            reply = result.values.mean(1)
            best = int(reply.argmax())
            course.last, score = offered[best].copy(), float(reply[best])
        else:
            yield from beside.end()
            course.last, score = offered[0], step.score
        last = course.last
        if course.is_due(score):
            validation = course.validate(last)
            if may_be_beside and isinstance(step, Ask) and scalars is None:
                beside.begin(validation)
            else:
                yield from validation
        if scalars is not None:
            more = step.scalars if isinstance(step, Progress) else {}
            scalars.add(problem.search_steps, last, score, course.curve, more)
        if course.is_solved:
            break
        if checkpoints is not None and isinstance(step, Progress) and step.state is not None:
            _save(checkpoints, course, step.state)
    yield from beside.end()
    asking.close()
    if course.last is not None:
        yield from course.validate(course.last)


class _Beside:
    """A validation that runs beside the next question: in vain, where it ends the search."""

    def __init__(self) -> None:
        """There is none yet."""
        self._validation: Validation | None = None
        self.requests: list[Request] = []

    def begin(self, validation: Validation) -> None:
        """Take in what `Course.validate` gives; `requests` are to be asked next."""
        self._validation, self.requests = validation, next(validation)

    def go_on(self, answers: list[Answer]) -> Validation:
        """Give the validation the answers to `requests`, and ask for what it still needs."""
        validation, self._validation, self.requests = self._validation, None, []
        if validation is not None:
            with contextlib.suppress(StopIteration):
                while True:
                    answers = yield validation.send(answers)

    def end(self) -> Validation:
        """Ask for what is left to be asked."""
        if self._validation is not None:
            yield from self.go_on((yield self.requests))


def _save(checkpoints: Checkpoints, course: Course, search: Callable[[], State]) -> None:
    state = joined({"course": course.state(), "search": search()})
    if not checkpoints.save(course.spec, state):
        course.problem.notes["checkpoint"] = f"none: its state takes {state.nbytes} bytes"


def _checked(candidates: NDArray[np.floating], d: int) -> NDArray[np.float32]:
    """Return candidates (n, d) as float32; an agent that diverged gives none."""
    if candidates.ndim != 2 or candidates.shape[1] != d:
        raise ValueError(f"candidates of shape {candidates.shape}, not (n, {d})")
    checked = candidates.astype(np.float32)
    if not np.isfinite(checked).all():
        raise Diverged("z is not finite: the search diverged")
    return checked
