"""Which trials to run next: full grid, bisection per seed, or expected information.

A search asks in rounds. A round is a pure function of the trials so far, so that a resumed
measurement asks the same, whatever ran where.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from rlid.dimension import FEWEST_SEEDS, Trial, estimate
from rlid.information import plan_round

Pair = tuple[int, int]

# Bisection stops when the bracket is this narrow relative to d: finer than any interval gets.
RESOLUTION = 0.05
# An adaptive round: as many trials as the seeds that an interval needs, whatever the workers.
ROUND_SIZE = 5
# An adaptive search ends where a whole round is expected to tell less than this, in nats.
LEAST_INFORMATION = 0.02
# Adaptive trials at large d lie on a ladder with so many steps in the width that is asked for.
STEPS_IN_PRECISION = 8
# What an adaptive search may ask where no limit is given.
TRIALS_PER_SEED = 12


class Search(Protocol):
    """Proposes trials until it has seen enough."""

    def next_round(self, trials: Sequence[Trial]) -> list[Pair]:
        """Return the (d, seed) pairs to run next, none of them in `trials`; [] when finished."""
        ...


@dataclass(frozen=True)
class Grid:
    """Every d with every seed, in one round."""

    dims: Sequence[int]
    seeds: Sequence[int]

    def next_round(self, trials: Sequence[Trial]) -> list[Pair]:
        """Return all pairs that have not been asked."""
        asked = {(trial.d, trial.seed) for trial in trials}
        return [
            (d, seed) for d in self.dims for seed in self.seeds if (d, seed) not in asked
        ]


@dataclass(frozen=True)
class Bisect:
    """Bisects log d for each seed by itself; a round is the next d of every seed.

    The bisection is replayed from the start through the outcomes there are, so that trials of
    another search are used where they fit. A missing trial is passed over: the nearest d inside
    the bracket stands in for it.
    """

    dims: Sequence[int]
    seeds: Sequence[int]

    def next_round(self, trials: Sequence[Trial]) -> list[Pair]:
        """Return at most one pair for each seed."""
        of_seed: dict[int, dict[int, bool | None]] = {seed: {} for seed in self.seeds}
        for trial in trials:
            if trial.seed in of_seed:
                of_seed[trial.seed][trial.d] = trial.success
        proposals = [(self._next(outcomes), seed) for seed, outcomes in of_seed.items()]
        return [(d, seed) for d, seed in proposals if d is not None]

    def _next(self, outcomes: Mapping[int, bool | None]) -> int | None:
        """Return the next d for a seed, or None when its bracket is narrow enough."""
        low, high = -1, len(self.dims)
        while True:
            below = self.dims[low] if low >= 0 else 0
            above = self.dims[high] if high < len(self.dims) else self.dims[-1] + 1
            if below and above - below <= RESOLUTION * below:
                return None
            index = self._middle(low, high, outcomes)
            if index is None:
                return None
            d = self.dims[index]
            if d not in outcomes:
                return d
            if outcomes[d]:
                high = index
            else:
                low = index

    def _middle(self, low: int, high: int, outcomes: Mapping[int, bool | None]) -> int | None:
        """Return the index inside the bracket nearest to its middle in log d; None if none is."""
        first = self.dims[low] if low >= 0 else max(1, self.dims[0] - 1)
        last = self.dims[high] if high < len(self.dims) else self.dims[-1] + 1
        middle = math.sqrt(first * last)
        right = min(max(bisect_left(self.dims, middle), low + 1), high - 1)
        left = right - 1 if right - 1 > low else right
        while left > low or right < high:
            near = sorted(
                (index for index in {left, right} if low < index < high),
                key=lambda index: (abs(math.log(self.dims[index] / middle)), index),
            )
            for index in near:
                d = self.dims[index]
                if d not in outcomes or outcomes[d] is not None:
                    return index
            left, right = left - 1, right + 1
        return None


@dataclass(frozen=True)
class Adaptive:
    """Asks the trials of most expected information for their cost, a few seeds at a time.

    It stops when the interval is narrow enough, when it is sure that the threshold lies above the
    largest d, when `max_trials` are spent, or when another round would say nothing: then the
    seeds themselves differ by more than the precision, and only further seeds would help.
    """

    dims: Sequence[int]
    seeds: Sequence[int]
    precision: float
    max_trials: int

    def next_round(self, trials: Sequence[Trial]) -> list[Pair]:
        """Return at most ROUND_SIZE pairs, of different seeds."""
        asked: list[set[int]] = [set() for _ in self.seeds]
        row = {seed: index for index, seed in enumerate(self.seeds)}
        for trial in trials:
            if trial.seed in row:
                asked[row[trial.seed]].add(trial.d)
        used = sum(bool(of_seed) for of_seed in asked)
        left = self.max_trials - sum(len(of_seed) for of_seed in asked)
        if left <= 0 or self._is_precise(trials):
            return []
        # Seeds not used yet are alike: the next of them are enough to choose from.
        rows = min(len(self.seeds), used + ROUND_SIZE)
        order = sorted(range(len(self.seeds)), key=lambda index: (not asked[index], index))[:rows]
        known = [trial for trial in trials if trial.success is not None and trial.seed in row]
        tried = sorted({trial.d for trial in known})
        place = {index: position for position, index in enumerate(order)}
        outcomes = np.zeros((2, rows, len(tried)))
        for trial in known:
            index = place[row[trial.seed]]
            outcomes[0 if trial.success else 1, index, tried.index(trial.d)] = 1.0
        plan = plan_round(
            np.asarray(tried, dtype=float),
            outcomes[0],
            outcomes[1],
            [asked[index] for index in order],
            self.dims,
            min(ROUND_SIZE, left),
        )
        if plan.information < LEAST_INFORMATION and used >= FEWEST_SEEDS:
            return []
        return [(d, self.seeds[order[position]]) for d, position in plan.pairs]

    def _is_precise(self, trials: Sequence[Trial]) -> bool:
        if not trials:
            return False
        answer = estimate(trials, dmax=self.dims[-1])
        if answer.ci_low is not None and answer.ci_low > self.dims[-1]:
            return True
        return answer.relative_width <= self.precision


SEARCHES: Mapping[str, type[Search]] = {"grid": Grid, "bisect": Bisect, "adaptive": Adaptive}


def make_search(
    kind: str,
    *,
    dmax: int,
    dims: Sequence[int] | None = None,
    seeds: Sequence[int],
    precision: float = 0.25,
    max_trials: int | None = None,
) -> Search:
    """Return the search of that kind.

    Args:
        kind: a key of SEARCHES.
        dmax: the largest d that may be tried.
        dims: the d that may be tried; every integer from 1 to dmax where None.
        seeds: the seeds that may be used, each at most once for a d.
        precision: `adaptive` stops at this width of the interval relative to d_int90.
        max_trials: `adaptive` asks at most so many trials.

    Raises:
        ValueError: the kind is unknown, or the d or seeds are empty, repeated or out of range.
    """
    allowed = range(1, dmax + 1) if dims is None else sorted(dims)
    if kind == "grid":
        return Grid(allowed, tuple(seeds))
    if kind == "bisect":
        return Bisect(allowed, tuple(seeds))
    levels = _levels(allowed, precision / STEPS_IN_PRECISION)
    return Adaptive(levels, tuple(seeds), precision, max_trials or TRIALS_PER_SEED * len(seeds))


def _levels(dims: Sequence[int], step: float) -> Sequence[int]:
    """Return `dims` without those closer than `step`, relative to d; both ends stay."""
    levels: list[int] = []
    position = 0
    while position < len(dims):
        levels.append(dims[position])
        position = max(position + 1, bisect_left(dims, levels[-1] * (1.0 + step)))
    return levels if levels[-1] == dims[-1] else [*levels, dims[-1]]
