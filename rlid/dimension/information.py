"""Which trials narrow the answer most for their cost, for a round of several seeds.

A set of trials is worth the variance of log d_int90 that its outcomes are expected to take away
(Bayesian quadratic loss; Chaloner and Verdinelli 1995, Statistical Science 10, section 2). The
slope of the curve, its guess and lapse rates and the spread of the seeds are unknown, as they are
to the estimator. Sets are built greedily.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rlid.dimension.lattice import Lattice, midpoints
from rlid.dimension.posterior import HALF
from rlid.dimension.statistics import weighted_quantile
from rlid.dimension.threshold_model import (
    Joint,
    Singles,
    crossing_offsets,
    fit_joint,
    product,
    spread_kernel,
    success_given_threshold,
)

Floats = NDArray[np.float64]

# A thinned-out lattice, because it only ranks trials.
PLANNING = Lattice(
    scales=(0.02, 0.08, 0.25, 0.8),
    scale_weights=(1.0, 1.0, 1.0, 0.6),
    spreads=(0.03, 0.16, 0.45, 1.1),
    spread_weights=(0.2, 0.4, 0.65, 0.5),
    outliers=((0.01, 0.01), (0.01, 0.18), (0.1, 0.06)),
    outlier_weights=(0.45, 0.3, 0.25),
    # Planning leaves out seeds that never solve. With them, some curves reach one half at no d,
    # and the variance of the answer would be large after any trial: every gain would look small.
    never=(0.0,),
    never_weights=(1.0,),
    margin=1.5,
    decay=math.inf,
    cell_width=0.1,
    most_cells=100,
    exact_up_to=0,
)
# Where log d is wide, the candidates are these quantiles of the half-point ...
CANDIDATE_SHARES = (0.02, 0.06, 0.12, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.88, 0.94, 0.98)
# ... and these multiples of the curve's width away from its median.
CANDIDATE_STEPS = (-3.0, -2.0, -1.2, -0.6, 0.6, 1.2, 2.0, 3.0)
# Up to this many allowed d, all of them are candidates.
FEW_DIMS = 20
# After the first pick of a round, each seed keeps this many of its best candidates.
OPTIONS_KEPT = 10
# A round's outcomes double with every trial. Planning goes on with so many, the most probable ones.
MOST_OUTCOMES = 64
# Planning leaves out parameter values that together are less probable than this.
NEGLIGIBLE = 3e-3


@dataclass(frozen=True)
class Round:
    """The trials of a round and what they rest on.

    `pairs` are (d, row of the seed), `gain` is the share of the variance of log d_int90 that the
    round is expected to take away, and `interval` the 2.5, 50 and 97.5 % quantiles of d_int90
    before it; dmax + 1 stands for all that lies above dmax.
    """

    pairs: list[tuple[int, int]]
    gain: float
    interval: tuple[float, float, float]


@dataclass(frozen=True)
class Belief:
    """What is still likely, one column for each combination of the model's parameters.

    `weights` (K,) sum to one, `answers` (K,) are log d_int90, `chances` (K, rows * candidates) the
    success chance of each seed at each candidate d.
    """

    weights: Floats
    answers: Floats
    chances: Singles


def plan_round(
    dims: Floats,
    solved: Floats,
    failed: Floats,
    asked: Sequence[set[int]],
    fresh: int,
    allowed: Sequence[int],
    size: int,
    solved_cost: float,
) -> Round:
    """Return the round of at most `size` trials, one per seed, that is worth most for its cost.

    Args:
        dims: (n,) the d tried so far, rising.
        solved: (seeds, n), 1 where that seed solved that d, for the seeds used so far.
        failed: (seeds, n), 1 where it failed.
        asked: for each seed used so far the d that may not be asked again.
        fresh: how many further seeds there are; their rows follow those of the used ones.
        allowed: the d that may be asked, rising.
        size: the most trials in the round.
        solved_cost: what a solved trial costs, as a share of an unsolved one's cost.
    """
    used = len(asked)
    if fresh:
        # Fresh seeds are alike, so one row stands for all of them.
        blank = np.zeros((1, len(dims)))
        solved, failed = np.vstack((solved, blank)), np.vstack((failed, blank))
    joint = fit_joint(PLANNING, dims, solved, failed, dmin=allowed[0], dmax=allowed[-1])
    candidates = candidate_dims(joint, allowed)
    belief = believed(joint, np.log(candidates), allowed)
    options = [
        (d, row)
        for row in range(len(solved))
        for d in candidates
        if row == used or d not in asked[row]
    ]
    columns = [row * len(candidates) + candidates.index(d) for d, row in options]
    chances = np.ascontiguousarray(belief.chances[:, columns])
    expected = belief.weights @ chances
    cost = solved_cost * expected + 1.0 - expected
    before = variance = _expected_variance(belief, belief.weights[None], chances[:, :0])[1]
    pairs: list[tuple[int, int]] = []
    outcomes = belief.weights[None]
    while len(pairs) < size and options:
        after, _ = _expected_variance(belief, outcomes, chances)
        # Rounded, so that noise in the last digits never decides between equal candidates.
        worth = np.round((variance - after) / (before + 1e-12) / cost, 6)
        best = int(np.argmax(worth))
        d, row = options[best]
        pairs.append((d, row if row < used else used + sum(taken >= used for _, taken in pairs)))
        variance = float(after[best])
        chance = chances[:, best]
        outcomes = _likeliest(np.concatenate((outcomes * chance, outcomes * (1.0 - chance))))
        kept = _kept(options, worth, closed=row if _is_used_up(pairs, row, used, fresh) else None)
        options = [options[index] for index in kept]
        chances, cost = chances[:, kept], cost[kept]
    low, middle, high = (
        float(np.exp(weighted_quantile(belief.answers, belief.weights, share)))
        for share in (0.025, 0.5, 0.975)
    )
    return Round(pairs, 1.0 - variance / before if before else 0.0, (low, middle, high))


def _likeliest(outcomes: Floats) -> Floats:
    """Return the MOST_OUTCOMES rows of most probability, scaled to the sum of all."""
    if len(outcomes) <= MOST_OUTCOMES:
        return outcomes
    mass = outcomes.sum(axis=1)
    kept = np.sort(np.argsort(-np.round(mass, 12), kind="stable")[:MOST_OUTCOMES])
    scaled: Floats = outcomes[kept] * (mass.sum() / mass[kept].sum())
    return scaled


def _is_used_up(pairs: list[tuple[int, int]], row: int, used: int, fresh: int) -> bool:
    """Return whether a row's seeds are all in the round."""
    return row < used or sum(taken >= used for _, taken in pairs) >= fresh


