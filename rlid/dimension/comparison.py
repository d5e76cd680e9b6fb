"""Is one task harder than another? The comparison of two measurements."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from rlid.dimension.answer import Estimate
from rlid.dimension.estimate import FEWEST_SEEDS, SIGMAS, TAIL, estimate
from rlid.dimension.evidence import Alternatives, evidence_of, posterior_of
from rlid.dimension.lattice import midpoints
from rlid.dimension.posterior import Distribution
from rlid.dimension.statistics import Floats, weighted_quantile
from rlid.dimension.success_curve import TrialOutcome

# A comparison leaves out what is less probable than this; it bears on no digit that is shown.
NEGLIGIBLE = 1e-7
# A ratio of so many standard deviations is told apart in four comparisons of five: 1.96 for the
# interval that leaves out 1, and 0.84 for the four of five.
TOLD_APART = 2.8


@dataclass(frozen=True)
class Comparison:
    """How much harder A is than B.

    `ratio` is d_int90 of A over that of B, None where either has none or only a bracket. Its 95 %
    interval is (`ratio_low`, `ratio_high`), None where open or not claimed.
    `probability_a_harder` counts ties, and what censoring and the smallest d hide, as half.
    `verdict` is "harder", "easier" or "undecided", said of A: decided where the interval leaves
    out 1. `detectable_ratio` (above 1) is the true ratio that a comparison as precise as this one
    would tell apart in four cases of five; None where the interval is open.
    """

    ratio: float | None
    ratio_low: float | None
    ratio_high: float | None
    probability_a_harder: float | None
    verdict: str
    detectable_ratio: float | None = None


def compare(
    a: Iterable[TrialOutcome],
    b: Iterable[TrialOutcome],
    *,
    dmax_a: int,
    dmax_b: int,
    dmin_a: int = 1,
    dmin_b: int = 1,
    alternatives_a: Alternatives = (),
    alternatives_b: Alternatives = (),
) -> Comparison:
    """Return whether task A is harder than task B, from the trials of each.

    The two are taken as independent; where they share seeds, that is on the safe side.

    Args:
        a: the trials of A, as for `estimate`.
        b: the trials of B.
        dmax_a: the largest d that was open to the search of A.
        dmax_b: the largest d that was open to the search of B.
        dmin_a: the smallest d that was open to the search of A. Nothing is claimed below it.
        dmin_b: the smallest d that was open to the search of B.
        alternatives_a: the trials of A under draws of its reference, as for `estimate`.
        alternatives_b: the trials of B under draws of its reference.

    Raises:
        ValueError: as for `estimate`.
    """
    first, second = tuple(a), tuple(b)
    answer_a = estimate(first, dmax=dmax_a, dmin=dmin_a, alternatives=alternatives_a)
    answer_b = estimate(second, dmax=dmax_b, dmin=dmin_b, alternatives=alternatives_b)
    if answer_a.withheld or answer_b.withheld:
        return Comparison(None, None, None, None, "undecided")
    half_a = posterior_of(
        evidence_of(first, dmin=dmin_a, dmax=dmax_a, alternatives=alternatives_a)
    ).half
    half_b = posterior_of(
        evidence_of(second, dmin=dmin_b, dmax=dmax_b, alternatives=alternatives_b)
    ).half
    low_a, high_a, mass_a = _possible_answers(half_a, dmin_a, dmax_a)
    low_b, high_b, mass_b = _possible_answers(half_b, dmin_b, dmax_b)
    weights = np.outer(mass_a, mass_b).ravel()
    with np.errstate(divide="ignore"):
        least = (low_a[:, None] / high_b).ravel()
        most = (high_a[:, None] / low_b).ravel()
    is_harder, is_easier = float(weights @ (least > 1.0)), float(weights @ (most < 1.0))
    probability = is_harder + 0.5 * (1.0 - is_harder - is_easier)
    ratio = _ratio(answer_a, answer_b)
    if min(answer_a.seeds, answer_b.seeds) < FEWEST_SEEDS:
        return Comparison(ratio, None, None, probability, "undecided")
    low = weighted_quantile(least, weights, TAIL)
    high = weighted_quantile(most, weights, 1.0 - TAIL)
    is_closed = low > 0.0 and math.isfinite(high)
    return Comparison(
        ratio=ratio,
        ratio_low=low or None,
        ratio_high=high if math.isfinite(high) else None,
        probability_a_harder=probability,
        verdict="harder" if low > 1.0 else "easier" if high < 1.0 else "undecided",
        detectable_ratio=(high / low) ** (TOLD_APART / SIGMAS) if is_closed else None,
    )


def _ratio(a: Estimate, b: Estimate) -> float | None:
    """Return d_int90 of A over that of B; None where either is no figure."""
    if a.d_int90 is None or b.d_int90 is None or a.bracket or b.bracket:
        return None
    return a.d_int90 / b.d_int90


def _possible_answers(half: Distribution, dmin: int, dmax: int) -> tuple[Floats, Floats, Floats]:
    """Return the least and the greatest d_int90 of each cell of the posterior, and its mass.

    The least is 0 where the answer may be any d up to dmin, and the greatest is infinite where it
    may be any d above dmax.
    """
    is_likely = half.mass > NEGLIGIBLE
    centres = midpoints(half.edges)[is_likely]
    answers = np.maximum(dmin, np.ceil(np.exp(centres)))
    # Above dmax the answer is only known to be larger, and at dmin only to be no larger.
    is_above = centres > math.log(dmax)
    is_open_below = (answers <= dmin) & (dmin > 1)
    least = np.where(is_above, dmax + 1.0, np.where(is_open_below, 0.0, answers))
    mass = half.mass[is_likely]
    return least, np.where(is_above, math.inf, answers), mass / mass.sum()
