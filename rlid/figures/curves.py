"""Learning curves of a measurement: one panel for each d, with the median and the quartiles."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rlid.figures.style import LIGHT, Palette, check_sizes, drawing, save
from rlid.records import Record

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLUMNS = 4
MOST_PANELS = 16
"""Of more d than this, some are left out: the panels would be too small to read."""
PANEL_WIDTH, PANEL_HEIGHT = 2.3, 1.9
"""Inches."""
GRID_POINTS = 60
"""Steps at which the curves of one d are held against each other."""
QUARTILES = (25, 50, 75)


def draw(
    records: Sequence[Record], to: Path, palette: Palette = LIGHT, title: str = ""
) -> Path | None:
    """Draw validation scores against steps as an SVG; return its path, or None without curves.

    A panel holds the trials of one d: every curve thin, their median thick over the band of their
    quartiles. A trial that ended early keeps its last score. Missing trials are left out.

    Args:
        records: the trials of one measurement.
        to: the path, ending in .svg or .png.
        palette: the colours.
        title: above the panels.

    Raises:
        InputError: a score is too large to be drawn.
    """
    from matplotlib.ticker import EngFormatter, MaxNLocator

    of_dim: dict[int, list[Record]] = {}
    for record in records:
        check_sizes((record.threshold, *(score for _, score in record.curve)))
        # How far a trial came before a fault says nothing of whether it would have solved.
        if record.curve and not record.is_missing:
            of_dim.setdefault(record.spec.d, []).append(record)
    if not of_dim:
        return None
    dims = spread(sorted(of_dim), MOST_PANELS)
    columns = min(COLUMNS, len(dims))
    rows = -(-len(dims) // columns)
    width, height = max(2, columns) * PANEL_WIDTH, rows * PANEL_HEIGHT + 0.6
    shape = {"sharex": True, "sharey": True, "squeeze": False}
    with drawing(palette, width, height, rows, columns, **shape) as (figure, grid):
        if title:
            figure.suptitle(title, fontsize=10)
        panels: list[Axes] = list(grid.flat)
        for d, axes in zip(dims, panels, strict=False):
            _draw_panel(axes, d, of_dim[d], palette)
            axes.xaxis.set_major_locator(MaxNLocator(3))
            axes.xaxis.set_major_formatter(EngFormatter(sep=""))
        for axes in panels[len(dims) :]:
            axes.set_axis_off()
        figure.supxlabel("search steps", fontsize=10)
        figure.supylabel("validation score", fontsize=10)
        (path,) = save(figure, to.with_suffix(""), (to.suffix.removeprefix("."),))
    return path


def spread(dims: Sequence[int], most: int) -> list[int]:
    """Return at most so many of the rising d, evenly from the first to the last."""
    if len(dims) <= most:
        return list(dims)
    return [dims[round(index * (len(dims) - 1) / (most - 1))] for index in range(most)]


def quartiles(records: Sequence[Record]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return steps (n,) and the quartiles (3, n) of the curves of records at these steps.

    They begin where every curve has begun. A curve that has ended keeps its last score.
    """
    begun = max(record.curve[0][0] for record in records)
    ended = max(record.curve[-1][0] for record in records)
    steps = np.linspace(begun, max(begun, ended), GRID_POINTS)
    scores = []
    for record in records:
        at, means = np.array(record.curve, dtype=np.float64).T
        scores.append(np.interp(steps, at, means))
    return steps, np.percentile(scores, QUARTILES, axis=0)


def _draw_panel(axes: Axes, d: int, records: Sequence[Record], palette: Palette) -> None:
    for record in records:
        steps, scores = zip(*record.curve, strict=True)
        is_solved = record.status == "solved"
        color = palette.solved if is_solved else palette.unsolved
        # Dashes tell the two apart for readers who do not see their colours. A trial that is solved
        # at its first look has one point, which a line would not show.
        form = "." if len(steps) == 1 else "-" if is_solved else "--"
        axes.plot(steps, scores, form, color=color, lw=0.6, ms=3.5, alpha=0.55)
    if len(records) > 1:
        at, (low, middle, high) = quartiles(records)
        axes.fill_between(at, low, high, color=palette.band, alpha=0.6, lw=0, zorder=0)
        axes.plot(at, middle, color=palette.curve, lw=1.8)
    threshold = records[0].threshold
    if threshold is not None:
        axes.axhline(threshold, color=palette.quiet, lw=0.9, ls="--")
    solved = sum(record.status == "solved" for record in records)
    axes.set_title(f"d = {d:,}: {solved} of {len(records)} solved", fontsize=8)
    axes.tick_params(labelsize=8)
