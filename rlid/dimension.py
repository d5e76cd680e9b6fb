"""From trials to d_int90: the estimate, its interval, and the comparison of two measurements.

d_int90 is the smallest d at which the probability of success is at least one half (Li et al. 2018,
with the score at each d taken as the median over seeds). How it is estimated: `threshold_model`.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rlid import threshold_model
from rlid.stats import isotonic_crossing, quartiles, weighted_quantile
from rlid.threshold_model import Posterior

# Below this many seeds the spread between seeds is unknown, and no interval is claimed.
FEWEST_SEEDS = 5
TAIL = 0.025
# How sure it must be that the half-point lies above dmax before "> dmax" is the answer. Bisection
# with 5 seeds often leaves even odds where dmax is in truth solved nine times in ten.
CENSORED_FROM = 0.95


@dataclass(frozen=True)
class Trial:
    """One run as the estimator sees it.

    `success` is None where the run is missing: a fault of the environment or of the machine.
    `is_full` says that it ran its whole budget instead of stopping when it had solved the task.
    """

    d: int
    seed: int
    success: bool | None
    score: float | None
    is_full: bool = False


@dataclass(frozen=True)
class CurvePoint:
    """The trials at one d. Quartiles are of the scores; None where there are none.

    Heights may be compared between d only where `full == n`: a trial that stops early has the
    score of the moment at which it had solved the task.
    """

    d: int
    n: int
    successes: int
    missing: int
    median: float | None
    q25: float | None
    q75: float | None
    full: int = 0


@dataclass(frozen=True)
class Estimate:
    """The answer, d_int90, and what it rests on.

    `d_int90` is None when it is censored (above dmax) or withheld. `ci_low` and `ci_high` are the
    ends of the 95 % interval; `ci_high` is None where the interval is open above dmax, and both
    are None where no interval is claimed. `withheld` is the reason why there is no answer, or "".
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


@dataclass(frozen=True)
class Comparison:
    """How much harder A is than B.

    `ratio` is d_int90 of A over that of B, None where either is unknown; its 95 % interval is
    (`ratio_low`, `ratio_high`), None where open. `probability_a_harder` counts ties as half.
    `verdict` is "harder", "easier" or "undecided", said of A.
    """

    ratio: float | None
    ratio_low: float | None
    ratio_high: float | None
    probability_a_harder: float | None
    verdict: str


def curve_of(trials: Iterable[Trial]) -> tuple[CurvePoint, ...]:
    """Return one point for each d that was tried, by rising d."""
    by_dim: dict[int, list[Trial]] = defaultdict(list)
    for trial in trials:
        by_dim[trial.d].append(trial)
    points = []
    for d in sorted(by_dim):
        known = [trial for trial in by_dim[d] if trial.success is not None]
        scores = [-math.inf if trial.score is None else trial.score for trial in known]
        q25, median, q75 = quartiles(scores)
        points.append(
            CurvePoint(
                d=d,
                n=len(known),
                successes=sum(trial.success is True for trial in known),
                missing=len(by_dim[d]) - len(known),
                median=median,
                q25=q25,
                q75=q75,
                full=sum(trial.is_full for trial in known),
            )
        )
    return tuple(points)


def first_crossing(curve: Iterable[CurvePoint]) -> int | None:
    """Return the smallest tried d that at least half of its seeds solved: the paper's own rule."""
    return next((point.d for point in curve if point.n and 2 * point.successes >= point.n), None)


def estimate(trials: Iterable[Trial], *, dmax: int, dmin: int = 1) -> Estimate:
    """Return d_int90 and its interval from any set of trials, however they were chosen.

    Args:
        trials: at most one for each (d, seed), in any order.
        dmax: the largest d that was open to the search; above it the answer is censored.
        dmin: the smallest.

    Raises:
        ValueError: a pair (d, seed) occurs twice, or a d lies outside dmin..dmax.
    """
    rows = _checked(trials, dmin, dmax)
    answer = _estimate_known(rows, dmin, dmax)
    if not answer.missing or answer.withheld:
        return answer
    near = _missing_near(rows, answer)
    if not near:
        return answer
    reason = (
        f"{len(near)} of {len(rows)} trials are missing near the threshold "
        f"(d = {', '.join(str(d) for d in sorted(set(near)))}): run them again"
    )
    return replace(
        answer, d_int90=None, ci_low=None, ci_high=None, censored=False, withheld=reason
    )


def _checked(trials: Iterable[Trial], dmin: int, dmax: int) -> list[Trial]:
    if not 1 <= dmin <= dmax:
        raise ValueError(f"need 1 <= dmin <= dmax, got dmin={dmin} and dmax={dmax}")
    rows = sorted(trials, key=lambda trial: (trial.d, trial.seed))
    pairs = Counter((trial.d, trial.seed) for trial in rows)
    for (d, seed), count in pairs.items():
        if count > 1:
            raise ValueError(f"{count} trials with d={d} and seed={seed}: one is allowed")
        if not dmin <= d <= dmax:
            raise ValueError(f"a trial has d={d}, outside {dmin}..{dmax}")
    return rows


def posterior_of(trials: Iterable[Trial], *, dmax: int, dmin: int = 1) -> Posterior:
    """Return the posterior of the half-point; missing trials say nothing."""
    known = [trial for trial in trials if trial.success is not None]
    dims = sorted({trial.d for trial in known})
    seeds = sorted({trial.seed for trial in known})
    column = {d: index for index, d in enumerate(dims)}
    row = {seed: index for index, seed in enumerate(seeds)}
    outcomes = np.zeros((2, len(seeds), len(dims)))
    for trial in known:
        outcomes[0 if trial.success else 1, row[trial.seed], column[trial.d]] = 1.0
    return threshold_model.fit(
        np.asarray(dims, dtype=float), outcomes[0], outcomes[1], dmin=dmin, dmax=dmax
    )


