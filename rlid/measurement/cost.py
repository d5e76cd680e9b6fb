"""What a measurement will cost, before it is run: trials, steps, core hours, memory and disk.

The trials come from simulations of the search (`expectation`), the time of a step from a few
seconds of this very task, network and agent (`rlid.training.time_trials`). Nothing is trained.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rlid.engine import Cell, Place, make_engine, time_cell
from rlid.errors import EngineError, InputError
from rlid.measurement.direct_training import REFERENCE_SEEDS
from rlid.measurement.expectation import Expectation, simulate
from rlid.measurement.held import held_trials
from rlid.measurement.plan import Plan
from rlid.measurement.precedent import FindPrecedent, Precedent, no_precedent
from rlid.measurement.reference import (
    default_agents,
    describe,
    stored_reference,
    why_again,
)
from rlid.measurement.trial_cost import Scores, trial_costs
from rlid.operating_system import cores
from rlid.records import Judgement

if TYPE_CHECKING:
    from rlid.training import Timing

TIMED_SECONDS = 4.0
"""How long the search of a task is timed."""
SIMULATION_SECONDS = 8.0
ANSWER_SECONDS = 1.0
"""Core seconds of a measurement besides its trials, for its estimate and its figure: a little over
one was measured. It counts where the trials take a few seconds."""
RECORD_BYTES = 20_000
"""Of a trial's record and what lies beside it, without z."""
FLOAT_BYTES = 4
SECONDS_PER_HOUR = 3600.0


@dataclass(frozen=True)
class Cost:
    """What a measurement will cost; pairs are (median, 90 % quantile) over simulations.

    Attributes:
        plan: the measurement.
        reference: in words, what it is judged by and where that comes from.
        reference_trials: trials of direct training that are to be run first.
        simulations: how many measurements were simulated.
        held: trials of the measurement that the store holds already.
        trials: trials of the measurement that are to be run.
        steps: steps of all trials, those of the reference included.
        core_seconds: core seconds on this machine, those of the reference included.
        wall_seconds: the same shared among the jobs.
        jobs: how many processes run at once.
        memory: bytes of all processes together.
        disk: bytes in the store.
        untimed: why no time could be given; "" where it could.
        precedent: the name of the published measurement whose interval and steps were taken; "" for
            none.
    """

    plan: Plan
    reference: str
    reference_trials: int
    simulations: int
    held: int
    trials: tuple[float, float]
    steps: tuple[float, float]
    core_seconds: tuple[float, float]
    wall_seconds: tuple[float, float]
    jobs: int
    memory: float
    disk: tuple[float, float]
    untimed: str = ""
    precedent: str = ""

    @property
    def is_work(self) -> bool:
        """Whether any trial is to be run."""
        return self.reference_trials > 0 or self.trials[1] > 0

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
            "trials_in_store": self.held,
            "trials": pair(self.trials),
            "steps": pair(self.steps),
            "core_seconds": pair(self.core_seconds),
            "wall_seconds": pair(self.wall_seconds),
            "jobs": self.jobs,
            "memory_bytes": round(self.memory),
            "disk_bytes": pair(self.disk),
            "untimed": self.untimed,
            "precedent": self.precedent,
        }


