"""Which trials to run next: full grid, bisection per seed, or expected information.

A search asks in rounds. A round is a pure function of the trials so far, so that a resumed
measurement asks the same, whatever ran where.
"""

from __future__ import annotations

import difflib
import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from rlid.dimension.estimate import FEWEST_SEEDS, estimate
from rlid.dimension.evidence import outcome_tables
from rlid.dimension.information import Round, plan_round
from rlid.dimension.success_curve import TrialOutcome

Pair = tuple[int, int]

# Bisection stops when the bracket is this narrow relative to d. No interval gets narrower.
RESOLUTION = 0.05
# A gap between failures and successes is closed down to this width, relative to d.
GAP = 0.025
# If the threshold lies above the largest d with less probability, the largest d is not tried.
MAY_BE_ABOVE = 0.025
# Trials of an adaptive round: the seeds that an interval needs, or more where trials share a batch
# and cost less side by side. It is the same for any number of workers.
ROUND_SIZE = 5
BATCH_ROUND_SIZE = 10
# Trials that look for a step between all failures and all successes, in one round.
GAP_TRIALS = 5
# If n equal trials leave 1 / n of the variance, k further trials remove a share of k / n. An
# adaptive search ends when a round is expected to remove less than LEAST_PACE times that share.
LEAST_PACE = 1.0 / 3.0
# The cost of a solved trial as a share of an unsolved trial's, before any trial has run. This
# assumption has the weight of SOLVED_COST_WEIGHT measured trials.
SOLVED_COST = 0.5
SOLVED_COST_WEIGHT = 2.0
# At large d, adaptive trials use a ladder of d with this many steps per requested width.
STEPS_IN_PRECISION = 8
# The precise interval is computed when the rough one is at most this many times as wide as asked.
NEAR_PRECISION = 1.2
# The limit of an adaptive search where none is given.
TRIALS_PER_SEED = 12


class Search(Protocol):
    """Proposes trials until it has seen enough."""

    def next_round(self, trials: Sequence[TrialOutcome]) -> list[Pair]:
        """Return the (d, seed) pairs to run next, none of them in `trials`; [] when finished."""
        ...


@dataclass(frozen=True)
class Grid:
    """Every d with every seed, in one round."""

    dims: Sequence[int]
    seeds: Sequence[int]

    def next_round(self, trials: Sequence[TrialOutcome]) -> list[Pair]:
        """Return all pairs that have not been asked."""
        asked = {(trial.d, trial.seed) for trial in trials}
        return [(d, seed) for d in self.dims for seed in self.seeds if (d, seed) not in asked]


