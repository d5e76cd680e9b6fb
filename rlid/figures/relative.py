"""Scores relative to the reference: against d for many tasks, and the d of each share of it."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rlid.figures.overview import KINDS
from rlid.figures.style import LIGHT, drawing, log_ticks, save, thinned
from rlid.measurement import Summary
from rlid.records import Record

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NINETY = 0.9
"""The share of full performance that d_int90 asks for (Li et al. 2018)."""
COLUMNS = 4
LOWEST, HIGHEST = -0.15, 1.2
"""Ends of the axis of relative scores; what lies outside is drawn at the end."""
SHARES = tuple(share / 100 for share in range(50, 101, 2))
"""Shares of full performance of a profile."""
HALF = 0.5


@dataclass(frozen=True)
class Panel:
    """One task of the figure of relative scores: its title, kind and measurement."""

    title: str
    kind: str
    summary: Summary


def relative(record: Record, *, is_normalised: bool) -> float | None:
    """Return a score in parts of full performance; None without a score or a reference.

    Args:
        record: the trial, judged.
        is_normalised: whether a random policy is at 0; else a score of 0 is.
    """
    full = record.reference
    zero = record.random if is_normalised else 0.0
    if record.score is None or full is None or zero is None or full == zero:
        return None
    return (record.score - zero) / (full - zero)


def by_dimension(summary: Summary) -> dict[int, list[float]]:
    """Return the relative scores of a measurement's trials by d, rising."""
    scores: dict[int, list[float]] = {}
    for record in summary.records:
        is_normalised = (record.rule or "normalised") == "normalised"
        score = relative(record, is_normalised=is_normalised)
        if score is not None:
            scores.setdefault(record.spec.d, []).append(score)
    return dict(sorted(scores.items()))


def profile(scores: Mapping[int, Sequence[float]]) -> list[tuple[float, int]]:
    """Return for each share of full performance the d from which half of the trials reach it.

    The share of trials that reach it is made to rise with d by isotonic regression. A share that
    is reached at no d, or at the smallest d that was tried, is left out: a smaller d may do too.

    Args:
        scores: relative scores by d, of trials that ran to the end of their budget.
    """
    reached = []
    for share in SHARES:
        dims = list(scores)
        successes = [sum(score >= share for score in scores[d]) / len(scores[d]) for d in dims]
        rising = isotonic(successes, [len(scores[d]) for d in dims])
        crossing = next((d for d, level in zip(dims, rising, strict=True) if level >= HALF), None)
        if crossing is not None and crossing > dims[0]:
            reached.append((share, crossing))
    return reached


def isotonic(values: Sequence[float], weights: Sequence[float]) -> list[float]:
    """Return the rising sequence nearest to some values: pool adjacent violators.

    Args:
        values: in order.
        weights: of each value, positive.
    """
    pools: list[tuple[float, float, int]] = []
    for value, weight in zip(values, weights, strict=True):
        pool = (value, float(weight), 1)
        while pools and pools[-1][0] > pool[0]:
            mean, total, members = pools.pop()
            weight_sum = total + pool[1]
            pool = ((mean * total + pool[0] * pool[1]) / weight_sum, weight_sum, members + pool[2])
        pools.append(pool)
    return [mean for mean, _, members in pools for _ in range(members)]


def draw_relative(panels: Sequence[Panel], to: Path) -> Path:
    """Draw relative scores against d, a panel for each task, as `to`.svg; return its path.

    A dot is the median over seeds, a bar joins the quartiles; the line is at 90 %.
    """
    columns = min(COLUMNS, len(panels))
    rows = math.ceil(len(panels) / columns)
    size = (2.6 * columns, 2.1 * rows)
    with drawing(LIGHT, *size, rows, columns, squeeze=False, sharey=True) as (figure, grid):
        places = [axes for line in grid for axes in line]
        for axes, panel in zip(places, panels, strict=False):
            _draw_panel(axes, panel)
        for axes in places[len(panels) :]:
            axes.set_visible(False)
        figure.supxlabel("subspace dimension d", fontsize=10)
        figure.supylabel("score relative to the reference", fontsize=10)
        return save(figure, to, ("svg",))[0]


def _draw_panel(axes: Axes, panel: Panel) -> None:
    from matplotlib.ticker import NullLocator, StrMethodFormatter

    scores, colour = by_dimension(panel.summary), KINDS[panel.kind]
    axes.set_xscale("log")
    axes.axhline(NINETY, color=LIGHT.line, lw=0.8, ls="--")
    for d, values in scores.items():
        low, middle, high = (_clipped(value) for value in quartiles(values))
        axes.plot([d, d], [low, high], color=colour, lw=2, alpha=0.35)
        axes.plot([d], [middle], "o", color=colour, ms=3)
    estimate = panel.summary.estimate
    if estimate.d_int90 is not None and estimate.bracket is None:
        axes.axvline(estimate.d_int90, color=LIGHT.quiet, lw=0.8)
    dims = list(scores) or [1]
    axes.set_xlim(min(dims) / 1.4, max(dims) * 1.4)
    axes.set_ylim(LOWEST, HIGHEST)
    axes.set_yticks([0, 0.5, NINETY], ["0", "0.5", "0.9"])
    ticks = thinned(dims)
    axes.set_xticks(ticks[:: max(1, -(-len(ticks) // 4))])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.tick_params(labelsize=8)
    axes.set_title(panel.title, fontsize=8)


def quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    """Return the first quartile, the median and the third one; of one value, three times it."""
    if len(values) < 2:
        return values[0], values[0], values[0]
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, middle, high


def _clipped(value: float) -> float:
    return min(max(value, LOWEST), HIGHEST)


def draw_profiles(profiles: Sequence[tuple[str, Sequence[tuple[float, int]]]], to: Path) -> Path:
    """Draw the d at which each share of full performance is reached, as `to`.svg.

    Args:
        profiles: for each measurement its name, and pairs (share, d); see `profile`.
        to: the path without its suffix.
    """
    styles = ("-", "--", ":", "-.")
    colours = (KINDS["rl"], KINDS["supervised"], KINDS["synthetic"])
    with drawing(LIGHT, 7.0, 5.0) as (figure, axes):
        axes.set_yscale("log")
        for index, (name, pairs) in enumerate(profiles):
            if pairs:
                shares, dims = zip(*pairs, strict=True)
                axes.step(shares, dims, where="pre", lw=1.6, label=name,
                          color=colours[index % 3], ls=styles[index // 3 % 4])  # fmt: skip
        axes.axvline(NINETY, color=LIGHT.line, lw=0.8)
        log_ticks(axes)
        figure.legend(frameon=False, fontsize=8, loc="outside lower center", ncols=3)
        axes.set_xlabel("share f of full performance")
        axes.set_ylabel("d from which half of the trials reach f")
        return save(figure, to, ("svg",))[0]
