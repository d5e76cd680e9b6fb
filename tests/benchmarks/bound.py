"""The least that trials can cost which are as precise as a grid, on a known success curve.

Elfving's bound (1952, Annals of Mathematical Statistics 23): the half-point is a linear function of
the curve's parameters near their true values, and the least variance that independent trials give
it for their cost is a linear programme. They know the curve beforehand and have a fresh seed each.
Both sides are limits of many trials: where the interval of a grid with few seeds is wider than its
limit, a search may come out below the bound.
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
# Seeds over which a grid's information about the parameters is averaged; the cells and quantiles
# of a seed's threshold.
SEEDS = 1000
CELLS = 800
QUANTILES = 20_001
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
    names = _names(curve)
    grid = np.asarray(dims, dtype=float)
    wanted = _half_point_gradient(curve, names)
    variance = wanted @ np.linalg.pinv(_information(curve, names, grid), rcond=1e-10) @ wanted
    chance = _averaged(curve, grid)
    grid_cost = float((full_cost * chance + 1.0 - chance).sum())

    _, _, spent = _programme(curve, names, solved_cost)
    return float(spent.sum() ** 2 / (variance * grid_cost))


def allocation(curve: Curve, solved_cost: float) -> dict[int, float]:
    """Return the share of its trials that the bound's best choice has at each d."""
    levels, cost, spent = _programme(curve, _names(curve), solved_cost)
    trials = spent / cost
    is_used = trials > 1e-9 * trials.sum()
    shares = trials[is_used] / trials.sum()
    return dict(zip(levels[is_used].astype(int).tolist(), shares.tolist(), strict=True))


def _programme(
    curve: Curve, names: Sequence[str], solved_cost: float
) -> tuple[Floats, Floats, Floats]:
    """Return levels of d, the cost of a trial there, and what the best choice spends there."""
    levels = np.unique(np.round(np.geomspace(1, curve.dmax, LEVELS)))
    chance = np.clip(_averaged(curve, levels), 1e-6, 1.0 - 1e-6)
    cost = solved_cost * chance + 1.0 - chance
    gradient = _gradients(curve, names, levels).mean(axis=2) / np.sqrt(chance * (1.0 - chance))
    rows = gradient / np.sqrt(cost)
    wanted = _half_point_gradient(curve, names)
    both = np.hstack((rows, -rows))
    found = linprog(np.ones(both.shape[1]), A_eq=both, b_eq=wanted, bounds=(0, None))
    return levels, cost, found.x.reshape(2, -1).sum(axis=0)


def _names(curve: Curve) -> list[str]:
    return ["half", "scale", *(["spread"] if curve.spread else []), "guess", "lapse"]


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


def _step_down(curve: Curve, name: str) -> float:
    return 0.0 if name in {"guess", "lapse"} and getattr(curve, name) < STEP else STEP


def _gradients(curve: Curve, names: Sequence[str], dims: Floats) -> Floats:
    """Return the derivatives of the success probability: (parameters, dims, thresholds)."""
    found = []
    for name in names:
        below = _step_down(curve, name)
        rise = _chances(_moved(curve, name, STEP), dims) - _chances(
            _moved(curve, name, -below), dims
        )
        found.append(rise / (STEP + below))
    return np.stack(found)


def _information(curve: Curve, names: Sequence[str], grid: Floats) -> Floats:
    """Return the Fisher information of one seed's trials at every d of the grid."""
    if not curve.spread:
        gradients = _gradients(curve, names, grid).mean(axis=2)
        chance = np.clip(_averaged(curve, grid), 1e-6, 1.0 - 1e-6)
        return np.asarray((gradients / (chance * (1.0 - chance))) @ gradients.T)
    rng = np.random.default_rng(0)
    own = curve.thresholds(rng.random(SEEDS))
    solved = rng.random((SEEDS, len(grid))) < curve.probability(grid, own[:, None])
    scores = []
    for name in names:
        below = _step_down(curve, name)
        up, down = _moved(curve, name, STEP), _moved(curve, name, -below)
        rise = _log_likelihood(up, grid, solved) - _log_likelihood(down, grid, solved)
        scores.append(rise / (STEP + below))
    return np.asarray(np.stack(scores) @ np.stack(scores).T / SEEDS)


def _log_likelihood(curve: Curve, grid: Floats, solved: NDArray[np.bool_]) -> Floats:
    """Return the log-likelihood of each seed's outcomes (seeds, dims), its threshold unknown."""
    share = np.linspace(1e-6, 1.0 - 1e-6, QUANTILES)
    edges = np.linspace(*curve.thresholds(share[[0, -1]]), CELLS + 1)
    mass = np.diff(np.interp(edges, curve.thresholds(share), share))
    chances = curve.probability(grid[:, None], 0.5 * (edges[1:] + edges[:-1]))
    chances = np.clip(chances, 1e-9, 1.0 - 1e-9)
    logs = solved @ np.log(chances) + ~solved @ np.log1p(-chances)
    top = logs.max(axis=1, keepdims=True)
    return np.asarray(np.log(np.exp(logs - top) @ mass) + top[:, 0])


def _half_point_gradient(curve: Curve, names: Sequence[str]) -> Floats:
    """Return how log d of the half-point moves with the parameters."""
    fine = np.linspace(math.log(0.1), math.log(1.5 * curve.dmax), 4000)
    first = int(np.flatnonzero(_averaged(curve, np.exp(fine)) >= 0.5)[0])
    low, middle, high = np.exp(fine[[first - 1, first, first + 1]])
    rise = _averaged(curve, np.asarray([high])) - _averaged(curve, np.asarray([low]))
    slope = float(rise[0]) / math.log(high / low)
    return np.asarray(-_gradients(curve, names, np.asarray([middle])).mean(axis=(1, 2)) / slope)
