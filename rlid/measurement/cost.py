"""What a measurement will cost, before it is run: trials, steps, core hours, memory and disk.

The trials come from simulations of the search (`expectation`), the time of a step from a few
seconds of this very task, network and agent (`rlid.training.time_trials`). Nothing is trained.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from rlid.engine import Cell, Place, make_engine, time_cell
from rlid.errors import EngineError, InputError
from rlid.measurement.direct_training import REFERENCE_SEEDS
from rlid.measurement.expectation import SOLVED_SHARE, Expectation, simulate
from rlid.measurement.plan import Plan
from rlid.measurement.reference import (
    default_agents,
    describe,
    stored_reference,
    why_again,
)
from rlid.records import Judgement

if TYPE_CHECKING:
    from rlid.training import Timing

TIMED_SECONDS = 4.0
"""How long the search of a task is timed."""
SIMULATION_SECONDS = 8.0
ROUND = 5
"""Trials that an adaptive search asks for at once."""
LOOKS = 50
"""Validations of a trial that runs its whole budget."""
LOOK_SHARE = 1 / 3
"""Of a look's episodes, how many are run: looks end as soon as they are decided. From the
validation steps of the published measurements, which lie from 0.1 to 1 of all episodes."""
MOST_GROWTH = 4.0
"""Times the length of an untrained policy's episode, at most, that an episode is taken to have."""
RELOOKS = 5
"""Policies that are looked at again when the budget ends."""
RECORD_BYTES = 20_000
"""Of a trial's record and what lies beside it, without z."""
FLOAT_BYTES = 4
SECONDS_PER_HOUR = 3600.0


@dataclass(frozen=True)
class TrialCost:
    """What one trial costs on average: steps of environments (or of training), core seconds."""

    steps: float
    seconds: float


@dataclass(frozen=True)
class Cost:
    """What a measurement will cost; pairs are (median, 90 % quantile) over simulations.

    Attributes:
        plan: the measurement.
        reference: in words, what it is judged by and where that comes from.
        reference_trials: trials of direct training that are to be run first.
        simulations: how many measurements were simulated.
        trials: trials of the measurement.
        steps: steps of all trials, those of the reference included.
        core_seconds: core seconds on this machine, those of the reference included.
        wall_seconds: the same shared among the jobs.
        jobs: how many processes run at once.
        memory: bytes of all processes together.
        disk: bytes in the store.
        untimed: why no time could be given; "" where it could.
    """

    plan: Plan
    reference: str
    reference_trials: int
    simulations: int
    trials: tuple[float, float]
    steps: tuple[float, float]
    core_seconds: tuple[float, float]
    wall_seconds: tuple[float, float]
    jobs: int
    memory: float
    disk: tuple[float, float]
    untimed: str = ""

    @property
    def hours(self) -> float:
        """Wall hours, in the median."""
        return self.wall_seconds[0] / SECONDS_PER_HOUR

    def to_json(self) -> dict[str, Any]:
        """Return the object that `--dry-run --json` prints; times that are not known are null."""
        question = self.plan.question

        def pair(values: tuple[float, float]) -> list[int] | None:
            return [round(value) for value in values] if all(map(math.isfinite, values)) else None

        return {
            "task": question.task,
            "agent": question.agent,
            "network": question.network,
            "D": self.plan.network.D,
            "projection": question.projection,
            "dmax": self.plan.dmax,
            "seeds": len(self.plan.seeds),
            "budget": self.plan.task.budget,
            "protocol": self.plan.task.protocol(),
            "reference": self.reference,
            "reference_trials": self.reference_trials,
            "simulations": self.simulations,
            "trials": pair(self.trials),
            "steps": pair(self.steps),
            "core_seconds": pair(self.core_seconds),
            "wall_seconds": pair(self.wall_seconds),
            "jobs": self.jobs,
            "memory_bytes": round(self.memory),
            "disk_bytes": pair(self.disk),
            "untimed": self.untimed,
        }


def cost_of(
    plan: Plan,
    store: str | os.PathLike[str],
    place: Place,
    *,
    timed: Callable[[Plan, Place], Timing | str] | None = None,
) -> Cost:
    """Return what a measurement will cost here, where the store holds none of its trials.

    Args:
        plan: the measurement.
        store: where a reference is looked for; it need not exist, and nothing is written to it.
        place: where the trials would run.
        timed: times the plan, or says why that cannot be done; None for `time_plan`.

    Raises:
        StoreError: the store cannot be read.
        ReferenceRefused: no default agent can measure the reference.
    """
    words, agents = _reference(plan, store)
    timing = (timed or time_plan)(plan, place)
    expected = _expected(plan)
    solved, unsolved, untimed = _trial_costs(plan, timing)
    reference_trials = len(agents) * REFERENCE_SEEDS
    # Direct training is taken to solve the task, and an agent's step to cost the same in it.
    direct = reference_trials
    trials = expected.quantiles(1, 1)
    steps = expected.quantiles(unsolved.steps, solved.steps)
    seconds = expected.quantiles(unsolved.seconds, solved.seconds)
    steps = (steps[0] + direct * unsolved.steps, steps[1] + direct * unsolved.steps)
    seconds = (seconds[0] + direct * unsolved.seconds, seconds[1] + direct * unsolved.seconds)
    engine_jobs = place.jobs or (os.cpu_count() or 1)
    jobs = max(1, min(engine_jobs, ROUND if plan.question.search == "adaptive" else engine_jobs))
    of_trial = RECORD_BYTES + FLOAT_BYTES * plan.dmax
    peak = timing.peak_bytes if not isinstance(timing, str) else 0
    return Cost(
        plan,
        words,
        reference_trials,
        expected.simulations,
        trials,
        steps,
        seconds,
        (seconds[0] / jobs, seconds[1] / jobs),
        jobs,
        jobs * peak,
        (of_trial * (trials[0] + direct), of_trial * (trials[1] + direct)),
        untimed,
    )


