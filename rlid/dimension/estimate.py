"""From trials to d_int90: the estimate and its interval.

d_int90 is the smallest d at which the probability of success is at least one half (Li et al. 2018,
with the score at each d taken as the median over seeds). How it is estimated: `threshold_model`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from rlid.dimension import threshold_model
from rlid.dimension.lattice import pooled_dims
from rlid.dimension.statistics import Floats
from rlid.dimension.success_curve import CurvePoint as CurvePoint
from rlid.dimension.success_curve import TrialOutcome as TrialOutcome
from rlid.dimension.success_curve import checked, curve_of, first_crossing, grid_crossing
from rlid.dimension.threshold_model import Posterior

# Below this many seeds the spread between seeds is unknown, and no interval is claimed.
FEWEST_SEEDS = 5
# The probability that each end of the 95 % interval leaves out.
TAIL = 0.025
# How sure it must be that the half-point lies above dmax before "> dmax" is the answer. Bisection
# with 5 seeds often leaves even odds where dmax is in truth solved nine times in ten.
CENSORED_FROM = 0.95


@dataclass(frozen=True)
class Estimate:
    """The answer, d_int90, and what it rests on.

    `d_int90` is None when it is censored (above dmax) or withheld. `ci_low` and `ci_high` are the
    ends of the 95 % interval; `ci_high` is None where the interval is open above dmax, and both
    are None where no interval is claimed. `withheld` is the reason why there is no answer, or "".
    `isotonic` is the crossing of an isotonic fit, for full grids alone. `half_point` (in log d),
    `scale`, `spread`, `guess` and `lapse` are the fitted curve's (see `threshold_model`); None
    without a trial.
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

    @property
    def relative_width(self) -> float:
        """Width of the interval over d_int90; infinite where either is missing or open."""
        if self.d_int90 is None or self.ci_low is None or self.ci_high is None:
            return math.inf
        return (self.ci_high - self.ci_low) / self.d_int90

    @property
    def is_least(self) -> bool:
        """Whether d_int90 is an upper bound only: no smaller d was open to the search."""
        return self.d_int90 == self.dmin > 1


def estimate(trials: Iterable[TrialOutcome], *, dmax: int, dmin: int = 1) -> Estimate:
    """Return d_int90 and its interval from any set of trials, however they were chosen.

    Args:
        trials: at most one for each (d, seed), in any order.
        dmax: the largest d that was open to the search; above it the answer is censored.
        dmin: the smallest.

    Raises:
        ValueError: a pair (d, seed) occurs twice, or a d lies outside dmin..dmax.
    """
    rows = checked(trials, dmin=dmin, dmax=dmax)
    answer = _estimate_known(rows, dmin, dmax)
    if not answer.missing or answer.withheld:
        return answer
    near = _missing_near(rows, answer)
    if not near:
        return answer
    reason = (
        f"{len(near)} of {len(rows)} trials are missing near the threshold "
        f"(d = {', '.join(str(d) for d in sorted(set(near)))}): run them again (--retry)"
    )
    blank = replace(answer, d_int90=None, ci_low=None, ci_high=None, censored=False)
    return replace(blank, withheld=reason)


def posterior_of(trials: Iterable[TrialOutcome], dmax: int, dmin: int = 1) -> Posterior:
    """Return the posterior of the half-point; missing trials say nothing."""
    known = sorted((t.d, t.seed, t.success) for t in trials if t.success is not None)
    return _cached_posterior(tuple(known), dmin, dmax)


# The search, the progress bar and the comparison ask for the same posterior one after the other.
@lru_cache(maxsize=32)
def _cached_posterior(known: tuple[tuple[int, int, bool], ...], dmin: int, dmax: int) -> Posterior:
    place = pooled_dims(sorted({d for d, _, _ in known}))
    dims = sorted(set(place.values()))
    seeds = sorted({seed for _, seed, _ in known})
    solved, failed = outcome_tables(
        [(place[d], seed, success) for d, seed, success in known], dims, seeds
    )
    return threshold_model.fit(np.asarray(dims), solved, failed, dmin=dmin, dmax=dmax)


