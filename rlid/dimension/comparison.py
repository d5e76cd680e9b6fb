"""Is one task harder than another? The comparison of two measurements."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from rlid.dimension.estimate import FEWEST_SEEDS, TAIL, estimate, posterior_of
from rlid.dimension.lattice import midpoints
from rlid.dimension.statistics import Floats, weighted_quantile
from rlid.dimension.success_curve import TrialOutcome
from rlid.dimension.threshold_model import Posterior

# A comparison leaves out what is less probable than this; it bears on no digit that is shown.
NEGLIGIBLE = 1e-7


@dataclass(frozen=True)
class Comparison:
    """How much harder A is than B.

    `ratio` is d_int90 of A over that of B, None where either has none. Its 95 % interval is
    (`ratio_low`, `ratio_high`), None where open or not claimed. `probability_a_harder` counts
    ties, and what censoring hides, as half. `verdict` is "harder", "easier" or "undecided", said
    of A: decided where the interval leaves out 1.
    """

    ratio: float | None
    ratio_low: float | None
    ratio_high: float | None
    probability_a_harder: float | None
    verdict: str


def compare(
    a: Iterable[TrialOutcome],
    b: Iterable[TrialOutcome],
    *,
    dmax_a: int,
    dmax_b: int,
    dmin_a: int = 1,
    dmin_b: int = 1,
) -> Comparison:
    """Return whether task A is harder than task B, from the trials of each.

    The two are taken as independent; where they share seeds, that is on the safe side.
    """
    first, second = tuple(a), tuple(b)
    answer_a = estimate(first, dmax=dmax_a, dmin=dmin_a)
    answer_b = estimate(second, dmax=dmax_b, dmin=dmin_b)
    if answer_a.withheld or answer_b.withheld:
        return Comparison(None, None, None, None, "undecided")
    low_a, high_a, mass_a = _possible_answers(posterior_of(first, dmax_a, dmin_a), dmin_a, dmax_a)
    low_b, high_b, mass_b = _possible_answers(posterior_of(second, dmax_b, dmin_b), dmin_b, dmax_b)
    weights = np.outer(mass_a, mass_b).ravel()
    least = (low_a[:, None] / high_b).ravel()
    most = (high_a[:, None] / low_b).ravel()
    is_harder, is_easier = float(weights @ (least > 1.0)), float(weights @ (most < 1.0))
    probability = is_harder + 0.5 * (1.0 - is_harder - is_easier)
    ratio = None
    if answer_a.d_int90 is not None and answer_b.d_int90 is not None:
        ratio = answer_a.d_int90 / answer_b.d_int90
    if min(answer_a.seeds, answer_b.seeds) < FEWEST_SEEDS:
        return Comparison(ratio, None, None, probability, "undecided")
    low = weighted_quantile(least, weights, TAIL)
    high = weighted_quantile(most, weights, 1.0 - TAIL)
    return Comparison(
        ratio=ratio,
        ratio_low=low or None,
        ratio_high=high if math.isfinite(high) else None,
        probability_a_harder=probability,
        verdict="harder" if low > 1.0 else "easier" if high < 1.0 else "undecided",
    )


def _possible_answers(posterior: Posterior, dmin: int, dmax: int) -> tuple[Floats, Floats, Floats]:
    """Return the least and the greatest d_int90 of each cell of the posterior, and its mass."""
    is_likely = posterior.mass > NEGLIGIBLE
    centres = midpoints(posterior.edges)[is_likely]
    answers = np.maximum(dmin, np.ceil(np.exp(centres)))
    # All that is known above dmax is that the answer is larger than it.
    is_above = centres > math.log(dmax)
    least = np.where(is_above, dmax + 1.0, answers)
    mass = posterior.mass[is_likely]
    return least, np.where(is_above, math.inf, answers), mass / mass.sum()