@dataclass(frozen=True)
class Bisect:
    """Bisects log d for each seed by itself; a round is the next d of every seed.

    When its bracket is narrow, each seed tries the largest d. That shows whether a seed that
    failed everywhere has a threshold, and tells thresholds that differ between seeds from chance
    successes far below one threshold.

    The bisection is replayed from the start through the outcomes there are, so that trials of
    another search are used where they fit. A missing trial is passed over: the nearest d inside
    the bracket stands in for it.
    """

    dims: Sequence[int]
    seeds: Sequence[int]

    def next_round(self, trials: Sequence[TrialOutcome]) -> list[Pair]:
        """Return at most one pair for each seed."""
        of_seed: dict[int, dict[int, bool | None]] = {seed: {} for seed in self.seeds}
        for trial in trials:
            if trial.seed in of_seed:
                of_seed[trial.seed][trial.d] = trial.success
        proposals = [(self._next(outcomes), seed) for seed, outcomes in of_seed.items()]
        return [(d, seed) for d, seed in proposals if d is not None]

    def _next(self, outcomes: Mapping[int, bool | None]) -> int | None:
        """Return the next d for a seed, or None when its bracket is narrow and dmax was tried."""
        low, high = -1, len(self.dims)
        while True:
            below = self.dims[low] if low >= 0 else 0
            above = self.dims[high] if high < len(self.dims) else self.dims[-1] + 1
            is_narrow = below > 0 and above - below <= RESOLUTION * below
            index = None if is_narrow else self._middle(low, high, outcomes)
            if index is None:
                return self.dims[-1] if self.dims[-1] not in outcomes else None
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
    """Asks the trials that narrow the interval most for their cost, a few seeds at a time.

    It stops when the interval is narrow enough, when it is sure that the threshold lies above the
    largest d, when `max_trials` are spent, or when another round would tell little. In the last
    case the seeds differ by more than the precision, and only further seeds would help. If all
    failures lie below all successes, the search closes the gap between them before it stops.
    """

    dims: Sequence[int]
    seeds: Sequence[int]
    precision: float
    max_trials: int
    round_size: int = ROUND_SIZE

    def next_round(self, trials: Sequence[TrialOutcome]) -> list[Pair]:
        """Return at most `round_size` pairs, of different seeds."""
        rows = [trial for trial in trials if trial.seed in self.seeds]
        size = min(self.round_size, self.max_trials - len(rows))
        if size <= 0:
            return []
        asked: dict[int, set[int]] = {seed: set() for seed in self.seeds}
        for trial in rows:
            asked[trial.seed].add(trial.d)
        used = [seed for seed in self.seeds if asked[seed]]
        order = used + [seed for seed in self.seeds if not asked[seed]]
        known = [(t.d, t.seed, t.success) for t in rows if t.success is not None]
        tried = sorted({d for d, _, _ in known})
        plan = plan_round(
            np.asarray(tried, dtype=float),
            *outcome_tables(known, tried, used),
            asked=[asked[seed] for seed in used],
            fresh=len(order) - len(used),
            allowed=_levels(self.dims, self.precision / STEPS_IN_PRECISION),
            size=size,
            solved_cost=solved_cost(rows),
        )
        has_seeds = len(used) >= min(FEWEST_SEEDS, len(self.seeds))
        is_slow = has_seeds and plan.gain * len(rows) < LEAST_PACE * size
        if is_slow or self._is_precise(rows, plan):
            return (self._above(rows, asked) or self._gap(rows, asked))[:size]
        return [(d, order[row]) for d, row in plan.pairs]

    def _is_precise(self, trials: Sequence[TrialOutcome], plan: Round) -> bool:
        """Return whether the interval is narrow enough, or all of it above the largest d."""
        largest = self.dims[-1]
        low, middle, high = plan.interval
        # The estimate costs more than the plan, so it is made only where the plan's own, rougher
        # interval is near enough.
        if high - low > NEAR_PRECISION * self.precision * middle and low < largest:
            return False
        answer = estimate(trials, dmax=largest, dmin=self.dims[0])
        if answer.ci_low is None or answer.ci_low > largest:
            return answer.ci_low is not None
        if answer.d_int90 is None or answer.ci_high is None:
            return False
        # An interval that is open below the smallest d counts from there: no trial can close it.
        return answer.ci_high - answer.ci_low <= self.precision * answer.d_int90

    def _above(self, trials: Sequence[TrialOutcome], asked: Mapping[int, set[int]]) -> list[Pair]:
        """Return pairs at the largest d if few ran there and the threshold may lie above it."""
        largest = self.dims[-1]
        answer = estimate(trials, dmax=largest, dmin=self.dims[0])
        if answer.d_int90 is not None or (answer.probability_above_dmax or 0.0) < MAY_BE_ABOVE:
            return []
        tried = sum(trial.d == largest and trial.success is not None for trial in trials)
        lacking = max(0, min(FEWEST_SEEDS, len(self.seeds)) - tried)
        free = [seed for seed in self.seeds if largest not in asked[seed]]
        return [(largest, seed) for seed in free[:lacking]]

    def _gap(self, trials: Sequence[TrialOutcome], asked: Mapping[int, set[int]]) -> list[Pair]:
        """Return pairs between the failures and the successes, where the two do not overlap.

        These few trials find a step exactly (to GAP of d), whatever precision is asked.
        """
        high = min((trial.d for trial in trials if trial.success), default=0)
        low = max((trial.d for trial in trials if trial.success is False), default=0)
        inside = self.dims[bisect_left(self.dims, low + 1) : bisect_left(self.dims, high)]
        if not inside or high - low <= GAP * high:
            return []
        count = min(GAP_TRIALS, len(inside))
        targets = [inside[(2 * part + 1) * len(inside) // (2 * count)] for part in range(count)]
        pairs: list[Pair] = []
        for d in targets:
            free = [seed for seed in self.seeds if d not in asked[seed]]
            taken = {seed for _, seed in pairs}
            free.sort(key=lambda seed: (seed in taken, len(asked[seed])))
            pairs += [(d, seed) for seed in free[:1]]
        return pairs


def solved_cost(trials: Sequence[TrialOutcome]) -> float:
    """Return what a solved trial costs, as a share of an unsolved one, from the trials so far."""
    solved = [trial.cost for trial in trials if trial.success and trial.cost]
    failed = [trial.cost for trial in trials if trial.success is False and trial.cost]
    if not solved or not failed:
        return SOLVED_COST
    share = math.fsum(solved) / len(solved) / (math.fsum(failed) / len(failed))
    weight = min(len(solved), len(failed))
    return (share * weight + SOLVED_COST * SOLVED_COST_WEIGHT) / (weight + SOLVED_COST_WEIGHT)


SEARCHES: Mapping[str, type[Search]] = {"grid": Grid, "bisect": Bisect, "adaptive": Adaptive}


def make_search(
    kind: str,
    *,
    dmax: int,
    dims: Sequence[int] | None = None,
    seeds: Sequence[int],
    precision: float = 0.25,
    max_trials: int | None = None,
    round_size: int = ROUND_SIZE,
) -> Search:
    """Return the search of that kind.

    Args:
        kind: a key of SEARCHES.
        dmax: the largest d that may be tried.
        dims: the d that may be tried; every integer from 1 to dmax where None.
        seeds: the seeds that may be used, each at most once for a d.
        precision: `adaptive` stops at this width of the interval relative to d_int90.
        max_trials: `adaptive` asks at most so many trials.
        round_size: `adaptive` asks so many in a round, of different seeds.

    Raises:
        ValueError: the kind is unknown, or the d or seeds are empty, repeated or out of range.
    """
    if kind not in SEARCHES:
        near = difflib.get_close_matches(kind, SEARCHES, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise ValueError(f"unknown search {kind!r}: {hint}known: {', '.join(sorted(SEARCHES))}")
    if dmax < 1:
        raise ValueError(f"dmax must be at least 1, got {dmax}")
    allowed = range(1, dmax + 1) if dims is None else sorted(set(dims))
    if not allowed or allowed[0] < 1 or allowed[-1] > dmax:
        raise ValueError(f"dims must be one or more integers in 1..{dmax}, got {dims}")
    if not seeds or len(set(seeds)) < len(seeds):
        raise ValueError(f"seeds must be one or more different integers, got {list(seeds)}")
    if not precision > 0.0:
        raise ValueError(f"precision must be positive, got {precision}")
    if max_trials is not None and max_trials < 1:
        raise ValueError(f"max_trials must be at least 1, got {max_trials}")
    if round_size < 1:
        raise ValueError(f"round_size must be at least 1, got {round_size}")
    if kind == "grid":
        return Grid(allowed, tuple(seeds))
    if kind == "bisect":
        return Bisect(allowed, tuple(seeds))
    most = max_trials or TRIALS_PER_SEED * len(seeds)
    return Adaptive(allowed, tuple(seeds), precision, most, round_size)


def _levels(dims: Sequence[int], step: float) -> Sequence[int]:
    """Return `dims` without those closer than `step`, relative to d; both ends stay."""
    levels: list[int] = []
    position = 0
    while position < len(dims):
        levels.append(dims[position])
        position = max(position + 1, bisect_left(dims, levels[-1] * (1.0 + step)))
    return levels if levels[-1] == dims[-1] else [*levels, dims[-1]]
