"""The main loop: the agent asks, its candidates are looked at, until it is enough."""

from __future__ import annotations

from collections.abc import Generator

from rlid.agent import Agent, Ask, TrainingRound
from rlid.errors import AgentFault, Diverged
from rlid.problem import Answer, Request
from rlid.training.agent_steps import AgentSteps, Step
from rlid.training.checkpoint import Checkpoints
from rlid.training.course import Course
from rlid.training.overlap import Overlap
from rlid.training.resume import begin, save
from rlid.training.seeds import draw_seeds
from rlid.training.tensorboard import Scalars
from rlid.training.validation import unless_fault, validate

Driving = Generator[list[Request] | TrainingRound, list[Answer], None]


def drive(
    course: Course, agent: Agent, checkpoints: Checkpoints | None, scalars: Scalars | None
) -> Driving:
    """Drive the agent until a candidate is final, the budget is spent, or it asks no more.

    With `checkpoints` an interrupted search resumes where it was saved.

    Raises:
        EnvironmentFault: the environment failed.
        AgentFault: the agent raised, or its search ended without a z.
        Diverged: z stopped being finite.
    """
    problem, spec = course.problem, course.spec
    search, first = begin(course, agent, checkpoints)
    step = yield from trained(search, first)
    overlap = Overlap()
    # A question beside a validation that ends the search is in vain, which is worth it only where
    # a step of the simulator costs little more for it.
    may_overlap = scalars is None and (spec.stop_score is None or problem.world.merges)
    while step is not None:
        if isinstance(step.yielded, Ask):
            seeds = draw_seeds(course.training, problem.task.search_episodes)
            *earlier, answer = yield [*overlap.requests, Request(problem, step.Z, seeds)]
            yield from overlap.resume(earlier)
            if course.is_solved:
                break
            returns = unless_fault(answer)
            problem.search_steps += returns.steps
            reply = returns.values.mean(1)
            best = int(reply.argmax())
            last, score = step.Z[best].copy(), reply[best]
        else:
            yield from overlap.end()
            if course.is_solved:
                break
            reply, last, score = None, step.Z[0], step.yielded.score
        course.last = last
        if course.is_due(score):
            validation = validate(course, last)
            if may_overlap and isinstance(step.yielded, Ask):
                overlap.begin(validation)
            else:
                yield from validation
        if scalars is not None:
            scalars.add(problem.search_steps, last, score, course.curve, step.scalars)
        if course.is_solved or problem.search_steps >= spec.budget:
            break
        save(course, step, checkpoints)
        try:
            step = yield from trained(search, search.send(reply))
        except (AgentFault, Diverged):
            yield from overlap.end()
            if course.is_solved:
                break
            raise
    yield from overlap.end()
    search.close()
    if course.last is not None:
        yield from validate(course, course.last, may_end=False)
    elif not course.best:
        # Without a policy there is nothing to judge, and a failure would tell against this d.
        raise AgentFault(f"agent {spec.agent} ended its search before it proposed any z")


def trained(
    search: AgentSteps, step: Step | TrainingRound | None
) -> Generator[TrainingRound, list[Answer], Step | None]:
    """Ask for the rounds of training that the agent wants first; return its next step.

    Raises:
        EnvironmentFault, AgentFault, Diverged: as `AgentSteps.send`, or from the training.
    """
    while isinstance(step, TrainingRound):
        yield step
        step = search.send(None)
    return step
