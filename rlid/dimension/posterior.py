"""Posterior of d_int90 and of d_reliable, with the model's other parameters integrated out.

d_int90 is where the success curve averaged over seeds is one half, d_reliable where it is nine
tenths. The model of the curve: `threshold_model`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rlid.dimension.lattice import ESTIMATION
from rlid.dimension.statistics import Floats
from rlid.dimension.threshold_model import crossing_offsets, fit_joint

# The success probabilities that d_int90 and d_reliable stand for.
HALF = 0.5
RELIABLE = 0.9
# Combinations of parameters that are less probable than this keep their mass where the centre is.
NEGLIGIBLE = 1e-6


@dataclass(frozen=True)
class Distribution:
    """A distribution over log d: `mass` (m,) is the probability between `edges` (m + 1,)."""

    edges: Floats
    mass: Floats

    def quantile(self, share: float) -> float:
        """Return the log d below which lies the probability `share`."""
        return float(np.interp(share, self._cumulated(), self.edges))

    def probability_above(self, log_d: float) -> float:
        """Return the probability above `log_d`."""
        return float(1.0 - np.interp(log_d, self.edges, self._cumulated()))

    def _cumulated(self) -> Floats:
        return np.concatenate(([0.0], np.cumsum(self.mass)))


@dataclass(frozen=True)
class Posterior:
    """What the trials tell about the curve.

    `half` is the distribution of the log d at which half of the seeds succeed, `reliable` that
    at which nine of ten do, and `flat` is `half` under equal prior weights. `scale`, `spread`,
    `guess`, `lapse` and `never` are posterior means (geometric for the first two).
    """

    half: Distribution
    reliable: Distribution
    flat: Distribution
    scale: float
    spread: float
    guess: float
    lapse: float
    never: float


def fit(dims: Floats, solved: Floats, failed: Floats, *, dmin: int, dmax: int) -> Posterior:
    """Return the posterior; arguments as for `threshold_model.fit_joint`."""
    joint = fit_joint(ESTIMATION, dims, solved, failed, dmin=dmin, dmax=dmax)
    weights, edges = joint.weights, joint.edges
    equal = weights / ESTIMATION.prior()
    guess, lapse = np.asarray(ESTIMATION.outliers).T
    by_outlier = weights.sum(axis=(0, 1, 3, 4))
    return Posterior(
        half=_crossings(weights, edges, HALF),
        reliable=_crossings(weights, edges, RELIABLE),
        flat=_crossings(equal / equal.sum(), edges, HALF),
        scale=_geometric_mean(ESTIMATION.scales, weights.sum(axis=(0, 2, 3, 4))),
        spread=_geometric_mean(ESTIMATION.spreads, weights.sum(axis=(0, 1, 2, 4))),
        guess=float(by_outlier @ guess),
        lapse=float(by_outlier @ lapse),
        never=float(weights.sum(axis=(1, 2, 3, 4)) @ np.asarray(ESTIMATION.never)),
    )


def mixture(parts: Sequence[tuple[float, Posterior]]) -> Posterior:
    """Return the weighted mean of posteriors with the same edges; weights sum to one."""

    def mixed(name: str) -> Distribution:
        members = [(weight, getattr(part, name)) for weight, part in parts]
        edges = members[0][1].edges
        return Distribution(edges, np.sum([w * member.mass for w, member in members], axis=0))

    def mean(name: str) -> float:
        return math.fsum(weight * getattr(part, name) for weight, part in parts)

    def geometric(name: str) -> float:
        return math.exp(math.fsum(weight * math.log(getattr(part, name)) for weight, part in parts))

    return Posterior(
        half=mixed("half"),
        reliable=mixed("reliable"),
        flat=mixed("flat"),
        scale=geometric("scale"),
        spread=geometric("spread"),
        guess=mean("guess"),
        lapse=mean("lapse"),
        never=mean("never"),
    )


def _crossings(weights: Floats, edges: Floats, probability: float) -> Distribution:
    """Return where the averaged curve crosses `probability`.

    Args:
        weights: (never, scales, outliers, spreads, m), the joint posterior of the centres.
        edges: (m + 1,), rising, in log d.
        probability: a success probability.
    """
    rows = weights.reshape(-1, weights.shape[-1])
    offsets = crossing_offsets(ESTIMATION, probability).ravel()
    is_still = (offsets == 0.0) | (rows.sum(axis=1) < NEGLIGIBLE)
    is_lost = np.isinf(offsets) & ~is_still
    mass = rows[is_still].sum(axis=0)
    mass[-1] += rows[is_lost].sum()
    is_moved = ~is_still & ~is_lost
    if not is_moved.any():
        return Distribution(edges, mass)
    moving, offsets = rows[is_moved], offsets[is_moved, None]
    # One interpolation of all cumulated rows: each row has its own stretch of the axis.
    stretch = 2.0 * (edges[-1] - edges[0])
    start = stretch * np.arange(len(moving))[:, None]
    cumulated = np.concatenate((np.zeros((len(moving), 1)), np.cumsum(moving, axis=1)), axis=1)
    sources = np.clip(edges - offsets, edges[0], edges[-1]) + start
    moved = np.interp(sources.ravel(), (edges + start).ravel(), cumulated.ravel())
    moved = moved.reshape(cumulated.shape)
    moved[:, 0], moved[:, -1] = 0.0, cumulated[:, -1]
    return Distribution(edges, np.asarray(mass + np.diff(moved.sum(axis=0))))


def _geometric_mean(values: tuple[float, ...], weights: Floats) -> float:
    return float(np.exp(weights @ np.log(values)))