def cost_of(
    plan: Plan,
    store: str | os.PathLike[str],
    place: Place,
    *,
    timed: Callable[[Plan, Place], Timing | str] | None = None,
    precedent_of: FindPrecedent = no_precedent,
    retry: bool = False,
) -> Cost:
    """Return what a measurement will cost here, less the trials that its store holds already.

    Args:
        plan: the measurement.
        store: where a reference and trials are looked for; it need not exist, and nothing is
            written to it.
        place: where the trials would run.
        timed: times the plan, or says why that cannot be done; None for `time_plan`.
        precedent_of: finds what was measured before of the same plan.
        retry: whether failed trials run again.

    Raises:
        StoreError: the store cannot be read.
        ReferenceRefused: no default agent can measure the reference.
    """
    basis = _basis(plan, store)
    precedent = precedent_of(plan)
    expected = expected_trials(plan, store, precedent=precedent, retry=retry)
    reference_trials = len(basis.agents) * REFERENCE_SEEDS
    is_done = not reference_trials and not max(*expected.unsolved, *expected.solved)
    timing: Timing | str = "" if is_done else (timed or time_plan)(plan, place)
    costs = trial_costs(plan, timing, basis.scores, precedent)
    trials = expected.quantiles(1, 1)
    steps = expected.quantiles(costs.unsolved.steps, costs.solved.steps)
    seconds = expected.quantiles(costs.unsolved.seconds, costs.solved.seconds)
    if not is_done:
        seconds = (seconds[0] + ANSWER_SECONDS, seconds[1] + ANSWER_SECONDS)
    # Direct training is taken to cost what an unsolved trial does: it never ends early.
    direct = reference_trials
    if direct:
        steps = (steps[0] + direct * costs.unsolved.steps, steps[1] + direct * costs.unsolved.steps)
        more = direct * costs.unsolved.seconds
        seconds = (seconds[0] + more, seconds[1] + more)
    engine_jobs = place.jobs or cores()
    jobs = max(1, min(engine_jobs, _at_once(plan, engine_jobs)))
    of_trial = RECORD_BYTES + FLOAT_BYTES * plan.dmax
    peak = timing.peak_bytes if not isinstance(timing, str) else 0
    return Cost(
        plan,
        basis.words,
        reference_trials,
        expected.simulations,
        expected.held,
        trials,
        steps,
        seconds,
        (seconds[0] / jobs, seconds[1] / jobs),
        jobs,
        jobs * peak,
        (of_trial * (trials[0] + direct), of_trial * (trials[1] + direct)),
        "" if is_done else costs.untimed,
        "" if precedent is None else precedent.name,
    )


def expected_trials(
    plan: Plan,
    store: str | os.PathLike[str],
    seconds: float = SIMULATION_SECONDS,
    precedent: Precedent | None = None,
    retry: bool = False,
) -> Expectation:
    """Return how many trials a measurement is expected to run, beside those in its store.

    Args:
        plan: the measurement.
        store: where trials are looked for.
        seconds: how long simulations may take, beyond the fewest.
        precedent: what was measured before of the same; None for nothing.
        retry: whether failed trials run again.

    Raises:
        StoreError: the store cannot be read.
    """
    held = held_trials(plan, store, retry=retry)
    return simulate(
        plan.search,
        plan.dims,
        plan.seeds,
        full=plan.is_full,
        seconds=seconds,
        held=held,
        between=None if precedent is None else (precedent.low, precedent.high),
    )


def time_plan(plan: Plan, place: Place) -> Timing | str:
    """Time a few seconds of a plan's first trials in a worker of its own.

    Returns:
        What was timed, or why nothing was.
    """
    jobs = place.jobs or cores()
    side_by_side = (
        -(-min(plan.question.round_size, len(plan.seeds)) // jobs) if plan.is_merged else 1
    )
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


def _at_once(plan: Plan, most: int) -> int:
    """Return how many trials a search asks for at once, of at most so many jobs."""
    return plan.question.round_size if plan.question.search == "adaptive" else most


@dataclass(frozen=True)
class _Basis:
    """What a plan is judged by.

    Attributes:
        words: what it is and where it comes from.
        agents: those that have to be trained directly for it, first.
        scores: of random actions and of full performance, where they are known.
    """

    words: str
    agents: tuple[str, ...] = ()
    scores: Scores | None = None


def _basis(plan: Plan, store: str | os.PathLike[str]) -> _Basis:
    question = plan.question
    stored, is_shipped = stored_reference(plan, store)
    scores = None if stored is None else (stored.random, stored.reference)
    if question.reference is not None:
        words = f"given: {question.reference:.6g} ({question.reference_source})"
        return _Basis(words, (), scores)
    why = why_again(stored, plan)
    if stored is None or why:
        names = tuple(default_agents(plan))
        words = f"{why}: direct training by {', '.join(names)} comes first"
        return _Basis(words, names, scores)
    origin = "shipped with rlid" if is_shipped else "from the store"
    return _Basis(describe(stored, plan, origin), (), scores)
