"""The values that the model's parameters are summed over, and the cells of log d."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from rlid.dimension.statistics import Floats


@dataclass(frozen=True)
class Lattice:
    """The values of the parameters and how likely each is before any trial.

    `scales` and `spreads` are in log d. `outliers` are pairs (guess, lapse), never zero, because
    one lucky or unlucky run must not rule a threshold out. `never` are shares of seeds that
    solve no d. Each has weights of the same length. `margin` is how far the half-point may lie
    beyond [dmin, dmax], in log d. `cell_width` (in log d) and `most_cells` bound the cells that
    log d is cut into. Above dmax the prior density of the centre falls by a factor of e in every
    `decay` of log d. Up to `exact_up_to` the logarithm of every integer is an edge, so that a
    cell means one answer there.
    """

    scales: tuple[float, ...]
    scale_weights: tuple[float, ...]
    spreads: tuple[float, ...]
    spread_weights: tuple[float, ...]
    outliers: tuple[tuple[float, float], ...]
    outlier_weights: tuple[float, ...]
    never: tuple[float, ...]
    never_weights: tuple[float, ...]
    margin: float
    decay: float
    cell_width: float
    most_cells: int
    exact_up_to: int

    def prior(self) -> Floats:
        """Return the weight of each combination: (never, scales, outliers, spreads, 1)."""
        axes = (self.never_weights, self.scale_weights, self.outlier_weights, self.spread_weights)
        table = np.ones(())
        for weights in axes:
            table = table[..., None] * np.asarray(weights)
        return np.asarray(table[..., None])

    def centre_prior(self, edges: Floats, dmax: int) -> Floats:
        """Return the prior weight of each cell of the centre: (m + 1,) -> (m,)."""
        beyond = np.maximum(0.0, midpoints(edges) - np.log(dmax))
        return np.asarray(np.diff(edges) * np.exp(-beyond / self.decay))


# From a step between neighbouring integers near 100 to a curve that needs a factor of 300 in d to
# rise from 10 to 90 %. Equal weights on a geometric series are the usual scale-free prior; with
# it, runs that bracket each seed's threshold give nearly Student's interval for their mean. What
# is least plausible has less: under equal weights a few dozen trials leave an interval that is a
# quarter wider, for the sake of curves that no run of this length could tell from chance.
ESTIMATION = Lattice(
    scales=tuple(0.01 * 2.0**i for i in range(8)),
    scale_weights=(1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.8, 0.3),
    spreads=(0.02, 0.08, 0.16, 0.32, 0.64, 1.28),
    # The square root of the spread, but for the ends: under equal weights the interval is too
    # narrow where ten seeds' thresholds are skewed (it covers in 93 % instead of 95 %).
    spread_weights=(0.14, 0.28, 0.4, 0.57, 0.7, 0.35),
    outliers=((0.01, 0.01), (0.01, 0.08), (0.1, 0.01), (0.1, 0.08), (0.01, 0.25)),
    outlier_weights=(0.4, 0.2, 0.1, 0.15, 0.15),
    # Without the shares above zero, intervals cover in 53 to 59 % where 30 % of seeds never solve.
    # With half of these weights, five seeds on a grid cover in 87 % there.
    # Lapses and shares just below a tenth, so that the curve can reach nine tenths beside them.
    # A share above one half says that d_int90 does not exist. It is rare; without it, a grid of 20
    # seeds of which half never solve gives a closed interval in a third of measurements. With a
    # larger share besides, 15 trials cover in 88 % where the threshold lies just below dmax.
    never=(0.0, 0.08, 0.2, 0.35, 0.55),
    never_weights=(0.4, 0.2, 0.2, 0.2, 0.06),
    margin=1.5,
    # Few tasks have a threshold far above a dmax that was chosen for them. With equal density up
    # to the margin, intervals of 5 seeds cover in 90 % where the threshold lies just below dmax.
    decay=0.5,
    cell_width=0.05,
    most_cells=200,
    exact_up_to=40,
)
# Within NEAR_MARGIN (log d) of [dmin, dmax] the cells of the margins have the usual width. Further
# out they are wider by MARGIN_COARSENESS, because only the tails of shallow curves reach so far.
NEAR_MARGIN = 0.3
MARGIN_COARSENESS = 4.0
# A gap between tried values that is narrower than this (log d) is one cell, else at least two.
FINEST_SPLIT = 0.03
# More distinct d than this are pooled in steps of this much log d.
MOST_DIMS = 250
POOLED_STEP = 0.02


def midpoints(edges: Floats) -> Floats:
    """Return the middle of each cell: (m + 1,) -> (m,)."""
    return 0.5 * (edges[1:] + edges[:-1])


def pooled_dims(dims: Sequence[int]) -> dict[int, float]:
    """Return for each d the value that stands for it: itself, unless there are very many.

    Then those above `exact_up_to` that lie within POOLED_STEP share their geometric mean, which
    keeps the grid of the fit small for a sweep over every d up to thousands.
    """
    if len(dims) <= MOST_DIMS:
        return {d: float(d) for d in dims}
    groups: dict[int, list[int]] = {}
    for d in dims:
        is_exact = d <= ESTIMATION.exact_up_to
        groups.setdefault(-d if is_exact else int(math.log(d) / POOLED_STEP), []).append(d)
    return {
        d: math.exp(sum(math.log(member) for member in group) / len(group))
        for group in groups.values()
        for d in group
    }


@lru_cache(maxsize=64)
def cell_edges(lattice: Lattice, dims: tuple[float, ...], dmin: int, dmax: int) -> Floats:
    """Return the cell edges in log d: (m + 1,), rising, with every tried d among them.

    Likelihoods of steep curves jump at the tried d; with the jumps on edges, the midpoint rule
    stays exact for them.
    """
    first, last = float(np.log(dmin)), float(np.log(dmax))
    low, high = first - lattice.margin, last + lattice.margin
    integers = np.arange(dmin, min(dmax, lattice.exact_up_to) + 1)
    knots = np.unique(np.concatenate((dims, integers, [dmin, dmax])).astype(float))
    ends = [low, first - NEAR_MARGIN], [last + NEAR_MARGIN, high]
    knots = np.concatenate((ends[0], np.log(knots), ends[1]))
    width = np.full(len(knots) - 1, max(lattice.cell_width, (high - low) / lattice.most_cells))
    width[[0, -1]] *= MARGIN_COARSENESS
    gaps = np.diff(knots)
    parts = np.maximum(np.where(gaps > FINEST_SPLIT, 2, 1), np.ceil(gaps / width)).astype(int)
    pieces = [
        np.linspace(start, stop, count, endpoint=False)
        for start, stop, count in zip(knots[:-1], knots[1:], parts, strict=True)
    ]
    return np.concatenate((*pieces, [high]))