def outcome_tables(
    known: Iterable[tuple[float, int, bool]], dims: Sequence[float], seeds: Sequence[int]
) -> tuple[Floats, Floats]:
    """Return how often each seed solved and failed each d: two arrays (seeds, dims)."""
    column = {d: index for index, d in enumerate(dims)}
    row = {seed: index for index, seed in enumerate(seeds)}
    tables = np.zeros((2, len(seeds), len(dims)))
    for d, seed, success in known:
        tables[0 if success else 1, row[seed], column[d]] += 1.0
    return tables[0], tables[1]


def _estimate_known(rows: tuple[TrialOutcome, ...], dmin: int, dmax: int) -> Estimate:
    """Return the estimate from the trials that are not missing; `rows` by rising d."""
    curve = curve_of(rows)
    known = [trial for trial in rows if trial.success is not None]
    seeds = len({trial.seed for trial in known})
    answer = Estimate(
        d_int90=None,
        ci_low=None,
        ci_high=None,
        censored=False,
        withheld="",
        first_crossing=first_crossing(curve),
        curve=curve,
        dmin=dmin,
        dmax=dmax,
        seeds=seeds,
        trials=len(rows),
        missing=len(rows) - len(known),
    )
    if not known:
        return replace(answer, withheld="every trial is missing" if rows else "there is no trial")
    posterior = posterior_of(known, dmax, dmin)
    low, middle, high = (posterior.quantile(share) for share in (TAIL, 0.5, 1.0 - TAIL))
    top = math.log(dmax)
    answer = replace(
        answer,
        isotonic=grid_crossing(curve, seeds),
        probability_above_dmax=posterior.probability_above(top),
        half_point=middle,
        scale=posterior.scale,
        spread=posterior.spread,
        guess=posterior.guess,
        lapse=posterior.lapse,
    )
    if seeds >= FEWEST_SEEDS:
        ci_low = min(_smallest_integer(low, dmin), dmax + 1)
        ci_high = None if high > top else _smallest_integer(high, dmin)
        answer = replace(answer, ci_low=ci_low, ci_high=ci_high)
    tried = [trial.d for trial in known]
    if middle > math.log(tried[-1]) and tried[-1] < dmax:
        reason = f"the threshold lies above d={tried[-1]}, the largest d tried"
        return replace(answer, withheld=reason)
    is_best_guess = seeds < FEWEST_SEEDS or not any(trial.success for trial in known)
    if posterior.probability_above(top) > (0.5 if is_best_guess else CENSORED_FROM):
        return replace(answer, censored=True)
    # Below the smallest d tried the posterior is the prior: that d is all that was shown.
    return replace(answer, d_int90=min(max(_smallest_integer(middle, dmin), tried[0]), dmax))


def _smallest_integer(log_d: float, dmin: int) -> int:
    """Return the smallest d at or above a half-point, exact at the logarithms of integers."""
    return max(dmin, math.ceil(math.exp(log_d) * (1.0 - 1e-9)))


def _missing_near(rows: tuple[TrialOutcome, ...], answer: Estimate) -> list[int]:
    """Return the d of the missing trials that could move the answer."""
    posterior = posterior_of(rows, answer.dmax, answer.dmin)
    low = _smallest_integer(posterior.quantile(TAIL), answer.dmin)
    high = _smallest_integer(posterior.quantile(1.0 - TAIL), answer.dmin)
    missing = [trial.d for trial in rows if trial.success is None]
    near = [d for d in missing if low - 1 <= d <= high]
    if near:
        return near
    for imagined in (True, False):
        filled = tuple(replace(t, success=imagined) if t.success is None else t for t in rows)
        moved = _estimate_known(filled, answer.dmin, answer.dmax)
        if (moved.d_int90, moved.censored) != (answer.d_int90, answer.censored):
            return missing
    return []
