"""A cell: the trials of one task and network, side by side in one process."""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from rlid.agent import TrainingRound
from rlid.errors import EnvironmentFault
from rlid.problem import Answer, Evaluation, Problem, Request, make_problem
from rlid.records import Judgement, Record, Standing, TrialSpec
from rlid.simulators import make_network, make_world
from rlid.task import Task
from rlid.training.checkpoint import Checkpoints
from rlid.training.course import Course, Z
from rlid.training.instances import scoring_envs, slices
from rlid.training.journal import Journal, Journals
from rlid.training.rounds import Rounds
from rlid.training.standings import Standings, Tell
from rlid.training.tensorboard import Scalars
from rlid.training.trial import TrialSteps, trial
from rlid.world import no_beat

Deliver = Callable[[Record, Z | None], None]
Resume = Callable[[], list[Request] | TrainingRound]


def run_trials(
    specs: Sequence[TrialSpec],
    judgement: Judgement,
    task: Task,
    deliver: Deliver,
    beat: Callable[[], None] = no_beat,
    journals: Journals | None = None,
    checkpoints: Checkpoints | None = None,
    tensorboard: str | None = None,
    tell: Tell | None = None,
) -> None:
    """Run the trials of one task and network side by side; deliver each as it ends.

    Where the process may hold too few instances of the environment to train them all at once, some
    of them begin when others have ended.

    With `journals`, a trial that was killed resumes, and gives the same record; with `checkpoints`,
    a trial of a gradient agent resumes where it was last saved. `tensorboard` is a folder for the
    curves of each trial. `tell` hears now and then where the trials stand.
    """
    standings = Standings(beat, tell)
    for part in slices(task, specs):
        cell = SideBySide(task, part, judgement, deliver, standings, checkpoints)
        standings.of(cell.standings)
        try:
            for spec in part:
                journal = None if journals is None else journals.open(spec)
                scalars = None if tensorboard is None else Scalars(tensorboard, spec)
                cell.admit(spec, journal, scalars)
            while cell.step():
                pass
        finally:
            cell.close()


@dataclass(eq=False)
class RunningTrial:
    """A trial under way: what it asks, and what is answered so far.

    Attributes:
        problem: what its agent sees, which counts its steps.
        course: how far it has come.
        seconds: how long it ran, its share of batches included.
        requests: what it asks now.
        answers: the answers so far, None where one is missing.
        kept: how many of the first answers came from the journal.
        training: the round of training that it asks for, instead of requests.
    """

    steps: TrialSteps
    journal: Journal | None
    scalars: Scalars | None
    problem: Problem
    course: Course
    seconds: float = 0.0
    requests: list[Request] = field(default_factory=list)
    answers: list[Answer | None] = field(default_factory=list)
    kept: int = 0
    training: TrainingRound | None = None

    @property
    def open(self) -> range:
        """Indices of the requests that are to be evaluated."""
        return range(self.kept, len(self.requests))

    @property
    def is_answered(self) -> bool:
        """Whether no answer is missing."""
        return None not in self.answers

    def ask(self, resume: Resume, beat: Callable[[], None]) -> None:
        """Resume the trial, until it asks what its journal cannot answer, or for training.

        Raises:
            StopIteration: the trial is over.
        """
        while True:
            asked = resume()
            self.training = asked if isinstance(asked, TrainingRound) else None
            self.requests = [] if isinstance(asked, TrainingRound) else asked
            if self.training is not None:
                return
            journal = self.journal
            kept = [journal.answer(request) for request in self.requests] if journal else []
            self.answers = [*kept] if kept else [None] * len(self.requests)
            self.kept = len(self.requests) - self.answers.count(None)
            if not self.is_answered:
                return
            beat()
            resume = partial(self.steps.send, self.take())

    def take(self) -> list[Answer]:
        """Return the answers; new ones are kept in the journal, up to the first fault."""
        answers = [answer for answer in self.answers if answer is not None]
        for index in self.open:
            answer = answers[index]
            if isinstance(answer, EnvironmentFault):
                break
            if self.journal is not None:
                self.journal.add(self.requests[index], answer)
        return answers

    def close(self) -> None:
        """Close its files."""
        if self.journal is not None:
            self.journal.close()
        if self.scalars is not None:
            self.scalars.close()


