"""How a search begins: anew, or where an interrupted run of it was saved."""

from __future__ import annotations

from rlid.agent import Agent, Progress, TrainingRound
from rlid.errors import AgentFault, EnvironmentFault, StoreError, is_of_machine, named_line
from rlid.records import State, joined
from rlid.training.agent_steps import AgentSteps, Step, faults_of
from rlid.training.checkpoint import Checkpoints
from rlid.training.course import Course
from rlid.training.seeds import role_generator


def begin(
    course: Course, agent: Agent, checkpoints: Checkpoints | None
) -> tuple[AgentSteps, Step | TrainingRound | None]:
    """Begin the search, and take its first step.

    A checkpoint from which the trial or its agent cannot resume is set aside, and the search begins
    anew. Where the machine failed meanwhile, the checkpoint is not to blame: it stays, and the
    trial is missing.

    Raises:
        EnvironmentFault: the environment failed.
        AgentFault: the agent raised.
        Diverged: the first candidate is not finite.
        StoreError: a checkpoint cannot be read or set aside.
    """
    saved = None if checkpoints is None else checkpoints.load(course.spec)
    if saved is None or checkpoints is None:
        return _first_step(course, agent)
    blank = course.state()
    try:
        course.restore(saved.part("course"))
        course.problem.saved = saved.part("search")
        return _first_step(course, agent)
    except (EnvironmentFault, StoreError):
        raise
    except Exception as error:
        if is_of_machine(error):
            raise AgentFault(f"resuming raised {named_line(error)}") from error
        checkpoints.set_aside(course.spec, f"the trial cannot resume from it: {named_line(error)}")
    course.restore(blank)
    course.problem.saved = None
    course.problem.notes.clear()
    return _first_step(course, agent)


def _first_step(course: Course, agent: Agent) -> tuple[AgentSteps, Step | TrainingRound | None]:
    spec = course.spec
    rng = role_generator(spec.seed, "optimizer")
    search = AgentSteps(spec.agent, agent, course.problem, rng)
    return search, search.send(None)


def save(course: Course, step: Step, checkpoints: Checkpoints | None) -> None:
    """Save the trial where the agent says that its search can be saved.

    Raises:
        AgentFault: the agent raised.
        StoreError: the checkpoint cannot be written.
    """
    if checkpoints is None or not isinstance(step.yielded, Progress) or step.yielded.state is None:
        return
    with faults_of(course.spec.agent):
        search: State = step.yielded.state()
    state = joined({"course": course.state(), "search": search})
    if not checkpoints.save(course.spec, state):
        course.problem.notes["checkpoint"] = f"none: its state takes {state.nbytes} bytes"
