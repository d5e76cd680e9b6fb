"""An answer in words and in JSON: d_int90, its interval, and what more trials would tell."""

from __future__ import annotations

from typing import Any

from rlid.dimension import Estimate


def answer(estimate: Estimate) -> str:
    """Return d_int90 and its interval in words; a bracket where the trials tell no more."""
    if estimate.withheld:
        return f"no d_int90: {estimate.withheld}"
    if is_bracket(estimate):
        low, high = estimate.bracket or (0, 0)
        return f"d_int90 in {low:,}-{high:,} ({count(estimate.seeds, 'seed')}, no interval)"
    return f"d_int90 {value(estimate)} ({interval(estimate)})"


def is_bracket(estimate: Estimate) -> bool:
    """Whether the trials tell no more than two different ends between which d_int90 lies."""
    return estimate.bracket is not None and estimate.bracket[0] < estimate.bracket[1]


def value(estimate: Estimate) -> str:
    """Return the figure alone: "= 7", "at most 20", "> 100", "100 or more"."""
    if estimate.censored:
        return f"> {estimate.dmax}"
    if estimate.is_beyond:
        return f"{estimate.dmax} or more"
    if estimate.is_least:
        return f"at most {estimate.d_int90}"
    return f"= {estimate.d_int90}"


def interval(estimate: Estimate) -> str:
    """Return the 95 % interval of d_int90 in words."""
    if estimate.ci_low is None:
        return "no interval below 5 seeds"
    if estimate.ci_high is not None:
        if estimate.is_open_below:
            return f"95 % interval: {estimate.ci_high} or less"
        return f"95 % interval {estimate.ci_low}-{estimate.ci_high}"
    if estimate.ci_low > estimate.dmax:
        return f"95 % interval: above {estimate.dmax}"
    if estimate.is_open_below:
        return f"95 % interval: open on both sides of {estimate.dmin}-{estimate.dmax}"
    return f"95 % interval: {estimate.ci_low} or more"


def reliable(estimate: Estimate) -> str:
    """Return d_reliable and its interval in words; "" where nothing is claimed of it."""
    if estimate.withheld or is_bracket(estimate) or estimate.reliable_low is None:
        return ""
    figure = "above every d tried" if estimate.d_reliable is None else f"{estimate.d_reliable}"
    if estimate.reliable_high is None:
        span = f"{estimate.reliable_low} or more"
    else:
        span = f"{estimate.reliable_low}-{estimate.reliable_high}"
    return f"d_reliable (nine seeds of ten succeed): {figure} (95 % interval: {span})"


def further(estimate: Estimate) -> str:
    """Return how many further trials would be expected to halve the interval, or ""."""
    if estimate.further_trials is None:
        return ""
    return f"about {count(estimate.further_trials, 'further trial')} would halve the interval"


def details(estimate: Estimate) -> list[str]:
    """Return what `--details` adds, a line each: what the interval owes to the prior, the curve."""
    lines = []
    if estimate.flat_low is not None:
        high = "open" if estimate.flat_high is None else f"{estimate.flat_high}"
        lines.append(f"interval with a flat prior: {estimate.flat_low} to {high}")
    if estimate.probability_above_dmax is not None:
        lines.append(f"probability above {estimate.dmax}: {estimate.probability_above_dmax:.3f}")
    if estimate.never is not None:
        lines.append(f"share of seeds that never solve: {estimate.never:.2f}")
    return lines


def answer_json(estimate: Estimate) -> dict[str, Any]:
    """Return the part of a JSON answer that published files hold."""
    names = ("d_int90", "ci_low", "ci_high", "censored", "withheld", "first_crossing")
    return {name: getattr(estimate, name) for name in names}


def details_json(estimate: Estimate) -> dict[str, Any]:
    """Return the other figures of a JSON answer.

    Where the trials give only a bracket or a bound from below, d_int90 is no figure, but null.
    """
    names = (
        "d_reliable", "reliable_low", "reliable_high", "bracket", "further_trials", "flat_low",
        "flat_high", "probability_above_dmax",
    )  # fmt: skip
    figures = {name: getattr(estimate, name) for name in names}
    has_no_figure = is_bracket(estimate) or estimate.is_beyond
    return {**figures, "d_int90": None} if has_no_figure else figures


def curve_json(estimate: Estimate) -> list[dict[str, Any]]:
    """Return the curve of a JSON answer: one object for each d that was tried."""
    names = ("d", "n", "successes", "missing", "median", "q25", "q75")
    return [{name: getattr(point, name) for name in names} for point in estimate.curve]


def count(n: int, noun: str) -> str:
    """Return "1 seed" or "2 seeds"."""
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"
