"""Expected information of trials about the threshold (Lindley 1956), for a round of several seeds.

The information of a set of trials is the mutual information between their outcomes and the
half-point, with the curve's slope and the spread of the seeds as nuisance; sets are built greedily.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rlid.threshold_model import (
    Joint,
    Lattice,
    fit_joint,
    midpoints,
    spread_kernel,
    success_given_threshold,
)

Floats = NDArray[np.float64]

# Coarser than the estimator's, since it only ranks trials. Guess and lapse are equal in each pair,
# so that the half-point is the centre of the seeds' thresholds.
PLANNING = Lattice(
    scales=(0.01, 0.04, 0.1, 0.25, 0.6),
    spreads=(0.02, 0.1, 0.3, 0.8),
    spread_weights=(1.0, 1.0, 1.0, 1.0),
    outliers=((0.02, 0.02), (0.1, 0.1)),
    outlier_weights=(0.7, 0.3),
    margin=1.0,
    cell_width=0.1,
    most_cells=100,
    exact_up_to=0,
)
# A solved run stops early: its cost as a share of the budget that an unsolved run spends.
SOLVED_COST = 1.0 / 3.0
# Where log d is wide, candidates are these quantiles of the half-point ...
CANDIDATE_SHARES = (0.02, 0.06, 0.12, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.88, 0.94, 0.98)
# ... and these multiples of the curve's width away from its median.
CANDIDATE_STEPS = (-3.0, -2.0, -1.2, -0.6, 0.6, 1.2, 2.0, 3.0)
# Up to so many allowed d all of them are candidates.
FEW_DIMS = 20
# After the first pick of a round each seed keeps so many of its best candidates.
OPTIONS_KEPT = 10


@dataclass(frozen=True)
class Plan:
    """The trials of a round and what they rest on.

    `pairs` are (d, row of the seed), `information` is their joint information in nats, and
    `interval` the 2.5, 50 and 97.5 % quantiles of the half-point before the round, in log d.
    """

    pairs: list[tuple[int, int]]
    information: float
    interval: tuple[float, float, float]


def plan_round(
    dims: Floats,
    solved: Floats,
    failed: Floats,
    asked: Sequence[set[int]],
    fresh: int,
    allowed: Sequence[int],
    size: int,
) -> Plan:
    """Return the round of at most `size` trials, one per seed, of most information for its cost.

    Args:
        dims: (n,) the d tried so far, rising.
        solved: (seeds, n), 1 where that seed solved that d, for the seeds used so far.
        failed: (seeds, n), 1 where it failed.
        asked: for each seed used so far the d that may not be asked again.
        fresh: how many further seeds there are; their rows follow those of the used ones.
        allowed: the d that may be asked, rising.
        size: the most trials in the round.
    """
    used = len(asked)
    if fresh:
        # Fresh seeds are alike, so one row stands for all of them.
        blank = np.zeros((1, len(dims)))
        solved, failed = np.vstack((solved, blank)), np.vstack((failed, blank))
    joint = fit_joint(PLANNING, dims, solved, failed, dmin=allowed[0], dmax=allowed[-1])
    candidates = candidate_dims(joint, allowed)
    success = _predicted_success(joint, np.log(candidates))
    cells = len(joint.edges) - 1
    # (m, combinations), and (m, combinations, seeds * candidates)
    weights = joint.weights.reshape(-1, cells).T
    chances = success.reshape(len(solved) * len(candidates), -1, cells).transpose(2, 1, 0)
    options = [
        (d, row)
        for row in range(len(solved))
        for d in candidates
        if row == used or d not in asked[row]
    ]
    places = [row * len(candidates) + candidates.index(d) for d, row in options]
    chances = np.ascontiguousarray(chances[:, :, places])
    expected = np.einsum("mc,mcj->j", weights, chances)
    cost = SOLVED_COST * expected + 1.0 - expected
    pairs: list[tuple[int, int]] = []
    information = 0.0
    outcomes = weights[:, None, :]
    while len(pairs) < size and options:
        gains = _joint_information(outcomes, chances)
        # Rounded, so that noise in the last digits never decides between equal candidates.
        worth = np.round((gains - information) / cost, 9)
        best = int(np.argmax(worth))
        d, row = options[best]
        pairs.append((d, row if row < used else used + sum(taken >= used for _, taken in pairs)))
        information = float(gains[best])
        chance = chances[:, None, :, best]
        outcomes = np.concatenate((outcomes * chance, outcomes * (1.0 - chance)), axis=1)
        kept = _kept(options, worth, closed=row if _is_used_up(pairs, row, used, fresh) else None)
        options = [options[index] for index in kept]
        chances, cost = chances[:, :, kept], cost[kept]
    mass = joint.weights.sum(axis=(0, 1, 2))
    low, middle, high = np.interp((0.025, 0.5, 0.975), _cumulated(mass), joint.edges)
    return Plan(pairs, information, (float(low), float(middle), float(high)))


def _cumulated(mass: Floats) -> Floats:
    return np.concatenate(([0.0], np.cumsum(mass)))


def _is_used_up(pairs: list[tuple[int, int]], row: int, used: int, fresh: int) -> bool:
    """Return whether a row's seeds are all in the round."""
    return row < used or sum(taken >= used for _, taken in pairs) >= fresh


