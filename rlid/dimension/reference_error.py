"""How uncertain a reference is that was measured with a few seeds.

The reference is the median of direct training. Between the scores the posterior of that median is
the one of order statistics, which assumes nothing of the scores' distribution: of n scores, k lie
below the median with probability C(n, k) / 2^n (Thompson 1936, Annals of Mathematical Statistics
7). Beyond the smallest and the largest score it falls off like Student's t with n - 1 degrees of
freedom.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from rlid.dimension.statistics import Floats

# With fewer scores the tails are nearly all of the posterior.
FEWEST_SCORES = 3
# The unit of the tails over the range of the scores. With it, 95 % intervals of the median cover
# in 94 to 98 % for 3 and 4 scores of normal, exponential, uniform, log-normal and t3 samples.
TAIL_UNIT = 0.8
# The draws are the middles of these shares of the posterior. They are finer towards the ends,
# because an interval of 95 % ends there.
SHARES = (0.0, 0.015, 0.05, 0.125, 0.25, 0.42, 0.58, 0.75, 0.875, 0.95, 0.985, 1.0)


def reference_posterior(scores: Sequence[float]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return draws of the median of direct training, and their weights.

    Args:
        scores: the scores of direct training, one for each seed; at least three, all finite.

    Returns:
        The draws, rising, and their weights, which sum to one: at most 11 of each, and a single
        draw where all scores are equal. The median of the scores is among them.

    Raises:
        ValueError: there are fewer than three scores, or one is not finite.
    """
    if len(scores) < FEWEST_SCORES or not all(math.isfinite(score) for score in scores):
        raise ValueError(f"need {FEWEST_SCORES} or more finite scores, got {list(scores)}")
    ordered = np.sort(np.asarray(scores, dtype=float))
    weights: dict[float, float] = {}
    for low, high in zip(SHARES[:-1], SHARES[1:], strict=True):
        draw = _quantile(ordered, 0.5 * (low + high))
        weights[draw] = weights.get(draw, 0.0) + high - low
    return tuple(weights), tuple(weights.values())


def _quantile(ordered: Floats, share: float) -> float:
    """Return the value below which the median lies with probability `share`.

    Args:
        ordered: (n,) the scores, rising.
        share: in (0, 1).
    """
    n = len(ordered)
    # The probability that at most k scores lie below the median, for k from 0 to n - 1.
    below = np.cumsum([math.comb(n, k) for k in range(n)]) / 2.0**n
    tail = below[0]
    unit = TAIL_UNIT * float(ordered[-1] - ordered[0])
    if share < tail:
        # Two equal scores at an end are the sign of a bound: no score lies beyond it.
        is_bound = ordered[0] == ordered[1]
        return float(ordered[0]) - (0.0 if is_bound else unit * _beyond(share / tail, n))
    if share > 1.0 - tail:
        is_bound = ordered[-1] == ordered[-2]
        return float(ordered[-1]) + (0.0 if is_bound else unit * _beyond((1.0 - share) / tail, n))
    return float(np.interp(share, below, ordered))


def _beyond(share: float, n: int) -> float:
    """Return the distance, in units, beyond which lies that share of a tail."""
    return float(share ** (-1.0 / (n - 1)) - 1.0)