def _answer(log_d: float, dmin: int) -> int:
    """Return the smallest integer d at or above a half-point (exact at the logs of integers)."""
    return max(dmin, math.ceil(math.exp(log_d) * (1.0 - 1e-9)))


def _estimate_known(rows: list[Trial], dmin: int, dmax: int) -> Estimate:
    curve = curve_of(rows)
    known = [trial for trial in rows if trial.success is not None]
    seeds = len({trial.seed for trial in known})
    blank = Estimate(
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
        return replace(blank, withheld="every trial is missing" if rows else "there is no trial")
    posterior = posterior_of(known, dmax=dmax, dmin=dmin)
    low, middle, high = (posterior.quantile(share) for share in (TAIL, 0.5, 1.0 - TAIL))
    top = math.log(dmax)
    answer = replace(
        blank,
        isotonic=_isotonic(curve, seeds),
        probability_above_dmax=posterior.probability_above(top),
        scale=posterior.scale,
        spread=posterior.spread,
        guess=posterior.guess,
        lapse=posterior.lapse,
    )
    if seeds >= FEWEST_SEEDS:
        answer = replace(
            answer,
            ci_low=min(_answer(low, dmin), dmax + 1),
            ci_high=None if high > top else _answer(high, dmin),
        )
    tried = [trial.d for trial in known]
    if middle > math.log(tried[-1]) and tried[-1] < dmax:
        reason = f"the threshold lies above d={tried[-1]}, the largest d tried"
        return replace(answer, withheld=reason)
    is_hopeless = not any(trial.success for trial in known) or seeds < FEWEST_SEEDS
    if posterior.probability_above(top) > (0.5 if is_hopeless else CENSORED_FROM):
        return replace(answer, censored=True)
    # Below the smallest d tried the posterior is the prior: that d is all that was shown.
    return replace(answer, d_int90=min(max(_answer(middle, dmin), tried[0]), dmax))


def _isotonic(curve: tuple[CurvePoint, ...], seeds: int) -> int | None:
    if len(curve) < 2 or any(point.n != seeds for point in curve):
        return None
    dims = [point.d for point in curve]
    crossing = isotonic_crossing(dims, [point.successes for point in curve], [seeds] * len(curve))
    return crossing or None


def _missing_near(rows: list[Trial], answer: Estimate) -> list[int]:
    """Return the d of the missing trials that could move the answer."""
    posterior = posterior_of(rows, dmax=answer.dmax, dmin=answer.dmin)
    low = _answer(posterior.quantile(TAIL), answer.dmin)
    high = _answer(posterior.quantile(1.0 - TAIL), answer.dmin)
    missing = [trial.d for trial in rows if trial.success is None]
    near = [d for d in missing if low - 1 <= d <= high]
    if near:
        return near
    for imagined in (True, False):
        filled = [
            replace(trial, success=imagined) if trial.success is None else trial for trial in rows
        ]
        moved = _estimate_known(filled, answer.dmin, answer.dmax)
        if (moved.d_int90, moved.censored) != (answer.d_int90, answer.censored):
            return missing
    return []


def compare(
    a: Iterable[Trial],
    b: Iterable[Trial],
    *,
    dmax_a: int,
    dmax_b: int,
    dmin_a: int = 1,
    dmin_b: int = 1,
) -> Comparison:
    """Return whether task A is harder than task B, from the trials of both."""
    first = _answers(_checked(a, dmin_a, dmax_a), dmin_a, dmax_a)
    second = _answers(_checked(b, dmin_b, dmax_b), dmin_b, dmax_b)
    if first is None or second is None:
        return Comparison(None, None, None, None, "undecided")
    low_a, high_a, mass_a = first
    low_b, high_b, mass_b = second
    weights = np.outer(mass_a, mass_b).ravel()
    least = (low_a[:, None] / high_b).ravel()
    most = (high_a[:, None] / low_b).ravel()
    ratio_low = weighted_quantile(least, weights, TAIL)
    ratio_high = weighted_quantile(most, weights, 1.0 - TAIL)
    harder = float(weights @ (0.5 * (least > 1.0) + 0.5 * (most > 1.0) + 0.0))
    ties = float(weights @ ((least == 1.0) & (most == 1.0)))
    return Comparison(
        ratio=weighted_quantile(np.sqrt(least * most), weights, 0.5),
        ratio_low=ratio_low or None,
        ratio_high=ratio_high if math.isfinite(ratio_high) else None,
        probability_a_harder=harder + 0.5 * ties,
        verdict="harder" if ratio_low > 1.0 else "easier" if ratio_high < 1.0 else "undecided",
    )


def _answers(
    rows: list[Trial], dmin: int, dmax: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]] | None:
    """Return the least and the greatest d_int90 of each cell of the posterior, and its mass."""
    if all(trial.success is None for trial in rows):
        return None
    posterior = posterior_of(rows, dmax=dmax, dmin=dmin)
    centres = 0.5 * (posterior.edges[1:] + posterior.edges[:-1])
    least = np.maximum(dmin, np.ceil(np.exp(centres)))
    is_above = centres > math.log(dmax)
    # All that is known above dmax is that the answer is larger than it.
    return (
        np.where(is_above, dmax + 1.0, least),
        np.where(is_above, math.inf, least),
        posterior.mass,
    )
