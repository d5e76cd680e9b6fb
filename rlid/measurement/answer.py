"""An answer in words and in JSON: d_int90, its interval, and what more trials would tell."""

from __future__ import annotations

from typing import Any

from rlid.dimension import FEWEST_SEEDS, Estimate, figure_in_words, interval_in_words


def answer(estimate: Estimate) -> str:
    """Return d_int90 and its interval in words; a bracket where the trials tell no more."""
    if estimate.withheld:
        return f"no d_int90: {estimate.withheld}"
    if is_bracket(estimate):
        low, high = estimate.bracket or (0, 0)
        return f"d_int90 between {low:,} and {high:,} (a bracket, no interval)"
    return f"d_int90 {value(estimate)} ({interval(estimate)})"


def is_bracket(estimate: Estimate) -> bool:
    """Whether the trials tell no more than two different ends between which d_int90 lies."""
    return estimate.bracket is not None and estimate.bracket[0] < estimate.bracket[1]


def figure(estimate: Estimate) -> str:
    """Return d_int90 as a table has it: "7", "at most 20", "> 100", "probably > 100"."""
    return figure_in_words(
        None if estimate.censored else estimate.d_int90,
        dmax=estimate.dmax,
        is_beyond=estimate.is_beyond,
        is_least=estimate.is_least,
    )


def value(estimate: Estimate) -> str:
    """Return d_int90 as it follows its name: "= 7", "at most 20", "> 100", "probably > 100"."""
    text = figure(estimate)
    return f"= {text}" if text[0].isdigit() else text


def span(estimate: Estimate) -> str:
    """Return the 95 % interval of d_int90 as a table has it: "3-8", "3 or more", or ""."""
    return interval_in_words(
        estimate.ci_low,
        estimate.ci_high,
        dmax=estimate.dmax,
        is_open_below=estimate.is_open_below,
    )


def interval(estimate: Estimate) -> str:
    """Return the 95 % interval of d_int90 as it stands in a sentence, behind its name."""
    text = span(estimate)
    if not text:
        return f"no interval below {FEWEST_SEEDS} seeds"
    return f"95 % interval{'' if text[0].isdigit() and '-' in text else ':'} {text}"


def reliable(estimate: Estimate) -> str:
    """Return d_reliable and its interval in words; "" where nothing is claimed of it."""
    if estimate.withheld or is_bracket(estimate) or estimate.reliable_low is None:
        return ""
    text = "above every d tried" if estimate.d_reliable is None else f"{estimate.d_reliable:,}"
    ends = interval_in_words(
        estimate.reliable_low,
        estimate.reliable_high,
        dmax=estimate.dmax,
        is_open_below=estimate.reliable_low == estimate.dmin > 1,
    )
    return f"d_reliable (nine seeds of ten succeed): {text} (95 % interval: {ends})"


def further(estimate: Estimate) -> str:
    """Return how many further trials would be expected to halve the interval, or ""."""
    if estimate.further_trials is None:
        return ""
    return f"about {count(estimate.further_trials, 'further trial')} would halve the interval"


def details(estimate: Estimate) -> list[str]:
    """Return what `--details` adds, a line each: what the interval owes to the prior, the curve."""
    lines = []
    if estimate.flat_low is not None:
        high = "open" if estimate.flat_high is None else f"{estimate.flat_high:,}"
        lines.append(f"interval with a flat prior: {estimate.flat_low:,} to {high}")
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
