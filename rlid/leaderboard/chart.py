"""The chart of the leaderboard's page: one row for each task, on a logarithmic axis of d."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from rlid.leaderboard import paper
from rlid.leaderboard.row import LeaderboardRow

MARGIN = 1.25
"""Factor by which the axis reaches beyond the values on it."""
TICKS = (1, 2, 5)
"""Ticks of a decade; those that are no power of ten are labelled where there is room."""
MOST_NAMED = 9
"""Ticks up to which all of them are labelled."""


@dataclass(frozen=True)
class Mark:
    """A measurement on the chart; positions are in percent of the chart's width.

    Attributes:
        row: the measurement.
        at: position of d_int90; None for a bracket and above dmax.
        low: lower end of the bar: of the 95 % interval, or of the bracket; None without a bar.
        high: upper end of the bar.
        is_open_above: whether the bar has no upper end.
        is_open_below: whether the bar has no lower end, since no smaller d was open.
    """

    row: LeaderboardRow
    at: float | None
    low: float | None
    high: float | None
    is_open_above: bool
    is_open_below: bool


@dataclass(frozen=True)
class Elsewhere:
    """A figure that was published elsewhere for a network of the task; `at` is in percent."""

    network: str
    figure: str
    at: float


@dataclass(frozen=True)
class TaskRow:
    """One row of the chart.

    Attributes:
        task: name of the task.
        kind: "rl", "supervised" or "synthetic".
        marks: its measurements; the first one is drawn large.
        elsewhere: figures published elsewhere.
    """

    task: str
    kind: str
    marks: tuple[Mark, ...]
    elsewhere: tuple[Elsewhere, ...]


@dataclass(frozen=True)
class Tick:
    """A tick of the axis; `at` is in percent of the chart's width."""

    value: int
    at: float
    is_labelled: bool


@dataclass(frozen=True)
class Chart:
    """The chart: ticks of its axis and one row for each task, the easiest task first."""

    ticks: tuple[Tick, ...]
    rows: tuple[TaskRow, ...]


def chart(rows: Sequence[LeaderboardRow]) -> Chart:
    """Return the chart of all rows that have an answer.

    In the row of a task the smallest d_int90 among its full measurements comes first; without a
    full one, the smallest of all. Those with the task's own network and the usual projection go
    before all others: the smallest of many networks would be too small by chance.

    Args:
        rows: rows of the leaderboard, in the order of the table.
    """
    answered = [row for row in rows if row.answer]
    values = [value for row in answered for value in ends(row) if value]
    if not values:
        return Chart((), ())
    tasks = list(dict.fromkeys(row.task for row in answered))
    published = {task: paper.published_figures(task) for task in tasks}
    values += [int(figure.figure) for figures in published.values() for figure in figures]
    first, last = math.log(min(values) / MARGIN), math.log(max(values) * MARGIN)

    def position(value: float) -> float:
        share = (math.log(value) - first) / (last - first)
        return round(100 * min(1.0, max(0.0, share)), 2)

    made = []
    for task in tasks:
        ordered = sorted((row for row in answered if row.task == task), key=_order)
        marks = tuple(_mark(row, position) for row in ordered)
        elsewhere = tuple(
            Elsewhere(figure.network, f"{int(figure.figure):,}", position(int(figure.figure)))
            for figure in published[task]
        )
        made.append(TaskRow(task, ordered[0].kind, marks, elsewhere))
    made.sort(key=lambda task_row: _hardness(task_row.marks[0].row))
    return Chart(_ticks(first, last, position), tuple(made))


def without_answer(rows: Sequence[LeaderboardRow]) -> list[LeaderboardRow]:
    """Return the measurements from which no answer follows."""
    return [row for row in rows if row.is_measured and not row.answer]


def not_measured(rows: Sequence[LeaderboardRow]) -> list[LeaderboardRow]:
    """Return what was published elsewhere and has no measurement here."""
    return [row for row in rows if not row.is_measured]


def ends(row: LeaderboardRow) -> tuple[int | None, int | None, int | None]:
    """Return d_int90 (or dmax where it lies above that), and the ends of its bar."""
    if row.is_bracket:
        return None, row.bracket_low, row.bracket_high
    return row.d_int90 or row.dmax, row.ci_low, row.ci_high


def _order(row: LeaderboardRow) -> tuple[Any, ...]:
    """Return the sort key of a measurement among those of its task."""
    is_provisional = row.status != "full"
    names = row.agent, row.network
    is_other = not row.is_compared, not row.is_own_problem, bool(row.settings)
    return *is_other, is_provisional, _hardness(row), *names


def _hardness(row: LeaderboardRow) -> tuple[int, float]:
    """Return what measurements are ordered by: figures and brackets by d, then those above dmax."""
    middle, low, high = ends(row)
    if row.is_above:
        return 1, float(row.dmax or 0)
    return 0, float(middle) if middle is not None else math.sqrt((low or 1) * (high or 1))


def _mark(row: LeaderboardRow, position: Callable[[float], float]) -> Mark:
    middle, low, high = ends(row)
    is_open_above = not row.is_bracket and (row.is_above or (low is not None and high is None))
    is_open_below = (row.is_least or row.is_open_below) and not row.is_bracket
    lower_end = None if low is None else position(low)
    if row.is_above and row.dmax is not None:
        lower_end = position(min(low or row.dmax, row.dmax))
    return Mark(
        row=row,
        at=None if row.is_above or middle is None else position(middle),
        low=0.0 if is_open_below else lower_end,
        high=100.0 if is_open_above else None if high is None else position(high),
        is_open_above=is_open_above,
        is_open_below=is_open_below,
    )


def _ticks(first: float, last: float, position: Callable[[float], float]) -> tuple[Tick, ...]:
    """Return the ticks between two logarithms."""
    powers = range(math.floor(first / math.log(10)), math.floor(last / math.log(10)) + 1)
    values = [part * 10**power for power in powers if power >= 0 for part in TICKS]
    values = [value for value in values if first <= math.log(value) <= last]
    is_roomy = len(values) <= MOST_NAMED
    powers_of_ten = {10**power for power in powers if power >= 0}
    return tuple(
        Tick(value, position(value), is_roomy or value in powers_of_ten) for value in values
    )
