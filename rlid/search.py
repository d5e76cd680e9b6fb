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

from rlid.dimension import Trial

Pair = tuple[int, int]

# Bisection stops when the bracket is this narrow relative to d: finer than any interval gets.
RESOLUTION = 0.05


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
    raise ValueError(kind)