def time_plan(plan: Plan, place: Place) -> Timing | str:
    """Time a few seconds of a plan's first trials in a worker of its own.

    Returns:
        What was timed, or why nothing was.
    """
    jobs = place.jobs or (os.cpu_count() or 1)
    side_by_side = -(-min(ROUND, len(plan.seeds)) // jobs) if plan.is_merged else 1
    middle = plan.dims[len(plan.dims) // 2]
    specs = [plan.spec(middle, seed, None) for seed in plan.seeds[:side_by_side]]
    cell = Cell(plan.task.name, plan.imports, tuple(specs), Judgement(), "", None)
    engine = make_engine(Place(jobs=1, memory=place.memory), plan.task.patience)
    try:
        timing: Timing = engine.call(time_cell, cell, TIMED_SECONDS)
        return timing
    except EngineError as error:
        return str(error)
    finally:
        engine.close()


def check_hours(costs: Sequence[Cost], hours: float) -> None:
    """Refuse what would take longer than so many hours, in the median.

    Raises:
        InputError: it would, or it cannot be told.
    """
    for cost in costs:
        if cost.untimed:
            raise InputError(
                f"--max-hours {hours:g}: no time can be given for {cost.plan.title}: {cost.untimed}"
            )
    total = math.fsum(cost.hours for cost in costs)
    if total > hours:
        raise InputError(
            f"--max-hours {hours:g}: about {total:.2g} hours are expected with "
            f"{costs[0].jobs} jobs; see --dry-run"
        )


def _reference(plan: Plan, store: str | os.PathLike[str]) -> tuple[str, list[str]]:
    """Return what a plan is judged by in words, and the agents that have to be trained for it."""
    question = plan.question
    if question.reference is not None:
        return f"given: {question.reference:.6g} ({question.reference_source})", []
    stored, is_shipped = stored_reference(plan, store)
    why = why_again(stored, plan)
    if stored is None or why:
        names = default_agents(plan)
        return f"{why}: direct training by {', '.join(names)} comes first", names
    return describe(stored, plan, "shipped with rlid" if is_shipped else "from the store"), []


def _expected(plan: Plan) -> Expectation:
    question = plan.question
    key = (question.search, plan.dims, plan.seeds, question.precision, question.max_trials)
    return _simulated(key, plan.is_full, _Unhashed(plan))


@dataclass(frozen=True)
class _Unhashed:
    """A plan that does not enter the key of a cache: all that matters of it is in the key."""

    plan: Plan

    def __hash__(self) -> int:
        return 0

    def __eq__(self, other: object) -> bool:
        return True


@lru_cache
def _simulated(key: tuple[Any, ...], full: bool, held: _Unhashed) -> Expectation:
    """Simulate a search once for each set of its options."""
    plan = held.plan
    return simulate(plan.search, plan.dims, plan.seeds, full=full, seconds=SIMULATION_SECONDS)


def _trial_costs(plan: Plan, timing: Timing | str) -> tuple[TrialCost, TrialCost, str]:
    """Return what a solved and an unsolved trial cost, and why no time is known, if so."""
    task = plan.task
    untimed = timing if isinstance(timing, str) else ""
    if not isinstance(timing, str) and not timing.search_steps:
        untimed = "the agent's first question takes longer than the timing"
    start = timing.episode_steps if not isinstance(timing, str) else None
    # Episodes change in length as a policy learns: the middle, in logarithm, of an untrained
    # policy's and the longest, which many tasks never reach.
    start_steps = start or task.episode_cap
    episode = min(math.sqrt(start_steps * task.episode_cap), MOST_GROWTH * start_steps)
    if task.kind != "rl":
        episode = start or 1.0
    looks = LOOKS * task.validation_episodes * episode
    if plan.spec(plan.dmax, plan.seeds[0], None).stopping == "confirmed":
        looks *= LOOK_SHARE
        last = (RELOOKS + 1) * task.scoring_episodes * episode
        confirmations = 3 * task.scoring_episodes * episode
    else:
        last = confirmations = task.scoring_episodes * episode

    def of(share: float, scoring: float) -> TrialCost:
        search, evaluation = task.budget * share, looks * share + scoring
        if untimed or isinstance(timing, str):
            return TrialCost(search + evaluation, math.inf)
        return TrialCost(
            search + evaluation,
            search * timing.seconds_per_search_step
            + evaluation * timing.seconds_per_evaluation_step,
        )

    unsolved = of(1.0, last)
    return (unsolved if plan.is_full else of(SOLVED_SHARE, confirmations)), unsolved, untimed
