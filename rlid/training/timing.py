"""How fast trials run here: a few seconds of their search, then thrown away."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlid.problem import Evaluation, Problem, Request, make_problem
from rlid.records import Judgement, TrialSpec
from rlid.task import Task
from rlid.training.cell import SideBySide
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
            are validations.
        search_seconds: how long these took.
        evaluation_steps: steps of an evaluation of an untrained policy; at least 1.
        evaluation_seconds: how long that took.
        episodes: how many episodes it had, where they ended in time; 0 where it was cut off.
        peak_bytes: the most memory that the process has held.
        mean_return: of these episodes, or the objective's mean score; None where there is none.
    """

    search_steps: int
    search_seconds: float
    evaluation_steps: int
    evaluation_seconds: float
    episodes: int
    peak_bytes: int
    mean_return: float | None = None

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
        alone = self.evaluation_seconds / max(1, self.evaluation_steps)
        return min(alone, self.seconds_per_search_step)

    @property
    def episode_steps(self) -> float | None:
        """Steps of an untrained policy's episode; None where none ended in time."""
        return self.evaluation_steps / self.episodes if self.episodes else None


class _EnoughTime(BaseException):
    """Ends the timing from inside a simulator or an agent; code of users does not catch it."""


class _Clock:
    """Ends the timing at a beat once its time is over; counts steps of the world."""

    def __init__(self, beat: Callable[[], None]) -> None:
        self._beat, self._end, self.steps = beat, float("inf"), 0

    def begin(self, seconds: float) -> None:
        """Count from here on, for at most so many seconds."""
        self._end, self.steps = time.perf_counter() + seconds, 0

    def __call__(self) -> None:
        self._beat()
        if time.perf_counter() >= self._end:
            raise _EnoughTime

    def count(self, world: Any) -> None:
        """Count the steps of a simulator from here on."""
        original = world.step

        def step(actions: NDArray[Any], active: NDArray[np.bool_]) -> Any:
            self.steps += int(np.count_nonzero(active))
            return original(actions, active)

        world.step = step


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
    cell = SideBySide(
        task, specs[0].network, len(specs), Judgement(), lambda record, z: None, clock, None
    )
    try:
        if task.kind == "rl":
            clock.count(cell.world)
        evaluated = _time_evaluation(specs[0], task, cell, clock, seconds)
        clock.begin(LONGEST * seconds)
        problems: list[Problem] = []
        half: tuple[int, float] | None = None
        began = time.process_time()
        try:
            for spec in specs:
                cell.admit(spec, None, None)
                problems += [run.problem for run in cell.running[len(problems) :]]
            # Seconds of a core: where other processes take most of it, a second gives few steps.
            while time.process_time() < began + seconds and cell.step():
                if half is None and time.process_time() >= began + seconds / 2:
                    half = _steps(problems, clock), time.process_time() - began
        except _EnoughTime:
            problems += [run.problem for run in cell.running if run.problem not in problems]
        elapsed = time.process_time() - began
        steps = _steps(problems, clock)
        if half is not None and steps > half[0]:
            # Many agents begin with steps that cost less, before they train.
            steps, elapsed = steps - half[0], elapsed - half[1]
        return replace(
            evaluated, search_steps=steps, search_seconds=elapsed, peak_bytes=_peak_bytes()
        )
    finally:
        clock.begin(float("inf"))
        cell.close()


def _steps(problems: Sequence[Problem], clock: _Clock) -> int:
    """Return the steps of all searches; agents' own environments may make more than the world."""
    return max(sum(problem.search_steps for problem in problems), clock.steps)


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