def _kept(options: list[tuple[int, int]], worth: Floats, closed: int | None) -> list[int]:
    """Return the options that stay for the next pick: the best few of every row but `closed`."""
    rows = np.asarray([row for _, row in options])
    order = np.lexsort((np.arange(len(rows)), -worth, rows))
    ordered = rows[order]
    rank = np.arange(len(rows)) - np.searchsorted(ordered, ordered)
    is_kept = (rank < OPTIONS_KEPT) & (ordered != (-1 if closed is None else closed))
    return [int(index) for index in np.sort(order[is_kept])]


def candidate_dims(joint: Joint, allowed: Sequence[int]) -> list[int]:
    """Return the d worth considering, rising: all where there are few."""
    if len(allowed) <= FEW_DIMS:
        return list(allowed)
    cumulated = np.concatenate(([0.0], np.cumsum(joint.weights.sum(axis=(0, 1, 2, 3)))))
    points = np.interp(CANDIDATE_SHARES, cumulated, joint.edges)
    widths = np.sqrt(np.square(PLANNING.scales)[:, None] + np.square(PLANNING.spreads))
    width = float((joint.weights.sum(axis=(0, 2, 4)) * widths).sum())
    middle = float(np.interp(0.5, cumulated, joint.edges))
    targets = np.exp(np.concatenate((points, middle + width * np.asarray(CANDIDATE_STEPS))))
    levels = np.asarray(allowed)
    nearest = np.clip(np.searchsorted(levels, targets), 0, len(levels) - 1)
    return sorted({int(d) for d in levels[nearest]} | {int(levels[-1])})


