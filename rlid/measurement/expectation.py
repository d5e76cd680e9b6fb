"""How many trials a search is expected to ask: it is run on simulated outcomes."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rlid.dimension import Search, TrialOutcome, estimate
from rlid.measurement.held import Held, nothing_held
from rlid.random_stream import role_seed

MOST_SIMULATIONS = 15
FEWEST_SIMULATIONS = 3
SPREAD = 0.3
"""Standard deviation of the seeds' log thresholds, near the middle of the published ones."""
SLOPE = 6.0
"""How fast the odds of success of one seed rise with d: as d to this power. A search asks for more
trials where outcomes are uncertain than where each seed had a sharp threshold."""
SOLVED_SHARE = 0.4
"""Of the budget, what a solved trial spends: near the median of 40 published measurements, whose
means lie from 0.05 to 0.9."""
HIGH = 0.9
"""The quantile that is given beside the median."""


@dataclass(frozen=True)
class Expectation:
    """What a search asks for in simulations, beside the trials that are held already.

    Attributes:
        unsolved: trials to run that fail, one number per simulation.
        solved: trials to run that succeed, one number per simulation.
        held: trials that are held of those that the search asks for first.
    """

    unsolved: tuple[int, ...]
    solved: tuple[int, ...]
    held: int = 0

    @property
    def simulations(self) -> int:
        """How many measurements were simulated."""
        return len(self.solved)

    def quantiles(self, unsolved_cost: float, solved_cost: float) -> tuple[float, float]:
        """Return the median and the 90 % quantile of the cost of all trials; infinite where one is.

        No trial costs nothing, whatever one would cost.

        Args:
            unsolved_cost: of one trial that fails.
            solved_cost: of one trial that succeeds.
        """
        if not any(self.unsolved) and not any(self.solved):
            return 0.0, 0.0
        if not (math.isfinite(unsolved_cost) and math.isfinite(solved_cost)):
            return math.inf, math.inf
        costs = [
            unsolved_cost * unsolved + solved_cost * solved
            for unsolved, solved in zip(self.unsolved, self.solved, strict=True)
        ]
        return float(np.quantile(costs, 0.5)), float(np.quantile(costs, HIGH))


def simulate(
    search: Search,
    dims: Sequence[int],
    seeds: Sequence[int],
    *,
    full: bool,
    seconds: float,
    held: Held = nothing_held,
    between: tuple[int, int] | None = None,
) -> Expectation:
    """Return what a search asks for where nothing is known of the task but the trials held.

    The true d_int90 of the simulations are spread evenly in log d: over the d that are open, over
    `between`, or over the 95 % interval that the trials held leave. The thresholds of the seeds
    scatter around it: a trial whose d is that of its seed succeeds in half of all cases, more often
    at larger d. One that is held keeps its outcome.

    Args:
        search: what chooses the trials.
        dims: the d that are open, rising.
        seeds: the seeds that are open.
        full: whether a solved trial runs its whole budget.
        seconds: no further simulation begins after as many seconds.
        held: returns the outcome of a trial (d, seed) that need not be run, or None.
        between: the ends of what is known of d_int90 from elsewhere; None for nothing.
    """
    deadline = time.monotonic() + seconds
    rounds, known = _replay(search, held)
    low, high = between if between and not known else _open_range(known, dims)
    unsolved, solved = [], []
    for number in range(MOST_SIMULATIONS):
        if number >= FEWEST_SIMULATIONS and time.monotonic() >= deadline:
            break
        middle = math.log(low) + math.log((high + 1) / low) * _spread(number + 1)
        rng = np.random.default_rng([role_seed(0, "optimizer"), number])
        thresholds = np.exp(middle + SPREAD * rng.standard_normal(len(seeds)))
        truth = _Truth(dict(zip(seeds, thresholds, strict=True)), rng)
        failures, successes = _measure(search, truth, full, rounds, held)
        unsolved.append(failures)
        solved.append(successes)
    return Expectation(tuple(unsolved), tuple(solved), len(known))


@dataclass(frozen=True)
class _Truth:
    """A simulated task: the d at which each seed succeeds in half of all trials."""

    thresholds: dict[int, float]
    rng: np.random.Generator

    def draw(self, d: int, seed: int) -> bool:
        """Return whether a trial succeeds."""
        odds_against = (self.thresholds[seed] / d) ** SLOPE
        return bool(self.rng.random() * (1.0 + odds_against) < 1.0)


def _replay(search: Search, held: Held) -> tuple[list[TrialOutcome], list[TrialOutcome]]:
    """Return the outcomes of the rounds that are held whole, and all that are held of the next."""
    rounds: list[TrialOutcome] = []
    while pairs := search.next_round(rounds):
        outcomes = [held(d, seed) for d, seed in pairs]
        known = [outcome for outcome in outcomes if outcome is not None]
        if len(known) < len(pairs):
            return rounds, rounds + known
        rounds = rounds + known
    return rounds, rounds


def _open_range(known: Sequence[TrialOutcome], dims: Sequence[int]) -> tuple[int, int]:
    """Return between which d the trials held leave d_int90 open."""
    if not known:
        return dims[0], dims[-1]
    so_far = estimate(known, dmin=dims[0], dmax=dims[-1])
    return so_far.ci_low or dims[0], so_far.ci_high or dims[-1]


def _measure(
    search: Search,
    truth: _Truth,
    full: bool,
    rounds: Sequence[TrialOutcome],
    held: Held,
) -> tuple[int, int]:
    """Return how many trials that are run fail and succeed in one simulated measurement."""
    outcomes = list(rounds)
    failed = solved = 0
    while pairs := search.next_round(outcomes):
        for d, seed in pairs:
            outcome = held(d, seed)
            if outcome is None:
                success = truth.draw(d, seed)
                cost = round(1000 * SOLVED_SHARE) if success and not full else 1000
                outcome = TrialOutcome(d, seed, success, None, is_full=full, cost=cost)
                solved, failed = solved + success, failed + (not success)
            outcomes.append(outcome)
    return failed, solved


def _spread(number: int) -> float:
    """Return the number-th of points that fill (0, 1) evenly (van der Corput 1935, base 2)."""
    point, step = 0.0, 0.5
    while number:
        number, bit = divmod(number, 2)
        point, step = point + step * bit, step / 2
    return point
