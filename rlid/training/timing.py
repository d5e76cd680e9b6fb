"""How fast trials run here: a few seconds of their search, then thrown away."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlid.problem import Answer, Evaluation, Problem, Request, Returns, make_problem
from rlid.records import Judgement, TrialSpec
from rlid.task import Task
from rlid.training.cell import SideBySide
from rlid.training.instances import slices
from rlid.training.seeds import draw_seeds, role_generator
from rlid.world import no_beat

MOST_EPISODES = 10
"""Episodes of the first evaluation, which tells how long an episode is without training."""
LONGEST = 8.0
"""Times the seconds that are asked for, after which an evaluation or a search is cut off."""


@dataclass(frozen=True)
class Timing:
    """What trials of one cell did in a few seconds.

    Seconds are of a core: what other processes take of it does not count.

    Attributes:
        search_steps: steps that the agents' searches took, of all trials together. Where an agent
            asks a simulator for scores, steps of questions that are under way are counted, and so
            are validations, which cost the same.
        search_seconds: how long these took.
        evaluation_steps: steps of an evaluation of an untrained policy; at least 1.
        evaluation_seconds: how long that took.
        episodes: how many episodes it had, where they ended in time; 0 where it was cut off.
        peak_bytes: the most memory that the process has held.
        mean_return: of these episodes, or the objective's mean score; None where there is none.
        validation_steps: steps of validations beside a search that trains by itself; 0 where the
            agent asks for scores instead.
        validation_seconds: how long these took.
    """

    search_steps: int
    search_seconds: float
    evaluation_steps: int
    evaluation_seconds: float
    episodes: int
    peak_bytes: int
    mean_return: float | None = None
    validation_steps: int = 0
    validation_seconds: float = 0.0

    @property
    def seconds_per_search_step(self) -> float:
        """Core seconds for one step of search; infinite where none was finished in time."""
        return self.search_seconds / self.search_steps if self.search_steps else float("inf")

    @property
    def seconds_per_evaluation_step(self) -> float:
        """Core seconds for one step of a validation or scoring.

        A small evaluation is mostly overhead: a step of it costs at most as much as one of search,
        which also evaluates, or trains.
        """
        steps, seconds = self.evaluation_steps, self.evaluation_seconds
        if self.validation_steps > steps:
            steps, seconds = self.validation_steps, self.validation_seconds
        alone = seconds / max(1, steps)
        return min(alone, self.seconds_per_search_step)

    @property
    def episode_steps(self) -> float | None:
        """Steps of an untrained policy's episode; None where none ended in time."""
        return self.evaluation_steps / self.episodes if self.episodes else None


class _EnoughTime(BaseException):
    """Ends the timing from inside a simulator or an agent; code of users does not catch it."""


class _Clock:
    """Ends the timing at a beat once its time is over; counts steps and evaluations."""

    def __init__(self, beat: Callable[[], None]) -> None:
        self._beat = beat
        self.begin(float("inf"))

    def begin(self, seconds: float) -> None:
        """Count from here on, for at most so many seconds."""
        self._end, self.steps = time.perf_counter() + seconds, 0
        self.evaluated, self.evaluating, self.is_asked = 0, 0.0, False

    def __call__(self) -> None:
        self._beat()
        if time.perf_counter() >= self._end:
            raise _EnoughTime

    def watch(self, cell: SideBySide, task: Task) -> None:
        """Count the steps of a cell's simulator, and steps and seconds of its evaluations."""
        if task.kind == "rl":
            world: Any = cell.world
            step_world = world.step

            def step(actions: NDArray[Any], active: NDArray[np.bool_]) -> Any:
                self.steps += int(np.count_nonzero(active))
                return step_world(actions, active)

            world.step = step
        evaluation: Any = cell.evaluation
        add_request, evaluate = evaluation.add, evaluation.run

        def add(key: int, request: Request) -> None:
            self.is_asked |= request.part == "search"
            add_request(key, request)

        def run() -> list[tuple[int, Answer]]:
            started, steps = time.process_time(), self.steps
            answers: list[tuple[int, Answer]] = []
            try:
                answers = evaluate()
                return answers
            finally:
                self.evaluating += time.process_time() - started
                of_answers = sum(a.steps for _, a in answers if isinstance(a, Returns))
                self.evaluated += self.steps - steps if task.kind == "rl" else of_answers

        evaluation.add, evaluation.run = add, run

    def taken(self, problems: Sequence[Problem], seconds: float) -> _Taken:
        """Return how far the trials of these problems have come in as many core seconds."""
        searched = sum(problem.search_steps for problem in problems)
        if self.is_asked:
            # Questions under way are not in the agents' own count.
            return _Taken(max(searched, self.steps), 0, seconds, 0.0)
        return _Taken(searched, self.evaluated, seconds - self.evaluating, self.evaluating)