def believed(joint: Joint, log_dims: Floats, allowed: Sequence[int]) -> Belief:
    """Return what is still likely of the curve, and the success chances that follow from it.

    Args:
        joint: the posterior on the lattice PLANNING.
        log_dims: (n,) the logarithms of the candidate d.
        allowed: the d that may be asked, rising.
    """
    pairs, spreads, cells = (
        _likely(joint.weights.sum(axis=axes).ravel())
        for axes in ((0, 3, 4), (0, 1, 2, 4), (0, 1, 2, 3))
    )
    scale, outlier = np.unravel_index(pairs, joint.weights.shape[1:3])
    weights = joint.weights[:, scale, outlier][:, :, spreads][..., cells]
    centres = midpoints(joint.edges)
    kernel = spread_kernel(PLANNING, tuple(joint.edges))[:, spreads][:, :, cells]
    success = success_given_threshold(PLANNING, centres, log_dims)[:, scale, outlier]
    # The pair of scale and outliers comes last but one: (seeds, candidates, pairs, thresholds).
    hits = product(joint.own[:, None, scale, outlier] * success, kernel)
    averaged = joint.averaged[:, scale, outlier][:, :, spreads][..., cells]
    without = joint.without[:, outlier, None, None]
    guess = np.asarray(PLANNING.outliers)[outlier, 0, None, None]
    chances = []
    for never in PLANNING.never:
        lost = (never * without).astype(np.float32)
        kept = np.float32(1.0 - never)
        # No centre that is likely gives a seed's outcomes next to no chance.
        total = averaged * kept + lost + np.float32(1e-30)
        ratio = (hits * kept + (lost * guess).astype(np.float32)[:, None]) / total[:, None]
        chances.append(np.minimum(ratio, np.float32(1.0)))
    offsets = crossing_offsets(PLANNING, HALF)[:, scale, outlier][:, :, spreads, None]
    # What lies beyond the ends is one answer; between them, the next integer.
    halves = np.minimum(offsets + centres[cells], np.log(allowed[-1] + 1))
    answers = np.clip(np.ceil(np.exp(halves)), allowed[0], allowed[-1] + 1)
    columns = np.stack(chances, axis=2).reshape(-1, weights.size).T
    return Belief(weights.ravel() / weights.sum(), np.log(answers).ravel(), columns)


def _likely(mass: Floats) -> NDArray[np.intp]:
    """Return the indices, rising, of the fewest values that hold all but NEGLIGIBLE of the mass."""
    order = np.argsort(-mass, kind="stable")
    enough = int(np.searchsorted(np.cumsum(mass[order]), (1.0 - NEGLIGIBLE) * mass.sum()))
    return np.sort(order[: enough + 1])


def _expected_variance(belief: Belief, outcomes: Floats, chances: Singles) -> tuple[Floats, float]:
    """Return the variance of log d_int90 that is left on average.

    Args:
        belief: the parameters.
        outcomes: (2^k, K): joint probability of the parameters and of each outcome of the k
            trials chosen so far.
        chances: (K, n): success chance of each candidate.

    Returns:
        (n,) after each candidate's outcome too, and the variance without any.
    """
    centred = belief.answers - belief.weights @ belief.answers
    powers = np.stack((np.ones_like(centred), centred, centred**2))
    moments = powers[:, None, :] * outcomes
    total = moments.sum(axis=2)[..., None]
    hits = moments.astype(np.float32) @ chances
    both = np.concatenate((hits, total - hits), axis=1)
    left = (both[2] - both[1] ** 2 / np.maximum(both[0], 1e-300)).sum(axis=0)
    return left, float((total[2] - total[1] ** 2 / np.maximum(total[0], 1e-300)).sum())
