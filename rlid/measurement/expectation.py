"""How many trials a search is expected to ask: it is run on simulated outcomes."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rlid.dimension import Search, TrialOutcome
from rlid.random_stream import role_seed

MOST_SIMULATIONS = 15
FEWEST_SIMULATIONS = 3
SPREAD = 0.3
"""Standard deviation of the seeds' log thresholds, near the middle of the published ones."""
SOLVED_SHARE = 0.4
"""Of the budget, what a solved trial spends: near the median of 40 published measurements, whose
means lie from 0.05 to 0.9."""
HIGH = 0.9
"""The quantile that is given beside the median."""


@dataclass(frozen=True)
class Expectation:
    """What a search asks for in simulations.

    Attributes:
        unsolved: trials that fail, one number per simulation.
        solved: trials that succeed, one number per simulation.
    """

    unsolved: tuple[int, ...]
    solved: tuple[int, ...]

    @property
    def simulations(self) -> int:
        """How many measurements were simulated."""
        return len(self.solved)

    def quantiles(self, unsolved_cost: float, solved_cost: float) -> tuple[float, float]:
        """Return the median and the 90 % quantile of the cost of all trials; infinite where one is.

        Args:
            unsolved_cost: of one trial that fails.
            solved_cost: of one trial that succeeds.
        """
        if not (math.isfinite(unsolved_cost) and math.isfinite(solved_cost)):
            return math.inf, math.inf
        costs = [
            unsolved_cost * unsolved + solved_cost * solved
            for unsolved, solved in zip(self.unsolved, self.solved, strict=True)
        ]
        return float(np.quantile(costs, 0.5)), float(np.quantile(costs, HIGH))


def simulate(
    search: Search, dims: Sequence[int], seeds: Sequence[int], *, full: bool, seconds: float
) -> Expectation:
    """Return what a search asks for where nothing is known of the task.

    The true d_int90 of the simulations are spread evenly in log d over the d that are open; the
    thresholds of the seeds scatter around it. A trial succeeds where its d reaches its seed's.

    Args:
        search: what chooses the trials.
        dims: the d that are open, rising.
        seeds: the seeds that are open.
        full: whether a solved trial runs its whole budget.
        seconds: no further simulation begins after as many seconds.
    """
    deadline = time.monotonic() + seconds
    unsolved, solved = [], []
    low, high = math.log(dims[0]), math.log(dims[-1] + 1)
    for number in range(MOST_SIMULATIONS):
        if number >= FEWEST_SIMULATIONS and time.monotonic() >= deadline:
            break
        middle = low + (high - low) * _spread(number + 1)
        rng = np.random.default_rng([role_seed(0, "optimizer"), number])
        thresholds = np.exp(middle + SPREAD * rng.standard_normal(len(seeds)))
        failures, successes = _measure(search, dict(zip(seeds, thresholds, strict=True)), full)
        unsolved.append(failures)
        solved.append(successes)
    return Expectation(tuple(unsolved), tuple(solved))


def _measure(search: Search, thresholds: dict[int, float], full: bool) -> tuple[int, int]:
    """Return how many trials fail and succeed in one simulated measurement."""
    outcomes: list[TrialOutcome] = []
    while pairs := search.next_round(outcomes):
        for d, seed in pairs:
            success = bool(d >= thresholds[seed])
            cost = round(1000 * SOLVED_SHARE) if success and not full else 1000
            outcomes.append(TrialOutcome(d, seed, success, None, is_full=full, cost=cost))
    solved = sum(bool(outcome.success) for outcome in outcomes)
    return len(outcomes) - solved, solved


def _spread(number: int) -> float:
    """Return the number-th of points that fill (0, 1) evenly (van der Corput 1935, base 2)."""
    point, step = 0.0, 0.5
    while number:
        number, bit = divmod(number, 2)
        point, step = point + step * bit, step / 2
    return point