@dataclass(frozen=True)
class _Taken:
    """How far the trials of a cell have come: steps and core seconds, of searches and validations.

    Where agents ask for scores, validations are in the searches' numbers.
    """

    search_steps: int
    validation_steps: int
    search_seconds: float
    validation_seconds: float


def time_trials(
    specs: Sequence[TrialSpec],
    task: Task,
    seconds: float,
    beat: Callable[[], None] = no_beat,
) -> Timing:
    """Run the trials of one cell for some seconds, and return how far they came.

    Nothing is stored, and no trial stops because it has solved the task: their specs must have no
    `stop_score`. An evaluation of an untrained policy comes first, for which at most as many
    seconds are added.

    Args:
        specs: trials of one task and network.
        task: the task.
        seconds: how long the search runs, in seconds of a core; a question of an agent that takes
            longer is cut off after LONGEST times as many seconds of the clock.
        beat: called now and then.

    Raises:
        EnvironmentFault: the environment failed.
        AgentFault: the agent raised.
    """
    clock = _Clock(beat)
    specs = slices(task, specs)[0]
    cell = SideBySide(task, specs, Judgement(), lambda record, z: None, clock, None)
    try:
        clock.watch(cell, task)
        evaluated = _time_evaluation(specs[0], task, cell, clock, seconds)
        clock.begin(LONGEST * seconds)
        problems: list[Problem] = []
        half: _Taken | None = None
        began = time.process_time()
        try:
            for spec in specs:
                cell.admit(spec, None, None)
                problems += [run.problem for run in cell.running[len(problems) :]]
            # Seconds of a core: where other processes take most of it, a second gives few steps.
            while time.process_time() < began + seconds and cell.step():
                if half is None and time.process_time() >= began + seconds / 2:
                    half = clock.taken(problems, time.process_time() - began)
        except _EnoughTime:
            problems += [run.problem for run in cell.running if run.problem not in problems]
        taken = clock.taken(problems, time.process_time() - began)
        if half is not None and taken.search_steps > half.search_steps:
            # Many agents begin with steps that cost less, before they train.
            taken = replace(
                taken,
                search_steps=taken.search_steps - half.search_steps,
                search_seconds=taken.search_seconds - half.search_seconds,
            )
        return replace(evaluated, peak_bytes=_peak_bytes(), **asdict(taken))
    finally:
        clock.begin(float("inf"))
        cell.close()


def _time_evaluation(
    spec: TrialSpec, task: Task, cell: SideBySide, clock: _Clock, seconds: float
) -> Timing:
    """Return what an evaluation of an untrained policy took; of the search nothing is known yet."""
    problem = make_problem(
        task, cell.network, spec.projection, spec.d, spec.seed, cell.world, spec.budget, clock
    )
    episodes = min(MOST_EPISODES, task.validation_episodes)
    seeds = draw_seeds(role_generator(spec.seed, "validation"), episodes)
    evaluation = Evaluation()
    part: Any = "search" if task.kind == "rl" else "validation"
    evaluation.add(0, Request(problem, np.zeros((1, spec.d), np.float32), seeds, part))
    clock.begin(seconds)
    started = time.process_time()
    try:
        ((_, answer),) = evaluation.run()
    except _EnoughTime:
        return Timing(0, 0.0, max(1, clock.steps), time.process_time() - started, 0, 0)
    elapsed = time.process_time() - started
    if isinstance(answer, Exception):
        raise answer
    mean_return = float(answer.values.mean())
    return Timing(0, 0.0, max(1, answer.steps), elapsed, episodes, 0, mean_return)


def _peak_bytes() -> int:
    """Return the most memory that this process has held."""
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux counts in kilobytes, macOS in bytes.
    return peak if sys.platform == "darwin" else peak * 1024
