"""From trials to d_int90 and its interval.

d_int90 is the smallest d at which the probability of success is at least one half (Li et al. 2018,
with the score at each d taken as the median over seeds). How it is estimated: `posterior`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

from rlid.dimension.answer import HALF, SURE_ABOVE, Estimate, smallest_integer
from rlid.dimension.evidence import Alternatives, Evidence, evidence_of, posterior_of
from rlid.dimension.posterior import Distribution, Posterior
from rlid.dimension.statistics import exact_interval
from rlid.dimension.success_curve import (
    TrialOutcome,
    bracket_of,
    curve_of,
    first_crossing,
    grid_crossing,
)
from rlid.dimension.threshold_model import averaged_scale

# Below this many seeds the spread between seeds is unknown, and no interval is claimed.
FEWEST_SEEDS = 5
# The probability that each end of the 95 % interval leaves out.
TAIL = 0.025
# Standard deviations in a 95 % interval.
SIGMAS = 3.92
# Confidence of the intervals of two shares that must lie apart for success to fall as d rises. With
# less, one d of many would have more successes than those above it by chance.
SURE = 0.999
# Half the interval is a quarter of the variance, so the further trials must carry three times
# the information that there is. The share of the ideal information that a search's trial carries
# is a fit to tests/benchmarks/halving.py.
HALVING = 3.0
EFFICIENCY = 0.4


def estimate(
    trials: Iterable[TrialOutcome],
    *,
    dmax: int,
    dmin: int = 1,
    alternatives: Alternatives = (),
) -> Estimate:
    """Return d_int90 and its interval from any set of trials, however they were chosen.

    Args:
        trials: at most one for each (d, seed), in any order.
        dmax: the largest d that was open to the search; above it the answer is censored.
        dmin: the smallest d that was open to the search.
        alternatives: the same trials as they come out under draws of the reference, each with
            its weight. The answer then follows from the weighted mean of their posteriors;
            the curve still shows `trials`.

    Raises:
        ValueError: a pair (d, seed) occurs twice, a d lies outside dmin..dmax, or an alternative
            has other pairs, other missing trials or a weight that is not positive.
    """
    evidence = evidence_of(trials, dmin=dmin, dmax=dmax, alternatives=alternatives)
    answer = _estimate_known(evidence)
    if not answer.missing or answer.withheld:
        return answer
    near = _missing_near(evidence, answer)
    if not near:
        return answer
    reason = (
        f"{len(near)} of {len(evidence.trials)} trials are missing near the threshold "
        f"(d = {', '.join(str(d) for d in sorted(set(near)))}): run them again (--retry)"
    )
    return _withheld(answer, reason)


def _withheld(answer: Estimate, reason: str) -> Estimate:
    """Return the estimate without any claim, for that reason."""
    return replace(
        answer,
        d_int90=None,
        ci_low=None,
        ci_high=None,
        censored=False,
        withheld=reason,
        d_reliable=None,
        reliable_low=None,
        reliable_high=None,
        flat_low=None,
        flat_high=None,
        bracket=None,
        further_trials=None,
    )


def _estimate_known(evidence: Evidence) -> Estimate:
    """Return the estimate from the trials that are not missing."""
    curve = curve_of(evidence.trials)
    known = [trial for trial in evidence.trials if trial.success is not None]
    seeds = len({trial.seed for trial in known})
    answer = Estimate(
        d_int90=None,
        ci_low=None,
        ci_high=None,
        censored=False,
        withheld="",
        first_crossing=first_crossing(curve),
        curve=curve,
        dmin=evidence.dmin,
        dmax=evidence.dmax,
        seeds=seeds,
        trials=len(evidence.trials),
        missing=len(evidence.trials) - len(known),
    )
    if not known:
        reason = "every trial is missing" if evidence.trials else "there is no trial"
        return replace(answer, withheld=reason)
    posterior = posterior_of(evidence)
    answer = _described(replace(answer, isotonic=grid_crossing(curve, seeds)), posterior)
    if seeds >= FEWEST_SEEDS:
        answer = _with_intervals(answer, posterior)
    return _with_figures(answer, posterior, known)


def _described(answer: Estimate, posterior: Posterior) -> Estimate:
    """Return the estimate with the fitted curve."""
    return replace(
        answer,
        probability_above_dmax=posterior.half.probability_above(math.log(answer.dmax)),
        half_point=posterior.half.quantile(0.5),
        scale=posterior.scale,
        spread=posterior.spread,
        guess=posterior.guess,
        lapse=posterior.lapse,
        never=posterior.never,
    )


def _with_intervals(answer: Estimate, posterior: Posterior) -> Estimate:
    """Return the estimate with its intervals."""
    low, high = _interval(posterior.half, answer)
    flat_low, flat_high = _interval(posterior.flat, answer)
    reliable_low, reliable_high = _interval(posterior.reliable, answer)
    answer = replace(
        answer,
        ci_low=low,
        ci_high=high,
        flat_low=flat_low,
        flat_high=flat_high,
        reliable_low=reliable_low,
        reliable_high=reliable_high,
    )
    return replace(answer, further_trials=_further_trials(answer, posterior))


def _interval(distribution: Distribution, answer: Estimate) -> tuple[int, int | None]:
    """Return the ends of the 95 % interval; the upper one is None where it is above dmax."""
    low, high = (distribution.quantile(share) for share in (TAIL, 1.0 - TAIL))
    upper = None if high > math.log(answer.dmax) else smallest_integer(high, answer.dmin)
    return min(smallest_integer(low, answer.dmin), answer.dmax + 1), upper


def _with_figures(
    answer: Estimate, posterior: Posterior, known: Sequence[TrialOutcome]
) -> Estimate:
    """Return the estimate with its figures, or as censored or withheld.

    Args:
        answer: the estimate so far.
        posterior: its posterior.
        known: the trials that are not missing, by rising d.
    """
    smallest, largest = known[0].d, known[-1].d
    has_success = any(trial.success for trial in known)
    middle = posterior.half.quantile(0.5)
    if largest < answer.dmax and (middle > math.log(largest) or not has_success):
        reason = f"the threshold lies above d={largest}, the largest d tried"
        return replace(answer, withheld=reason)
    limit = HALF if answer.seeds < FEWEST_SEEDS else SURE_ABOVE
    if not has_success or posterior.half.probability_above(math.log(answer.dmax)) > limit:
        falling = _falling(answer)
        return _withheld(answer, falling) if falling else replace(answer, censored=True)
    # Below the smallest d tried the posterior is the prior: that d is all that was shown.
    d_int90 = min(max(smallest_integer(middle, answer.dmin), smallest), answer.dmax)
    bracket = bracket_of(known, answer.dmin) if answer.seeds < FEWEST_SEEDS else None
    reliable = max(d_int90, smallest_integer(posterior.reliable.quantile(0.5), answer.dmin))
    return replace(
        answer,
        d_int90=d_int90,
        ci_high=None if answer.ci_high is None else max(answer.ci_high, d_int90),
        bracket=bracket,
        d_reliable=reliable if reliable <= largest and bracket is None else None,
    )


def _falling(answer: Estimate) -> str:
    """Return why success does not rise with d, where the half-point seems to lie above dmax.

    The model's curve rises. Where half of the trials or more succeed at a d, and surely a smaller
    share above it, "> dmax" would contradict what was seen. Returns "" where nothing does.
    """
    for index, point in enumerate(answer.curve):
        above = answer.curve[index + 1 :]
        n, successes = sum(other.n for other in above), sum(other.successes for other in above)
        if not n or not point.n or 2 * point.successes < point.n:
            continue
        least, _ = exact_interval(point.successes, point.n, SURE)
        _, most = exact_interval(successes, n, SURE)
        if least > most:
            return (
                f"success does not rise with d: {point.successes} of {point.n} trials succeed at "
                f"d = {point.d}, {successes} of {n} above it"
            )
    return ""


def _further_trials(answer: Estimate, posterior: Posterior) -> int | None:
    """Return how many further trials would be expected to halve the interval.

    A trial of a further seed at the half-point carries (slope / scale)^2 of information on it,
    where `scale` is that of the curve averaged over seeds and `slope` its height over two.
    """
    if answer.is_open_below or answer.ci_low is None or answer.ci_high is None:
        return None
    if answer.ci_high - answer.ci_low < 2:
        return None
    low, high = (posterior.half.quantile(share) for share in (TAIL, 1.0 - TAIL))
    variance = ((high - low) / SIGMAS) ** 2
    height = (1.0 - posterior.never) * (1.0 - posterior.guess - posterior.lapse)
    per_trial = (0.5 * height / float(averaged_scale(posterior.scale, posterior.spread))) ** 2
    return math.ceil(HALVING / variance / per_trial / EFFICIENCY)


def _missing_near(evidence: Evidence, answer: Estimate) -> list[int]:
    """Return the d of the missing trials that could move the answer."""
    half = posterior_of(evidence).half
    low = smallest_integer(half.quantile(TAIL), answer.dmin)
    high = smallest_integer(half.quantile(1.0 - TAIL), answer.dmin)
    missing = [trial.d for trial in evidence.trials if trial.success is None]
    near = [d for d in missing if low - 1 <= d <= high]
    if near:
        return near
    for imagined in (True, False):
        moved = _estimate_known(evidence.filled(imagined))
        if (moved.d_int90, moved.censored) != (answer.d_int90, answer.censored):
            return missing
    return []
