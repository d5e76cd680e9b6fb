"""Many measurements in one picture: d_int90 against something else, and agents on one task."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rlid.figures.style import LIGHT, drawing, log_ticks, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes

KINDS = {"rl": LIGHT.curve, "supervised": "#b3500a", "synthetic": "#646d7a"}
"""Colours by the kind of task."""
KIND_NAMES = {"rl": "reinforcement learning", "supervised": "supervised", "synthetic": "synthetic"}
QUIET = LIGHT.quiet
LABEL_GAP = 0.034
"""Least distance of two labels above each other, in parts of the figure's height."""
CHARACTER = 0.0078
"""Width of a character of a label, in parts of the axes' width."""
SPREAD_DECADES = 0.45
"""Points whose x differ by fewer decades share a column of labels."""


@dataclass(frozen=True)
class Point:
    """A measurement in a picture.

    Attributes:
        x: its place on the horizontal axis.
        middle: its value; None for a bracket, which is a bar alone.
        low: lower end of its bar; None without a bar.
        high: upper end of its bar; None where the bar is open above.
        label: what stands beside it; "" for nothing.
        kind: "rl", "supervised" or "synthetic".
        is_above: whether the value is only a lower bound.
        group: points of one group, unless "", are joined by a line.
    """

    x: float
    middle: float | None
    low: float | None
    high: float | None
    label: str
    kind: str
    is_above: bool = False
    group: str = ""


@dataclass(frozen=True)
class Line:
    """A straight line through the origin, y = factor * x, and its name."""

    factor: float
    name: str


def draw_points(
    points: Sequence[Point], to: Path, x_label: str, y_label: str, lines: Sequence[Line] = ()
) -> Path:
    """Draw points with their bars on two logarithmic axes, as `to`.svg; return its path.

    Args:
        points: at least one.
        to: the path without its suffix.
        x_label: what the horizontal axis shows.
        y_label: what the vertical axis shows.
        lines: drawn behind the points.
    """
    with drawing(LIGHT, 8.5, 5.0) as (figure, axes):
        axes.set_xscale("log")
        axes.set_yscale("log")
        _limits(axes, points)
        for line in lines:
            ends = axes.get_xlim()
            axes.plot(ends, [line.factor * end for end in ends], color=LIGHT.line, lw=1, ls="--")
        _name_lines(axes, lines)
        _join(axes, points)
        for point in points:
            _draw_point(axes, point)
        _label(axes, points)
        _name_kinds(axes, points)
        log_ticks(axes)
        axes.set_xlabel(x_label)
        axes.set_ylabel(y_label)
        return save(figure, to, ("svg",))[0]


def _limits(axes: Axes, points: Sequence[Point]) -> None:
    across = [point.x for point in points]
    heights = [
        value for point in points for value in (point.middle, point.low, point.high) if value
    ]
    first, last = min(across), max(across)
    near = 10**SPREAD_DECADES
    # Labels stand to the right of the points, those of the first column to the left.
    has_columns = last >= first * near
    left = [len(point.label) for point in points if has_columns and point.x < first * near]
    right = [len(point.label) for point in points if not has_columns or point.x > last / near]
    shares = [CHARACTER * max(lengths, default=0) + 0.03 for lengths in (left, right)]
    span = math.log10(last / first) + 2 * math.log10(1.6)
    width = span / max(1.0 - sum(shares), 0.3)
    rooms = [1.6 * 10 ** (width * share) for share in shares]
    axes.set_xlim(first / rooms[0], last * rooms[1])
    axes.set_ylim(min(heights) / 1.6, max(heights) * 1.8)


def _draw_point(axes: Axes, point: Point) -> None:
    colour = KINDS[point.kind]
    top = axes.get_ylim()[1]
    if point.low is not None:
        high = top if point.high is None else point.high
        axes.plot([point.x, point.x], [point.low, high], color=colour, lw=3, alpha=0.3)
    if point.middle is not None:
        mark = "^" if point.is_above else "o"
        axes.plot([point.x], [point.middle], mark, color=colour, ms=5)


def _join(axes: Axes, points: Sequence[Point]) -> None:
    groups: dict[str, list[Point]] = {}
    for point in points:
        if point.group and point.middle is not None:
            groups.setdefault(point.group, []).append(point)
    for members in groups.values():
        ordered = sorted(members, key=lambda point: point.x)
        places = [point.x for point in ordered]
        axes.plot(places, [point.middle or 0.0 for point in ordered], color=LIGHT.line, lw=1)


def _name_lines(axes: Axes, lines: Sequence[Line]) -> None:
    """Write the name of each line near where it leaves the picture, each lower than the last."""
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    for number, line in enumerate(lines):
        height = top * (bottom / top) ** (number * LABEL_GAP * 1.5)
        x = min(right, height / line.factor) / 1.1
        is_left = x < (left * right) ** 0.5
        axes.annotate(
            line.name, (x, line.factor * x), fontsize=8, color=QUIET, va="top",
            ha="left" if is_left else "right", xytext=(8 if is_left else -6, 0),
            textcoords="offset points",
        )  # fmt: skip


