"""Likelihood of a success curve with seed effects, and its posterior on a grid.

The model is the psychometric function of Wichmann and Hill (2001, Perception & Psychophysics 63,
equation 1) with a random threshold for each seed, and a share of seeds without a threshold:

    P(success | d, seed) = guess + (1 - guess - lapse) * logistic((log d - theta_seed) / scale)
    theta_seed ~ Normal(centre, spread^2)   with probability 1 - never
    P(success | d, seed) = guess            with probability never

`scale` is how gradual the curve of one seed is and `spread` is how much seeds differ. `guess` is
the success rate far below the threshold, `lapse` the failure rate far above it. `never` is the
share of seeds that solve no d. The likelihood holds however the trials were chosen, because the
next trial of a search depends on earlier outcomes alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from rlid.dimension.lattice import Lattice, cell_edges, midpoints
from rlid.dimension.statistics import Floats

Singles = NDArray[np.float32]


@dataclass(frozen=True)
class Joint:
    """Posterior over all of the model's parameters.

    `weights` (never, scales, outliers, spreads, m) sums to one over everything. Its last axis is
    the centre of the seeds' thresholds, a cell between two of the `edges` (m + 1,), in log d.
    `own` (seeds, scales, outliers, m) is the likelihood of each seed's runs given its threshold,
    scaled by a constant of the seed. `averaged` (seeds, scales, outliers, spreads, m) is `own`
    averaged over the thresholds that a centre makes likely. `without` (seeds, outliers) is the
    likelihood, scaled by the same constant, if the seed solves no d.
    """

    edges: Floats
    weights: Floats
    own: Floats
    averaged: Singles
    without: Floats


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
        dmax: the largest d that may be the answer.
    """
    edges = cell_edges(lattice, tuple(dims), dmin, dmax)
    success = success_given_threshold(lattice, midpoints(edges), np.log(dims))
    flat = success.reshape(len(dims), math.prod(success.shape[1:]))
    logs = solved @ np.log(flat) + failed @ np.log1p(-flat)
    logs = logs.reshape(len(solved), *success.shape[1:])
    guess = np.asarray(lattice.outliers)[:, 0]
    without = np.outer(solved.sum(axis=1), np.log(guess))
    without += np.outer(failed.sum(axis=1), np.log1p(-guess))
    top = np.maximum(logs.max(axis=(1, 2, 3)), without.max(axis=1))
    own = np.exp(logs - top[:, None, None, None])
    without = np.exp(without - top[:, None])
    averaged = product(own, spread_kernel(lattice, tuple(edges)))
    total = np.stack([_log_product(averaged, without, share) for share in lattice.never])
    weights = np.exp(total - total.max()) * lattice.prior() * lattice.centre_prior(edges, dmax)
    return Joint(edges, weights / weights.sum(), own, averaged, without)


def product(likelihood: Floats, kernel: Singles) -> Singles:
    """Return likelihoods averaged over a seed's threshold: (..., m) and (m, ...) -> (..., ...).

    In single precision, because this is the bulk of the work and all summands are positive.
    """
    rows = likelihood.reshape(-1, len(kernel)).astype(np.float32)
    flat = rows @ kernel.reshape(len(kernel), -1)
    return np.asarray(flat.reshape(*likelihood.shape[:-1], *kernel.shape[1:]))


def mixed(averaged: Singles, without: Floats, never: float) -> Singles:
    """Return the likelihood of each seed where a share `never` of seeds solves no d.

    Args:
        averaged: (seeds, scales, outliers, spreads, m), as in `Joint`.
        without: (seeds, outliers), as in `Joint`.
        never: the share.

    Returns:
        (seeds, scales, outliers, spreads, m).
    """
    if not never:
        return averaged
    share = np.float32(1.0 - never)
    lost = (never * without).astype(np.float32)[:, None, :, None, None]
    return np.asarray(averaged * share + lost)


def _log_product(averaged: Singles, without: Floats, never: float) -> Floats:
    """Return the log likelihood of all seeds: (scales, outliers, spreads, m)."""
    total = np.zeros(averaged.shape[1:])
    # One logarithm for ten factors: floored at 1e-30, a product of ten cannot underflow.
    for start in range(0, len(averaged), 10):
        part = mixed(averaged[start : start + 10], without[start : start + 10], never)
        total += np.log(np.maximum(part, np.float32(1e-30)).prod(axis=0, dtype=float))
    return total


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


@lru_cache(maxsize=8)
def crossing_offsets(lattice: Lattice, probability: float) -> Floats:
    """Return how far above the centre the curve averaged over seeds reaches `probability`.

    The average of a logistic over a normal is close to a logistic of scale
    sqrt(scale^2 + pi * spread^2 / 8) (MacKay 1992, Neural Computation 4, equation 10).

    Returns:
        (never, scales, outliers, spreads), in log d; infinite where no d reaches it.
    """
    never = np.asarray(lattice.never)[:, None]
    guess, lapse = np.asarray(lattice.outliers).T
    share = (probability - guess) / ((1.0 - never) * (1.0 - guess - lapse))
    is_reached = share < 1.0 - 1e-9
    inside = np.where(is_reached, share, 0.5)
    logit = np.where(is_reached, np.log(inside / (1.0 - inside)), np.inf)
    widths = averaged_scale(np.asarray(lattice.scales)[:, None], np.asarray(lattice.spreads))
    return np.asarray(widths[:, None, :] * logit[:, None, :, None])


def averaged_scale(scale: Floats | float, spread: Floats | float) -> Floats:
    """Return the scale of the curve averaged over seeds (MacKay 1992, equation 10); in log d."""
    return np.asarray(np.sqrt(np.square(scale) + np.pi / 8.0 * np.square(spread)))
