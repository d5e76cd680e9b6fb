"""Posterior of the half-point of a success curve with seed effects, on a grid.

The model is the psychometric function of Wichmann and Hill (2001, Perception & Psychophysics 63,
equation 1) with a random threshold for each seed:

    P(success | d, seed) = guess + (1 - guess - lapse) * logistic((log d - theta_seed) / scale)
    theta_seed ~ Normal(centre, spread^2)

`scale` is how gradual the curve of one seed is, `spread` how much seeds differ, `guess` and
`lapse` how often a run passes far below or fails far above its threshold. The answer is the
half-point: the log d at which the curve averaged over seeds is one half. Everything else is
integrated out. The likelihood holds however the trials were chosen, since what a search asks next
depends on what has come out so far alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from rlid.dimension.lattice import ESTIMATION, Lattice, cell_edges, midpoints
from rlid.dimension.statistics import Floats

Singles = NDArray[np.float32]


@dataclass(frozen=True)
class Posterior:
    """What the trials say of the half-point.

    `edges` (m + 1,) are in log d, `mass` (m,) is the probability of each cell.
    `scale`, `spread`, `guess` and `lapse` are posterior means (geometric for the first two).
    """

    edges: Floats
    mass: Floats
    scale: float
    spread: float
    guess: float
    lapse: float

    def quantile(self, share: float) -> float:
        """Return the log d below which the half-point lies with probability `share`."""
        cumulated = np.concatenate(([0.0], np.cumsum(self.mass)))
        return float(np.interp(share, cumulated, self.edges))

    def probability_above(self, log_d: float) -> float:
        """Return the probability that the half-point lies above `log_d`."""
        cumulated = np.concatenate(([0.0], np.cumsum(self.mass)))
        return float(1.0 - np.interp(log_d, self.edges, cumulated))


@dataclass(frozen=True)
class Joint:
    """Posterior over all of the model's parameters.

    `weights` is (scales, outliers, spreads, m) and sums to one over everything; the last axis is
    the centre of the seeds' thresholds. `own` (seeds, scales, outliers, m) is the likelihood of
    each seed's runs given its threshold, scaled by a constant of the seed, `averaged` (seeds,
    scales, outliers, spreads, m) its average over the thresholds that a centre makes likely.
    """

    edges: Floats
    weights: Floats
    own: Floats
    averaged: Singles


def fit(dims: Floats, solved: Floats, failed: Floats, *, dmin: int, dmax: int) -> Posterior:
    """Return the posterior of the half-point; arguments as for `fit_joint`."""
    joint = fit_joint(ESTIMATION, dims, solved, failed, dmin=dmin, dmax=dmax)
    weights = joint.weights
    guess, lapse = np.asarray(ESTIMATION.outliers).T
    by_outlier = weights.sum(axis=(0, 2, 3))
    return Posterior(
        edges=joint.edges,
        mass=_half_points(weights, joint.edges),
        scale=_geometric_mean(ESTIMATION.scales, weights.sum(axis=(1, 2, 3))),
        spread=_geometric_mean(ESTIMATION.spreads, weights.sum(axis=(0, 1, 3))),
        guess=float(by_outlier @ guess),
        lapse=float(by_outlier @ lapse),
    )


def fit_joint(
    lattice: Lattice, dims: Floats, solved: Floats, failed: Floats, *, dmin: int, dmax: int
) -> Joint:
    """Return the joint posterior.

    Args:
        lattice: the values of the parameters.
        dims: (n,) distinct d, rising.
        solved: (seeds, n), how often that seed solved that d.
        failed: (seeds, n), how often it failed.
        dmin: the smallest d that may be the answer.
        dmax: the largest.
    """
    edges = cell_edges(lattice, tuple(dims), dmin, dmax)
    success = success_given_threshold(lattice, midpoints(edges), np.log(dims))
    flat = success.reshape(len(dims), math.prod(success.shape[1:]))
    logs = solved @ np.log(flat) + failed @ np.log1p(-flat)
    logs = logs.reshape(len(solved), *success.shape[1:])
    top = logs.max(axis=(1, 2, 3), keepdims=True)
    own = np.exp(logs - top)
    kernel = spread_kernel(lattice, tuple(edges))
    averaged = product(own, kernel)
    total = _log_product(averaged)
    weights = np.exp(total - total.max()) * np.diff(edges)
    weights *= np.asarray(lattice.outlier_weights)[:, None, None]
    weights *= np.asarray(lattice.spread_weights)[:, None]
    weights *= np.asarray(lattice.scale_weights)[:, None, None, None]
    return Joint(edges, weights / weights.sum(), own, averaged)


def product(likelihood: Floats, kernel: Singles) -> Singles:
    """Return likelihoods averaged over a seed's threshold: (..., m) and (m, ...) -> (..., ...).

    In single precision: it is the bulk of the work, and all summands are positive.
    """
    rows = likelihood.reshape(-1, len(kernel)).astype(np.float32)
    flat = rows @ kernel.reshape(len(kernel), -1)
    return np.asarray(flat.reshape(*likelihood.shape[:-1], *kernel.shape[1:]))


def _log_product(factors: Singles) -> Floats:
    """Return the logarithm of the product over the first axis; each factor is at most one."""
    # A logarithm for every ten factors: floored like this, their product cannot underflow.
    floored = np.maximum(factors, np.float32(1e-30))
    parts = [floored[start : start + 10] for start in range(0, len(floored), 10)]
    return np.asarray(sum(np.log(part.prod(axis=0, dtype=float)) for part in parts))


def success_given_threshold(lattice: Lattice, thresholds: Floats, log_dims: Floats) -> Floats:
    """Return the success probability: (n, scales, outliers, thresholds)."""
    steps = (log_dims[:, None, None] - thresholds) / np.asarray(lattice.scales)[:, None]
    rise = 1.0 / (1.0 + np.exp(-np.clip(steps, -40.0, 40.0)))
    guess, lapse = np.asarray(lattice.outliers).T[..., None]
    return np.asarray(guess + (1.0 - guess - lapse) * rise[:, :, None, :])


@lru_cache(maxsize=4)
def spread_kernel(lattice: Lattice, edges: tuple[float, ...]) -> Singles:
    """Return the probability that a seed's threshold lies in a cell, given the centre.

    Returns:
        (cells of the threshold, spreads, cells of the centre).
    """
    from scipy.special import ndtr  # slow to import

    centres = midpoints(np.asarray(edges))
    # The outermost cells hold all thresholds beyond them: there no trial tells them apart.
    open_edges = np.concatenate(([-np.inf], edges[1:-1], [np.inf]))
    steps = (open_edges[:, None, None] - centres) / np.asarray(lattice.spreads)[:, None]
    return np.asarray(np.diff(ndtr(steps), axis=0), dtype=np.float32)


@lru_cache(maxsize=1)
def half_point_offsets(lattice: Lattice) -> Floats:
    """Return how far the half-point lies above the centre, in log d.

    The average of a logistic over a normal is close to a logistic of scale
    sqrt(scale^2 + pi * spread^2 / 8) (MacKay 1992, Neural Computation 4, equation 10).

    Returns:
        (scales, outliers, spreads).
    """
    squares = np.square(lattice.scales)[:, None] + np.pi / 8.0 * np.square(lattice.spreads)
    guess, lapse = np.asarray(lattice.outliers).T
    share = (0.5 - guess) / (1.0 - guess - lapse)
    return np.asarray(np.sqrt(squares)[:, None, :] * np.log(share / (1.0 - share))[:, None])


def _half_points(weights: Floats, edges: Floats) -> Floats:
    """Move the mass of the centres to the half-points: (scales, outliers, spreads, m) -> (m,)."""
    cells = weights.shape[-1]
    rows = weights.reshape(-1, cells)
    offsets = half_point_offsets(ESTIMATION).reshape(-1, 1)
    is_moved = np.abs(offsets[:, 0]) > 0.0
    moving, offsets = rows[is_moved], offsets[is_moved]
    # One interpolation of all rows' cumulated mass: each row has a stretch of the axis to itself.
    stretch = 2.0 * (edges[-1] - edges[0])
    start = stretch * np.arange(len(moving))[:, None]
    cumulated = np.concatenate((np.zeros((len(moving), 1)), np.cumsum(moving, axis=1)), axis=1)
    wanted = np.clip(edges - offsets, edges[0], edges[-1]) + start
    moved = np.interp(wanted.ravel(), (edges + start).ravel(), cumulated.ravel())
    moved = moved.reshape(cumulated.shape)
    moved[:, 0], moved[:, -1] = 0.0, cumulated[:, -1]
    return np.asarray(rows[~is_moved].sum(axis=0) + np.diff(moved.sum(axis=0)))


def _geometric_mean(values: tuple[float, ...], weights: Floats) -> float:
    return float(np.exp(weights @ np.log(values)))
