"""One training run, from spec to record: the only training loop there is."""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlid.agent import AGENTS
from rlid.errors import EnvironmentFault, StoreError, named_line
from rlid.problem import Answer, Evaluation, Problem, Request, make_problem
from rlid.records import Judgement, Record, TrialSpec, thin_curve, versions
from rlid.simulators import hidden_state, make_network, make_world
from rlid.task import Task
from rlid.training.checkpoint import Checkpoints
from rlid.training.course import Course, Z, draw_seeds, role_generator, unless_fault
from rlid.training.journal import Journal, Journals
from rlid.training.loop import search
from rlid.training.tensorboard import Scalars
from rlid.world import no_beat

Deliver = Callable[[Record, "Z | None"], None]
TrialSteps = Generator[list[Request], list[Answer], "tuple[Record, Z | None]"]


def trial(
    spec: TrialSpec,
    judgement: Judgement,
    problem: Problem,
    checkpoints: Checkpoints | None = None,
    scalars: Scalars | None = None,
) -> TrialSteps:
    """Run one trial as a generator that asks for evaluations and returns (record, z).

    With `checkpoints` it goes on from where an interrupted run of it stood, if there is one.

    A fault of the environment is an answer, or is raised by a gradient agent's own training; it
    ends the trial as missing. An agent that raises has not solved.
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
            yield from search(course, agent, checkpoints, scalars)
        except (EnvironmentFault, StoreError):
            raise
        except ImportError as error:
            # What is not installed says nothing of the agent.
            raise EnvironmentFault(f"a package is missing: {named_line(error)}") from error
        except Exception as error:
            reason = f"the agent raised {named_line(error)}"
        if course.best is not None:
            seeds = draw_seeds(role_generator(spec.seed, "scoring"), problem.task.scoring_episodes)
            (answer,) = yield [Request(problem, course.best[None], seeds, "scoring")]
            result = unless_fault(answer)
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


def run_trials(
    specs: Sequence[TrialSpec],
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
    world = make_world(task, beat)
    network = make_network(task, specs[0].network, world)
    # What takes longest to import is there: from here on the task's patience holds.
    beat()
    room = len(specs) if world.merges else 1
    evaluation, keys = Evaluation(), itertools.count()
    runs: list[_Run] = []
    waiting, under_way = deque[_Run](), list[_Run]()
    asked: dict[int, tuple[_Run, int]] = {}

    def advance(run: _Run, resume: Callable[[], list[Request]]) -> None:
        """Let a trial think until it has a question, or is over."""
        started = time.perf_counter()
        try:
            run.ask(resume, beat)
            run.seconds += time.perf_counter() - started
        except StopIteration as end:
            run.seconds += time.perf_counter() - started
            record, z = end.value
            total = round(record.seconds + run.seconds, 4)
            deliver(record.model_copy(update={"seconds": total}), z)
            if checkpoints is not None:
                checkpoints.drop(record.spec)
            if run.journal is not None:
                run.journal.remove()
        else:
            waiting.appendleft(run)

    try:
        for spec in specs:
            problem = make_problem(
                task, network, spec.projection, spec.d, spec.seed, world, spec.budget, beat
            )
            problem.is_watched = tensorboard is not None
            scalars = None if tensorboard is None else Scalars(tensorboard, spec)
            steps = trial(spec, judgement, problem, checkpoints, scalars)
            runs.append(_Run(steps, None if journals is None else journals.open(spec), scalars))
            advance(runs[-1], partial(next, steps))
        waiting.reverse()
        while waiting or under_way:
            while waiting and len(under_way) < room:
                started = time.perf_counter()
                under_way.append(run := waiting.popleft())
                for place in run.open:
                    asked[key := next(keys)] = run, place
                    evaluation.add(key, run.requests[place])
                run.seconds += time.perf_counter() - started
            started = time.perf_counter()
            found = evaluation.run()
            share = (time.perf_counter() - started) / len(under_way)
            for run in under_way:
                run.seconds += share
            for key, answer in found:
                run, place = asked.pop(key)
                run.answers[place] = answer
            for run in [run for run in under_way if run.is_answered]:
                under_way.remove(run)
                advance(run, partial(run.steps.send, run.take()))
    finally:
        for run in runs:
            run.close()
        world.close()


@dataclass(eq=False)
class _Run:
    """A trial under way: what it asks, and what is answered so far."""

    steps: TrialSteps
    journal: Journal | None
    scalars: Scalars | None
    seconds: float = 0.0
    requests: list[Request] = field(default_factory=list)
    answers: list[Answer | None] = field(default_factory=list)
    kept: int = 0

    @property
    def open(self) -> range:
        """The places of the requests that are to be evaluated."""
        return range(self.kept, len(self.requests))

    @property
    def is_answered(self) -> bool:
        """Whether nothing is missing."""
        return None not in self.answers

    def ask(self, resume: Callable[[], list[Request]], beat: Callable[[], None]) -> None:
        """Resume the trial, until it asks what its journal cannot answer.

        Raises:
            StopIteration: it is over.
        """
        while True:
            self.requests = resume()
            kept = [self.journal.answer(item) for item in self.requests] if self.journal else []
            self.answers = [*kept] if kept else [None] * len(self.requests)
            self.kept = len(self.requests) - self.answers.count(None)
            if not self.is_answered:
                return
            beat()
            resume = partial(self.steps.send, self.take())

    def take(self) -> list[Answer]:
        """Return the answers, those that are new kept in the journal up to the first fault."""
        answers = [answer for answer in self.answers if answer is not None]
        for place in self.open:
            answer = answers[place]
            if isinstance(answer, EnvironmentFault):
                break
            if self.journal is not None:
                self.journal.add(self.requests[place], answer)
        return answers

    def close(self) -> None:
        """Let go of its files."""
        if self.journal is not None:
            self.journal.close()
        if self.scalars is not None:
            self.scalars.close()
