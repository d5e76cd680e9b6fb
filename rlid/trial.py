"""One training run, from spec to record: the only training loop there is."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlid.agent import AGENTS, Ask, Progress
from rlid.checkpoint import Checkpoints
from rlid.course import Course, Z, draw_seeds, role_generator
from rlid.journal import Journal, Journals
from rlid.observation import hidden_state
from rlid.problem import Evaluation, Problem, Request, Returns, make_problem
from rlid.record import Judgement, Record, Spec, thin_curve, versions
from rlid.rollout import no_beat
from rlid.scalars import Scalars
from rlid.simulator import make_network, make_world
from rlid.state import State, joined
from rlid.store import StoreError
from rlid.task import EnvironmentFault, Task

Deliver = Callable[[Record, "Z | None"], None]


def trial(
    spec: Spec,
    judgement: Judgement,
    problem: Problem,
    checkpoints: Checkpoints | None = None,
    scalars: Scalars | None = None,
) -> Generator[Request, Returns, tuple[Record, Z | None]]:
    """Run one trial as a generator that asks for evaluations and returns (record, z).

    With `checkpoints` it goes on from where an interrupted run of it stood, if there is one.

    A fault of the environment is thrown in by whoever drives it, or raised by a gradient agent's
    own training; it ends the trial as missing. An agent that raises has not solved.
    """
    course = Course(problem, spec, role_generator(spec.seed, "validation"))
    status, reason = "unsolved", ""
    scores: NDArray[np.float64] | None = None
    scoring_steps = 0
    notes: dict[str, Any] = {}
    try:
        try:
            agent = AGENTS[spec.agent](**spec.settings)
            notes = agent.notes(problem)
            yield from _search(course, agent, checkpoints, scalars)
        except (EnvironmentFault, StoreError):
            raise
        except ImportError as error:
            # What is not installed says nothing of the agent.
            raise EnvironmentFault(f"a package is missing: {_first_line(error)}") from error
        except Exception as error:
            reason = f"the agent raised {_first_line(error)}"
        if course.best is not None:
            seeds = draw_seeds(role_generator(spec.seed, "scoring"), problem.task.scoring_episodes)
            result = yield Request(problem, course.best[None], seeds, "scoring")
            scores, scoring_steps = result.values[0], result.steps
            threshold = judgement.threshold
            if threshold is not None and not reason and scores.mean() >= threshold:
                status = "solved"
    except EnvironmentFault as fault:
        status, reason, scores = fault.status, fault.reason, None
    z = course.best if scores is not None else None
    return Record(
        spec=spec,
        status=status,  # type: ignore[arg-type]
        reason=reason,
        score=float(scores.mean()) if scores is not None else None,
        episodes=len(scores) if scores is not None else 0,
        threshold=judgement.threshold,
        random=judgement.random,
        reference=judgement.reference,
        dmin=judgement.dmin,
        dmax=judgement.dmax,
        rule=judgement.rule,
        baseline=judgement.baseline,
        D=problem.subspace.D,
        env_steps=problem.search_steps + course.validation_steps + scoring_steps,
        search_steps=problem.search_steps,
        validation_steps=course.validation_steps,
        scoring_steps=scoring_steps,
        stopped_early=course.is_solved,
        seconds=course.earlier_seconds,
        curve=thin_curve(course.curve),
        hidden_state=hidden_state(problem.task, problem.world),
        notes={**notes, **problem.notes},
        theta_sha256=problem.subspace.theta_sha256(z) if z is not None else None,
        versions=versions(),
    ), z


def _search(
    course: Course, agent: Any, checkpoints: Checkpoints | None, scalars: Scalars | None
) -> Generator[Request, Returns, None]:
    """Drive the agent until a candidate is final, the budget is spent, or it asks no more."""
    problem, spec = course.problem, course.spec
    saved = checkpoints.load(spec) if checkpoints is not None else None
    if saved is not None:
        course.restore(saved.part("course"))
        problem.saved = saved.part("search")
    training = role_generator(spec.seed, "training")
    search = agent.search(problem, role_generator(spec.seed, "optimizer"))
    reply: NDArray[np.float64] | None = None
    while problem.search_steps < spec.budget:
        try:
            step = search.send(reply)
        except StopIteration:
            break
        if isinstance(step, Ask):
            seeds = draw_seeds(training, problem.task.search_episodes)
            result = yield Request(problem, _checked(step.Z, problem.dim), seeds)
            problem.search_steps += result.steps
            reply = result.values.mean(1)
            best = int(reply.argmax())
            course.last, score = step.Z[best].astype(np.float32), float(reply[best])
        else:
            course.last, score = _checked(step.z[None], problem.dim)[0], step.score
        z = course.last
        if course.is_due(score):
            yield from course.validate(course.last)
        if scalars is not None:
            more = step.scalars if isinstance(step, Progress) else {}
            scalars.add(problem.search_steps, z, score, course.curve, more)
        if course.is_solved:
            break
        if checkpoints is not None and isinstance(step, Progress) and step.state is not None:
            _save(checkpoints, course, step.state)
    search.close()
    if course.last is not None:
        yield from course.validate(course.last)


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
        raise ValueError("z is not finite: the search diverged")
    return checked


def run_trials(
    specs: Sequence[Spec],
    judgement: Judgement,
    task: Task,
    deliver: Deliver,
    beat: Callable[[], None] = no_beat,
    journals: Journals | None = None,
    checkpoints: Checkpoints | None = None,
    tensorboard: str | None = None,
) -> None:
    """Run a cell: the trials of one task and network, side by side; deliver each as it ends.

    Where the simulator gains from it, what the trials ask for runs in one batch, and each is
    answered as soon as its own episodes are over. With
    `journals`, a trial that was killed goes on where it was, and gives the same record; with
    `checkpoints`, one of a gradient agent goes on from where it was last saved. `tensorboard` is a
    folder for the curves of each.
    """
    world = make_world(task)
    network = make_network(task, specs[0].network, world)
    # What takes longest to import is there: from here on the task's patience holds.
    beat()
    seconds = dict.fromkeys(range(len(specs)), 0.0)
    trials: dict[int, Generator[Request, Returns, tuple[Record, Z | None]]] = {}
    waiting, kept, watched = dict[int, Request](), dict[int, Journal](), dict[int, Scalars]()
    evaluation = Evaluation()

    def advance(index: int, resume: Callable[[], Request]) -> None:
        started = time.perf_counter()
        try:
            request = resume()
            while index in kept and (answer := kept[index].answer(request)) is not None:
                beat()
                request = trials[index].send(answer)
            waiting[index] = request
            seconds[index] += time.perf_counter() - started
        except StopIteration as end:
            seconds[index] += time.perf_counter() - started
            waiting.pop(index, None)
            record, z = end.value
            total = round(record.seconds + seconds[index], 4)
            deliver(record.model_copy(update={"seconds": total}), z)
            if checkpoints is not None:
                checkpoints.drop(record.spec)
            if index in kept:
                kept[index].remove()

    try:
        for index, spec in enumerate(specs):
            problem = make_problem(
                task, network, spec.projection, spec.d, spec.seed, world, spec.budget, beat
            )
            if tensorboard is not None:
                problem.is_watched = True
                watched[index] = Scalars(tensorboard, spec)
            trials[index] = trial(spec, judgement, problem, checkpoints, watched.get(index))
            if journals is not None:
                kept[index] = journals.open(spec)
            advance(index, partial(next, trials[index]))
        under_way = set[int]()
        while waiting:
            room = len(specs) if world.merges else 1
            for index in [index for index in waiting if index not in under_way]:
                if len(under_way) < room:
                    evaluation.add(index, waiting[index])
                    under_way.add(index)
            started = time.perf_counter()
            answers = evaluation.run()
            share = (time.perf_counter() - started) / len(under_way)
            for index in under_way:
                seconds[index] += share
            for index, answer in answers:
                under_way.remove(index)
                if isinstance(answer, EnvironmentFault):
                    advance(index, partial(trials[index].throw, answer))
                else:
                    if index in kept:
                        kept[index].add(waiting[index], answer)
                    advance(index, partial(trials[index].send, answer))
    finally:
        for journal in kept.values():
            journal.close()
        for scalars in watched.values():
            scalars.close()
        world.close()


def _first_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"[:500]
