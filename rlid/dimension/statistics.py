"""Small order statistics and shape-constrained fits that the estimators share (numpy and scipy)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def quartiles(values: Sequence[float]) -> tuple[float | None, float | None, float | None]:
    """Return (lower quartile, median, upper quartile), linearly interpolated.

    A run without a score counts as minus infinity: it did worse than any score. Where that
    reaches a quartile, the quartile is None.
    """
    if not values:
        return None, None, None
    ordered = sorted(values)
    lower, median, upper = (_interpolated(ordered, share) for share in (0.25, 0.5, 0.75))
    return lower, median, upper


def _interpolated(ordered: list[float], share: float) -> float | None:
    position = share * (len(ordered) - 1)
    below = math.floor(position)
    weight = position - below
    if not math.isfinite(ordered[below]):
        return None
    if weight == 0.0:
        return ordered[below]
    return ordered[below] + weight * (ordered[below + 1] - ordered[below])


def weighted_quantile(values: Floats, weights: Floats, share: float) -> float:
    """Return the smallest value at which the cumulated weight reaches `share` of the total.

    Args:
        values: (n,), in any order; infinities are allowed.
        weights: (n,), not negative, with a positive sum.
        share: in (0, 1).
    """
    order = np.argsort(values, kind="stable")
    cumulated = np.cumsum(weights[order])
    index = int(np.searchsorted(cumulated, share * cumulated[-1]))
    return float(values[order[min(index, len(order) - 1)]])


def exact_interval(successes: int, n: int, confidence: float) -> tuple[float, float]:
    """Return the interval of a success probability by n trials (Clopper and Pearson 1934)."""
    from scipy.special import betaincinv  # slow to import

    tail = (1 - confidence) / 2
    failures = n - successes
    low = float(betaincinv(successes, failures + 1, tail)) if successes else 0.0
    high = float(betaincinv(successes + 1, failures, 1 - tail)) if failures else 1.0
    return low, high


def isotonic_crossing(
    dims: Sequence[int], successes: Sequence[int], counts: Sequence[int]
) -> int | None:
    """Return the first d at which the isotonic fit of the success share reaches 1/2, else None.

    The fit is the least-squares non-decreasing one (pool adjacent violators, Barlow et al. 1972).
    It is unbiased enough only where every d had the same seeds: a full grid.
    """
    from scipy.optimize import isotonic_regression  # slow to import, and rarely needed

    counted = np.asarray(counts, dtype=float)
    share = np.asarray(successes, dtype=float) / counted
    fitted = isotonic_regression(share, weights=counted).x
    # The pooled means are sums of halves: an exact one half must survive rounding.
    reached = np.flatnonzero(fitted >= 0.5 - 1e-12)
    return int(dims[int(reached[0])]) if len(reached) else None