def _name_kinds(axes: Axes, points: Sequence[Point]) -> None:
    """Say in a legend above the axes which kind of task each colour stands for."""
    kinds = [kind for kind in KINDS if any(point.kind == kind for point in points)]
    for kind in kinds:
        axes.plot([], [], "o", color=KINDS[kind], ms=5, label=KIND_NAMES[kind])
    axes.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=3, fontsize=8, frameon=False)


def _label(axes: Axes, points: Sequence[Point]) -> None:
    """Write the labels beside the points, apart from each other in each column."""
    low, high = (math.log10(end) for end in axes.get_ylim())
    columns: list[list[Point]] = []
    for point in sorted((point for point in points if point.label), key=lambda point: point.x):
        if columns and point.x < columns[-1][-1].x * 10**SPREAD_DECADES:
            columns[-1].append(point)
        else:
            columns.append([point])
    for index, column in enumerate(columns):
        is_left = index == 0 and len(columns) > 1
        ordered = sorted(column, key=_height)
        shares = [(math.log10(_height(point)) - low) / (high - low) for point in ordered]
        for point, share in zip(ordered, spread(shares, LABEL_GAP), strict=True):
            height = 10 ** (low + share * (high - low))
            axes.annotate(
                point.label, (point.x, height), xytext=(-7 if is_left else 7, 0),
                textcoords="offset points", fontsize=7.5, color=QUIET, va="center",
                ha="right" if is_left else "left",
            )  # fmt: skip


def spread(values: Sequence[float], gap: float) -> list[float]:
    """Return rising values, moved as little upwards and downwards as a gap between them asks for.

    Values that are too near each other are spread around their common middle.
    """
    clusters: list[list[float]] = []
    for value in values:
        clusters.append([value])
        while len(clusters) > 1 and _low(clusters[-1], gap) < _high(clusters[-2], gap) + gap:
            clusters[-2:] = [clusters[-2] + clusters[-1]]
    return [
        _low(cluster, gap) + index * gap for cluster in clusters for index in range(len(cluster))
    ]


def _low(cluster: Sequence[float], gap: float) -> float:
    return sum(cluster) / len(cluster) - gap * (len(cluster) - 1) / 2


def _high(cluster: Sequence[float], gap: float) -> float:
    return sum(cluster) / len(cluster) + gap * (len(cluster) - 1) / 2


def _height(point: Point) -> float:
    return point.middle or ((point.low or 1.0) * (point.high or point.low or 1.0)) ** 0.5


def draw_agents(tasks: Sequence[tuple[str, Sequence[Point]]], to: Path) -> Path:
    """Draw the agents on each task below each other as `to`.svg; return its path.

    Args:
        tasks: for each task its title, and a point for each agent; `x` is not used.
        to: the path without its suffix.
    """
    rows = sum(len(points) + 1 for _, points in tasks)
    with drawing(LIGHT, 7.0, 1.0 + 0.24 * rows) as (figure, axes):
        axes.set_xscale("log")
        values = [
            value for _, points in tasks for point in points
            for value in (point.middle, point.low, point.high) if value
        ]  # fmt: skip
        axes.set_xlim(min(values) / 1.5, max(values) * 1.5)
        names: list[tuple[int, str]] = []
        row = 0
        for title, points in tasks:
            axes.axhline(row - 0.45, color=LIGHT.band, lw=0.6)
            axes.annotate(title, (axes.get_xlim()[0], row), fontsize=9, va="center",
                          xytext=(4, 0), textcoords="offset points")  # fmt: skip
            for point in points:
                row += 1
                names.append((row, point.label))
                _draw_span(axes, point, row)
            row += 1
        axes.set_ylim(row - 0.4, -0.6)
        axes.set_yticks([at for at, _ in names], [name for _, name in names], fontsize=8)
        log_ticks(axes)
        axes.grid(axis="x", color=LIGHT.band, lw=0.6)
        _name_kinds(axes, [point for _, points in tasks for point in points])
        axes.set_xlabel("d_int90 (bar: 95 % interval; triangle: above the largest d)")
        return save(figure, to, ("svg",))[0]


def _draw_span(axes: Axes, point: Point, row: int) -> None:
    colour = KINDS[point.kind]
    if point.low is not None:
        high = axes.get_xlim()[1] if point.high is None else point.high
        axes.plot([point.low, high], [row, row], color=colour, lw=4, alpha=0.3)
    if point.middle is not None:
        axes.plot([point.middle], [row], ">" if point.is_above else "o", color=colour, ms=5)
