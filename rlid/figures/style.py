"""What all figures share: colours for light and dark pages, ticks that do not touch, and files."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlid.errors import InputError
from rlid.store import write_whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FORMATS = ("svg", "png")
MOST_TICKS = 9
LABEL_CHARACTER = 0.022
"""Width of a character of a tick's label, in parts of a small figure's axis."""
LEAST_GAP = 1.18
"""Ratio of two neighbouring d from which on their labels do not touch."""
MOST = 1e100
"""Size of a score that is drawn: of larger ones, matplotlib cannot form the ends of an axis."""
DECADES = 16
MOST_ROUND_TICKS = 7
TICK_STEPS = ((1, 2, 3, 4, 6, 8), (1, 2, 5), (1,))
"""Round numbers of a decade that may be ticks: the first set that gives few enough is taken."""
STYLE: dict[Any, Any] = {
    "svg.hashsalt": "rlid",
    "svg.fonttype": "none",
    # A task may be named anything, dollar signs included.
    "text.parse_math": False,
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


@dataclass(frozen=True)
class Palette:
    """The colours of a figure.

    Attributes:
        page: behind everything.
        ink: text and axes.
        quiet: text and lines that explain.
        line: thin lines that mark a level.
        curve: what was measured.
        band: an interval.
        solved: trials that are solved.
        unsolved: trials that are not.
    """

    page: str
    ink: str
    quiet: str
    line: str
    curve: str
    band: str
    solved: str
    unsolved: str

    @property
    def style(self) -> dict[Any, Any]:
        """The settings of matplotlib for these colours."""
        surfaces = ("figure.facecolor", "axes.facecolor", "savefig.facecolor")
        inks = ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color")
        return STYLE | dict.fromkeys(surfaces, self.page) | dict.fromkeys(inks, self.ink)


LIGHT = Palette("white", "black", "0.35", "0.6", "#2166ac", "#c7d9ec", "#1b7837", "#b2182b")
DARK = Palette("#14181f", "#e6e9ef", "0.70", "0.45", "#7fb3e6", "#26405e", "#6fcf84", "#f08a8f")


@contextmanager
def drawing(
    palette: Palette, width: float, height: float, rows: int = 1, columns: int = 1, **grid: Any
) -> Iterator[tuple[Figure, Any]]:
    """Give a figure in inches and its grid of axes, drawn in the colours of a palette.

    `grid` holds further arguments of matplotlib's `subplots`.
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with mpl.rc_context(palette.style):
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(figure)
        yield figure, figure.subplots(rows, columns, **grid)


def save(figure: Figure, to: Path, formats: Sequence[str] = FORMATS) -> list[Path]:
    """Write a figure as `to`.svg and `to`.png, or some of them; return their paths.

    A link of that name is replaced, not followed: the folder may be a stranger's.

    Raises:
        OSError: a file cannot be written; what was there stays.
    """
    paths = [to.with_name(f"{to.name}.{kind}") for kind in formats]
    for path, kind in zip(paths, formats, strict=True):
        write_whole(path, drawn(figure, kind))
        # The layout is final. Computing it again takes a third of the time.
        figure.set_layout_engine("none")
    return paths


def drawn(figure: Figure, kind: str) -> bytes:
    """Return the content of a figure's file of one format: "svg", "png" or another."""
    # A date in the file would make every drawing differ.
    metadata: dict[str, Any] = {"Date": None} if kind == "svg" else {}
    content = io.BytesIO()
    figure.savefig(content, format=kind, dpi=150, metadata=metadata)
    return content.getvalue()


def check_sizes(scores: Iterable[float | None]) -> None:
    """Refuse scores that no axis can show.

    Raises:
        InputError: one of them is too large.
    """
    for score in scores:
        if score is not None and not abs(score) <= MOST:
            raise InputError(f"a figure cannot show a score of {score:g}: beyond {MOST:g}")


def thinned(dims: Sequence[int]) -> list[int]:
    """Return the rising d, thinned so that labels such as "7,720" on a log axis do not touch."""
    kept: list[int] = []
    span = max(dims) / min(dims)
    for d in dims:
        share = max(1 / MOST_TICKS, LABEL_CHARACTER * (len(f"{d:,}") + 1))
        if not kept or d >= kept[-1] * max(LEAST_GAP, span**share):
            kept.append(d)
    return kept


def round_ticks(low: float, high: float) -> list[int]:
    """Return round numbers from `low` to `high`, so few that labels on a log axis do not touch."""
    ticks: list[int] = []
    for steps in TICK_STEPS:
        numbers = [step * 10**power for power in range(DECADES) for step in steps]
        ticks = [number for number in numbers if low <= number <= high]
        if len(ticks) <= MOST_ROUND_TICKS:
            return ticks
    return ticks[:: -(-len(ticks) // MOST_ROUND_TICKS)]


def log_ticks(axes: Axes) -> None:
    """Give the log axes of a figure, once their limits are set, ticks at round whole numbers."""
    from matplotlib.ticker import FuncFormatter, NullLocator

    for axis, (low, high) in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
        if axis.get_scale() != "log":
            continue
        axis.set_ticks(round_ticks(low, high))
        axis.set_minor_locator(NullLocator())
        # Matplotlib's own labels are formulas, which the style shows as text.
        axis.set_major_formatter(FuncFormatter(lambda at, _: short(at)))


def short(number: float) -> str:
    """Return a whole number for a tick: "500", "20,000", "1 M", "2.5 M"."""
    for unit, name in ((1e9, "G"), (1e6, "M")):
        if number >= unit:
            return f"{number / unit:g} {name}"
    return f"{number:,.0f}"
