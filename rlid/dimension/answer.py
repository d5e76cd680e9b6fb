"""The answer that follows from trials: d_int90, its interval, and how far it is a figure."""

from __future__ import annotations

import math
from dataclasses import dataclass

from rlid.dimension.success_curve import CurvePoint

HALF = 0.5
"""Probability above which something is more likely than not."""
SURE_ABOVE = 0.95
"""How sure it must be that the half-point lies above dmax before the answer is censored.

Bisection with 5 seeds often leaves even odds where dmax is in truth solved nine times in ten.
"""
WHOLLY_ABOVE = 0.975
"""Probability above which the 95 % interval lies above dmax as a whole."""


@dataclass(frozen=True)
class Estimate:
    """The answer, d_int90, and what it rests on.

    `d_int90` is None when it is censored (above dmax) or withheld; `withheld` is the reason why
    there is no answer, or "". `ci_low` and `ci_high` are the ends of the 95 % interval. `ci_high`
    is None where the interval is open above dmax, and both are None where no interval is claimed.
    `flat_low` and `flat_high` are the same ends under equal prior weights: what the interval owes
    to the prior is the difference.

    `d_reliable` is the smallest d at which nine seeds of ten succeed; None where it lies above
    every d that was tried. `reliable_low` and `reliable_high` are its interval, open like that
    of d_int90.

    `bracket` is (largest d that failed, smallest d from which all succeeded) where the trials
    tell no more than that: then d_int90 is one of the values inside, and no figure to print.
    `further_trials` is how many further trials would be expected to halve the interval; None
    where there is no closed interval, or none that could be halved in whole numbers.

    `isotonic` is the crossing of an isotonic fit, for full grids alone. `half_point` (in log d),
    `scale`, `spread`, `guess`, `lapse` and `never` are the fitted curve's (see
    `threshold_model`); None without a trial.
    """

    d_int90: int | None
    ci_low: int | None
    ci_high: int | None
    censored: bool
    withheld: str
    first_crossing: int | None
    curve: tuple[CurvePoint, ...]
    dmin: int
    dmax: int
    seeds: int
    trials: int
    missing: int
    isotonic: int | None = None
    probability_above_dmax: float | None = None
    half_point: float | None = None
    scale: float | None = None
    spread: float | None = None
    guess: float | None = None
    lapse: float | None = None
    never: float | None = None
    d_reliable: int | None = None
    reliable_low: int | None = None
    reliable_high: int | None = None
    flat_low: int | None = None
    flat_high: int | None = None
    bracket: tuple[int, int] | None = None
    further_trials: int | None = None

    @property
    def relative_width(self) -> float:
        """Width of the interval over d_int90; infinite where either is missing or open."""
        if self.d_int90 is None or self.ci_low is None or self.ci_high is None:
            return math.inf
        if self.is_open_below:
            return math.inf
        return (self.ci_high - self.ci_low) / self.d_int90

    @property
    def figure(self) -> int | None:
        """d_int90 where it is a figure; None where it is a bracket or a bound from below."""
        return None if self.bracket is not None or self.is_beyond else self.d_int90

    @property
    def is_beyond(self) -> bool:
        """Whether d_int90 lies probably, and not surely, above dmax.

        Either it is dmax and lies above it more likely than not, or it is `censored` while the 95 %
        interval holds dmax. It is no figure to print: all that is known is a bound from below.
        """
        above = self.probability_above_dmax
        if above is None:
            return False
        if self.censored:
            return above <= WHOLLY_ABOVE
        return self.d_int90 == self.dmax and above > HALF

    @property
    def is_above(self) -> bool:
        """Whether all that is known is a bound from below: `censored` or `is_beyond`."""
        return self.censored or self.is_beyond

    @property
    def is_least(self) -> bool:
        """Whether d_int90 is an upper bound only: no smaller d was open to the search, or tried."""
        if self.d_int90 is None or self.d_int90 == 1:
            return False
        if self.d_int90 == self.dmin:
            return True
        return self.half_point is not None and (
            smallest_integer(self.half_point, self.dmin) < self.d_int90
        )

    @property
    def is_open_below(self) -> bool:
        """Whether the interval reaches below dmin, where nothing was open to the search."""
        return self.ci_low == self.dmin > 1


def smallest_integer(log_d: float, dmin: int) -> int:
    """Return the smallest d at or above a half-point, exact at the logarithms of integers."""
    return max(dmin, math.ceil(math.exp(log_d) * (1.0 - 1e-9)))