def _kept(options: list[tuple[int, int]], worth: Floats, closed: int | None) -> list[int]:
    """Return the options that stay for the next pick: the best few of every row but `closed`."""
    kept: list[int] = []
    for row in sorted({row for _, row in options if row != closed}):
        of_row = [index for index, option in enumerate(options) if option[1] == row]
        of_row.sort(key=lambda index: (-worth[index], index))
        kept += sorted(of_row[:OPTIONS_KEPT])
    return kept


def candidate_dims(joint: Joint, allowed: Sequence[int]) -> list[int]:
    """Return the d worth considering, rising: all where there are few."""
    if len(allowed) <= FEW_DIMS:
        return list(allowed)
    mass = joint.weights.sum(axis=(0, 1, 2))
    cumulated = _cumulated(mass)
    points = np.interp(CANDIDATE_SHARES, cumulated, joint.edges)
    widths = np.sqrt(np.square(PLANNING.scales)[:, None] + np.square(PLANNING.spreads))
    width = float((joint.weights.sum(axis=(1, 3)) * widths).sum())
    middle = float(np.interp(0.5, cumulated, joint.edges))
    wanted = np.exp(np.concatenate((points, middle + width * np.asarray(CANDIDATE_STEPS))))
    levels = np.asarray(allowed)
    places = np.clip(np.searchsorted(levels, wanted), 0, len(levels) - 1)
    return sorted({int(d) for d in levels[places]} | {int(levels[-1])})


def _predicted_success(joint: Joint, log_dims: Floats) -> Floats:
    """Return the success chance of each seed at each d given the parameters.

    Returns:
        (seeds, candidates, scales, outliers, spreads, m).
    """
    kernel = spread_kernel(PLANNING, tuple(joint.edges))
    success = success_given_threshold(PLANNING, midpoints(joint.edges), log_dims)
    hits = joint.own[:, None] * success
    flat = hits.reshape(-1, hits.shape[-1]) @ kernel.reshape(len(kernel), -1)
    shape = (*hits.shape[:-1], *kernel.shape[1:])
    ratio = flat.reshape(shape) / (joint.averaged[:, None] + 1e-300)
    return np.asarray(np.clip(ratio, 1e-9, 1.0 - 1e-9))


def _joint_information(outcomes: Floats, chances: Floats) -> Floats:
    """Return the information of the outcomes chosen so far together with each candidate.

    Args:
        outcomes: (m, 2^k, combinations): joint probability of the parameters and of each outcome
            of the k trials chosen so far.
        chances: (m, combinations, n): success chance of each candidate.

    Returns:
        (n,) in nats.
    """
    hits = outcomes @ chances
    both = np.concatenate((hits, outcomes.sum(axis=2, keepdims=True) - hits), axis=1)
    both = np.maximum(both, 1e-300)
    of_outcome = both.sum(axis=0)
    of_cell = both[:, :, 0].sum(axis=1)
    information = (both * np.log(both)).sum(axis=(0, 1))
    information -= (of_outcome * np.log(of_outcome)).sum(axis=0)
    return np.asarray(information - (of_cell * np.log(of_cell)).sum())