class SideBySide:
    """The trials of a cell under way.

    Where the simulator gains by it, the requests of all trials run in one batch, and each trial
    resumes as soon as its own episodes are over. Otherwise one trial is evaluated at a time.
    Trials that ask for a round of training wait for each other, and train together.

    Attributes:
        world: the simulator of all trials.
        network: the network of all trials.
        evaluation: answers what trials ask.
        running: the trials under way.
    """

    def __init__(
        self,
        task: Task,
        specs: Sequence[TrialSpec],
        judgement: Judgement,
        deliver: Deliver,
        beat: Callable[[], None],
        checkpoints: Checkpoints | None,
    ) -> None:
        """Make the world of the task, for the trials of `specs`, which will be admitted."""
        self._task, self._judgement, self._deliver = task, judgement, deliver
        self._beat, self._checkpoints = beat, checkpoints
        self.world = make_world(task, beat, scoring_envs(task, specs))
        self.network = make_network(task, specs[0].network, self.world)
        # The slowest imports are done: from here on the task's patience holds.
        beat()
        self._room = len(specs) if self.world.merges else 1
        self.evaluation, self._keys = Evaluation(), itertools.count()
        self.running: list[RunningTrial] = []
        self._waiting, self._evaluated = deque[RunningTrial](), list[RunningTrial]()
        self._asked: dict[int, tuple[RunningTrial, int]] = {}
        self._training = Rounds[RunningTrial]()

    def admit(self, spec: TrialSpec, journal: Journal | None, scalars: Scalars | None) -> None:
        """Begin a trial, and run it up to its first request."""
        problem = make_problem(
            self._task,
            self.network,
            spec.projection,
            spec.d,
            spec.seed,
            self.world,
            spec.budget,
            self._beat,
        )
        problem.is_watched = scalars is not None
        problem.device = spec.device
        course = Course(problem, spec)
        steps = trial(spec, self._judgement, problem, self._checkpoints, scalars, course)
        run = RunningTrial(steps, journal, scalars, problem, course)
        self.running.append(run)
        if self.resume(run, partial(next, steps)):
            # Trials wait in the order in which they were admitted.
            self._waiting.rotate(-1)

    def standings(self) -> tuple[Standing, ...]:
        """Return where each trial under way stands."""
        return tuple(run.course.standing for run in self.running)

    def step(self) -> bool:
        """Evaluate until a request is answered; resume the trials whose requests all are.

        Returns whether there was a trial left to run.
        """
        if not self._waiting and not self._evaluated:
            return self._train()
        while self._waiting and len(self._evaluated) < self._room:
            started = time.perf_counter()
            run = self._waiting.popleft()
            self._evaluated.append(run)
            for index in run.open:
                key = next(self._keys)
                self._asked[key] = run, index
                self.evaluation.add(key, run.requests[index])
            run.seconds += time.perf_counter() - started
        started = time.perf_counter()
        answered = self.evaluation.run()
        share = (time.perf_counter() - started) / len(self._evaluated)
        for run in self._evaluated:
            run.seconds += share
        for key, answer in answered:
            run, index = self._asked.pop(key)
            run.answers[index] = answer
        for run in [run for run in self._evaluated if run.is_answered]:
            self._evaluated.remove(run)
            self.resume(run, partial(run.steps.send, run.take()))
        return True

    def _train(self) -> bool:
        """Train the trials that ask for it; return whether there was any."""
        trained = self._training.round()
        for run, seconds, fault in trained:
            run.seconds += seconds
            if fault is None:
                self.resume(run, partial(run.steps.send, []))
            else:
                self.resume(run, partial(run.steps.throw, fault))
        return bool(trained)

    def resume(self, run: RunningTrial, resume: Resume) -> bool:
        """Run a trial until it has a request that is to be evaluated, or deliver its record.

        A trial with a request waits in front of the others. Returns whether there is a request.
        """
        started = time.perf_counter()
        try:
            run.ask(resume, self._beat)
            run.seconds += time.perf_counter() - started
        except StopIteration as end:
            run.seconds += time.perf_counter() - started
            self.running.remove(run)
            record, z = end.value
            seconds = round(record.seconds + run.seconds, 4)
            self._deliver(record.model_copy(update={"seconds": seconds}), z)
            if self._checkpoints is not None:
                self._checkpoints.drop(record.spec)
            if run.journal is not None:
                run.journal.remove()
            run.close()
            return False
        if run.training is not None:
            self._training.add(run.training.learner, run)
            return False
        self._waiting.appendleft(run)
        return True

    def close(self) -> None:
        """Close the files of trials that are not over, and the world."""
        for run in self.running:
            run.close()
        self._training.close()
        self.world.close()
