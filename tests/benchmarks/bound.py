"""The least that any search could spend to be as precise as a grid, on a known success curve.

Elfving's bound (1952, Annals of Mathematical Statistics 23): the half-point is a linear function of
the curve's parameters near their true values, and the least variance that independent trials give
it for their cost is a linear programme. It knows the curve beforehand, where to look, and has a
fresh seed for every trial: no search reaches it.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog
from simulated import Curve

Floats = NDArray[np.float64]

STEP = 1e-3
THRESHOLDS = 301
# Seeds of which a grid's information about the parameters is averaged.
SEEDS = 4000
# Levels of d that the best allocation may use.
LEVELS = 400
# Narrower in log d than this a curve is a step, of which derivatives say nothing.
NARROWEST = 0.01


def bound(curve: Curve, dims: Sequence[int], solved_cost: float, full_cost: float) -> float | None:
    """Return the least cost of the grid's precision, as a share of the grid's cost.

    `solved_cost` is a solved trial's cost as a share of an unsolved one's, `full_cost` the same
    in the grid (1 where its trials run to the end of their budget). None for a step.
    """
    if curve.scale < NARROWEST:
        return None
    names = ["half", "scale", *(["spread"] if curve.spread else []), "guess", "lapse"]
    grid = np.asarray(dims, dtype=float)
    wanted = _half_point_gradient(curve, names)
    variance = wanted @ np.linalg.pinv(_information(curve, names, grid), rcond=1e-10) @ wanted
    chance = _averaged(curve, grid)
    grid_cost = float((full_cost * chance + 1.0 - chance).sum())

    levels = np.unique(np.round(np.geomspace(1, curve.dmax, LEVELS)))
    chance = np.clip(_averaged(curve, levels), 1e-6, 1.0 - 1e-6)
    gradient = _gradients(curve, names, levels).mean(axis=2) / np.sqrt(chance * (1.0 - chance))
    rows = gradient / np.sqrt(solved_cost * chance + 1.0 - chance)
    found = linprog(
        np.ones(2 * len(levels)), A_eq=np.hstack((rows, -rows)), b_eq=wanted, bounds=(0, None)
    )
    return float(found.fun**2 / (variance * grid_cost))


def _uniform() -> Floats:
    return (np.arange(THRESHOLDS) + 0.5) / THRESHOLDS


def _chances(curve: Curve, dims: Floats) -> Floats:
    """Return the success probability: (dims, thresholds)."""
    return curve.probability(dims[:, None], curve.thresholds(_uniform()))


def _averaged(curve: Curve, dims: Floats) -> Floats:
    return np.asarray(_chances(curve, dims).mean(axis=1))


def _moved(curve: Curve, name: str, step: float) -> Curve:
    """Return the curve with one parameter moved: positive ones in logarithm."""
    value = getattr(curve, name)
    moved = value + step if name in {"guess", "lapse"} else value * math.exp(step)
    return dataclasses.replace(curve, **{name: moved})


def _gradients(curve: Curve, names: Sequence[str], dims: Floats) -> Floats:
    """Return the derivatives of the success probability: (parameters, dims, thresholds)."""
    found = []
    for name in names:
        below = 0.0 if name in {"guess", "lapse"} and getattr(curve, name) < STEP else STEP
        rise = _chances(_moved(curve, name, STEP), dims) - _chances(
            _moved(curve, name, -below), dims
        )
        found.append(rise / (STEP + below))
    return np.stack(found)


def _information(curve: Curve, names: Sequence[str], grid: Floats) -> Floats:
    """Return the Fisher information of one seed's trials at every d of the grid."""
    chances = np.clip(_chances(curve, grid), 1e-9, 1.0 - 1e-9)
    gradients = _gradients(curve, names, grid)
    if not curve.spread:
        mean, chance = gradients.mean(axis=2), np.clip(chances.mean(axis=1), 1e-6, 1.0 - 1e-6)
        return np.asarray((mean / (chance * (1.0 - chance))) @ mean.T)
    # The trials of a seed share its threshold: the score is averaged over what they say of it.
    rng = np.random.default_rng(0)
    solved = rng.random((SEEDS, len(grid))) < chances[:, rng.integers(0, THRESHOLDS, SEEDS)].T
    logs = solved @ np.log(chances) + ~solved @ np.log1p(-chances)
    weights = np.exp(logs - logs.max(axis=1, keepdims=True))
    weights /= weights.sum(axis=1, keepdims=True)
    scores = np.stack(
        [
            (weights * (solved @ (one / chances) - ~solved @ (one / (1.0 - chances)))).sum(axis=1)
            for one in gradients
        ]
    )
    return np.asarray(scores @ scores.T / SEEDS)


def _half_point_gradient(curve: Curve, names: Sequence[str]) -> Floats:
    """Return how log d of the half-point moves with the parameters."""
    fine = np.linspace(math.log(0.1), math.log(1.5 * curve.dmax), 4000)
    first = int(np.flatnonzero(_averaged(curve, np.exp(fine)) >= 0.5)[0])
    low, middle, high = np.exp(fine[[first - 1, first, first + 1]])
    rise = _averaged(curve, np.asarray([high])) - _averaged(curve, np.asarray([low]))
    slope = float(rise[0]) / math.log(high / low)
    return np.asarray(-_gradients(curve, names, np.asarray([middle])).mean(axis=(1, 2)) / slope)
