"""Figures of a measurement: success and score against d; the same records give the same bytes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rlid.dimension import exact_interval, fitted_curve
from rlid.figures.style import FORMATS, LIGHT, Palette, check_sizes, drawing, save, thinned
from rlid.measurement import Summary
from rlid.records import Record
from rlid.store import Store, distinct_slug

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CONFIDENCE = 0.95
CURVE_POINTS = 200
CURVE_DECIMALS = 4
"""Further digits differ between processors, and figures would differ with them."""
PANEL = (5.2, 4.0)
"""Width and height in inches of a figure that stands alone, legible on a phone."""
JITTER = 0.6
"""Share of the gap to the next d over which the dots of one d are spread, so that all show."""
WIDEST_JITTER = 0.1
"""Upper limit of that spread, relative to d: at small d the gap to the next one is wide."""


def stem(store: Path, summary: Summary) -> Path:
    """Return the path of a measurement's figure in a store, without its suffix.

    Raises:
        StoreError: the store's folder of figures is a link.
    """
    return folder(store) / file_name(summary)


def folder(store: Path) -> Path:
    """Return the path of a store's figures.

    Raises:
        StoreError: it is a link.
    """
    return Store(store).room("plots")


def file_name(summary: Summary) -> str:
    """Return the name of a measurement's figure, without its suffix."""
    return distinct_slug(summary.path.replace("/", "-"))


def load() -> None:
    """Import matplotlib, which takes a second, so that a later `draw` is fast."""
    import matplotlib.backends.backend_agg
    import matplotlib.figure  # noqa: F401


def figure(summary: Summary, answer: str, palette: Palette = LIGHT) -> Figure:
    """Return the figure of one measurement: success at the left, scores at the right."""
    with drawing(palette, 9.5, 4.2, 1, 2) as (drawn, (left, right)):
        drawn.suptitle(f"{summary.title}\n{answer}", fontsize=11)
        for axes in (left, right):
            _draw_dimension(axes, summary, palette)
        _draw_success(left, summary, palette)
        _draw_scores(right, summary, palette)
        return drawn


def draw(
    summary: Summary,
    to: Path,
    answer: str,
    formats: Sequence[str] = FORMATS,
    palette: Palette = LIGHT,
) -> list[Path]:
    """Draw one measurement as `to`.svg and `to`.png, or some of them; return their paths."""
    import matplotlib as mpl

    with mpl.rc_context(palette.style):
        return save(figure(summary, answer, palette), to, formats)


def draw_panels(summary: Summary, to: Path) -> dict[str, Path]:
    """Draw success as `to`.svg and scores as `to`-scores.svg, each to stand alone on a page."""
    panels = {"success": ("", _draw_success), "scores": ("-scores", _draw_scores)}
    drawn = {}
    for name, (ending, draw_panel) in panels.items():
        with drawing(LIGHT, *PANEL) as (figure, axes):
            _draw_dimension(axes, summary, LIGHT)
            draw_panel(axes, summary, LIGHT)
            axes.set_title("")
            drawn[name] = save(figure, to.with_name(f"{to.name}{ending}"), ("svg",))[0]
    return drawn


def _draw_dimension(axes: Axes, summary: Summary, palette: Palette) -> None:
    """Draw d_int90 as a line and its interval as a band, over a logarithmic d axis.

    A bracket is drawn as a band alone.
    """
    from matplotlib.ticker import NullFormatter, StrMethodFormatter

    estimate = summary.estimate
    dims = sorted({record.spec.d for record in summary.records})
    axes.set_xscale("log")
    axes.set_xlim(min(dims) / 1.25, max(*dims, estimate.d_int90 or 1) * 1.25)
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xticks(thinned(dims))
    axes.set_xlabel("subspace dimension d")
    low, high = estimate.bracket or (estimate.ci_low, estimate.ci_high)
    if low is not None:
        end = max(dims) * 1.25 if high is None else max(high, low * 1.02)
        axes.axvspan(low, end, color=palette.band, lw=0, zorder=0)
    if estimate.figure is not None:
        axes.axvline(estimate.figure, color=palette.curve, lw=1.2, ls="--")


def _draw_success(axes: Axes, summary: Summary, palette: Palette) -> None:
    """Draw the share of solved trials at each d with its Clopper-Pearson interval."""
    for point in summary.estimate.curve:
        if not point.n:
            continue
        share = point.successes / point.n
        ends = exact_interval(point.successes, point.n, CONFIDENCE)
        axes.plot([point.d, point.d], ends, color=palette.curve, lw=1, alpha=0.5)
        axes.plot([point.d], [share], "o", color=palette.curve, ms=3 + min(point.n, 20) / 4)
    dims = np.geomspace(*axes.get_xlim(), num=CURVE_POINTS)
    # Trials that give no more than a bracket give no curve either.
    fitted = None if summary.estimate.bracket else fitted_curve(summary.estimate, dims)
    if fitted is not None:
        axes.plot(dims, fitted.round(CURVE_DECIMALS), color=palette.curve, lw=1.6)
    axes.axhline(0.5, color=palette.line, lw=0.8)
    axes.set_ylim(-0.03, 1.03)
    axes.set_ylabel("share of trials that succeed")
    axes.set_title("success (dot size: trials; bars: 95 %, exact; line: fit)", fontsize=9)


def _draw_scores(axes: Axes, summary: Summary, palette: Palette) -> None:
    """Draw the score of every trial, and the scores that trials are judged by.

    Raises:
        InputError: a score is too large to be drawn.
    """
    check_sizes(record.score for record in summary.records)
    by_dim: dict[int, list[Record]] = {}
    for record in summary.records:
        if record.score is not None:
            by_dim.setdefault(record.spec.d, []).append(record)
    for d, records in by_dim.items():
        width = min(WIDEST_JITTER, JITTER / d)
        for index, record in enumerate(records):
            score = record.score or 0.0
            spread = 1 + width * (index - (len(records) - 1) / 2) / len(records)
            is_solved = record.status == "solved"
            color = palette.solved if is_solved else palette.unsolved
            # The form tells the two apart for readers who do not see their colours.
            mark, edge = ("o", 0.0) if is_solved else ("x", 1.0)
            axes.plot([d * spread], [score], mark, color=color, ms=3.5, alpha=0.7, mew=edge)
    first = summary.records[0]
    lines = {"reference": first.reference, "threshold": first.threshold, "random": first.random}
    check_sizes(lines.values())
    for name, value in lines.items():
        if value is not None:
            axes.axhline(value, color=palette.line, lw=0.8)
            axes.annotate(
                f" {name}",
                (1, value),
                xycoords=("axes fraction", "data"),
                fontsize=8,
                color=palette.quiet,
                va="center",
            )
    is_mean = any(record.episodes > 1 for record in summary.records)
    axes.set_ylabel("score (mean return of the final episodes)" if is_mean else "score")
    axes.set_title("scores (dot: solved, most stop early; cross: not)", fontsize=9)
