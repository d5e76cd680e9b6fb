"""Measurements of one task side by side: the agents on it, and d_int90 against the budget."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rlid.figures.style import FORMATS, LIGHT, Palette, drawing, log_ticks, save
from rlid.measurement import Summary
from rlid.records import canonical
from rlid.store import distinct_slug

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FEWEST = 2
"""Measurements that make a lineup."""
ROW_HEIGHT = 0.36
"""Inches of the row of one agent."""
MARGIN = 1.25
"""Factor from the outermost figure to the edge of a log axis."""

Kind = Literal["agents", "budgets"]


@dataclass(frozen=True)
class Span:
    """d_int90 as a figure draws it: a dot, and a bar from `low` to `high`.

    Attributes:
        low: the lower end of the interval, or of the bracket.
        high: the upper end.
        middle: d_int90; dmax where it lies above; None for a bracket, which is a bar alone.
        is_above: whether d_int90 is above dmax.
    """

    low: float
    high: float
    middle: float | None
    is_above: bool

    def draw(self, axes: Axes, at: float, palette: Palette, *, is_upright: bool) -> None:
        """Draw it at a place of the other axis; the bar stands where `is_upright`."""
        ends, mark = (self.low, self.high), "o"
        if self.is_above:
            mark = "^" if is_upright else ">"
        bar = ((at, at), ends) if is_upright else (ends, (at, at))
        axes.plot(*bar, color=palette.curve, lw=2, alpha=0.6)
        if self.middle is not None:
            dot = ([at], [self.middle]) if is_upright else ([self.middle], [at])
            axes.plot(*dot, mark, color=palette.curve, ms=6)


def span_of(summary: Summary) -> Span | None:
    """Return what a figure draws of a measurement's answer; None where it has none."""
    estimate = summary.estimate
    if estimate.bracket is not None:
        low, high = estimate.bracket
        return Span(float(low), float(high), None, False)
    middle = estimate.dmax if estimate.is_above else estimate.d_int90
    if middle is None:
        return None
    start = end = middle
    if estimate.ci_low is not None and not estimate.is_above:
        start, end = estimate.ci_low, estimate.ci_high or estimate.dmax
    return Span(float(start), float(end), float(middle), estimate.is_above)


@dataclass(frozen=True)
class Lineup:
    """Measurements of one task that differ in their agent, or in their budget alone.

    Attributes:
        kind: "agents" or "budgets".
        members: the measurements that have an answer, in the order of the figure.
    """

    kind: Kind
    members: tuple[Summary, ...]

    @property
    def title(self) -> str:
        """The lineup in one line."""
        spec = self.members[0].spec
        agent = f" · {spec.agent}" if self.kind == "budgets" else ""
        return f"{spec.task}{agent} · {spec.network} · {spec.projection}"

    def stem(self, folder: Path) -> Path:
        """Return the path of the lineup's figure in a folder, without its suffix."""
        spec = self.members[0].spec
        common = canonical(_COMMON[self.kind](self.members[0]))
        digest = hashlib.sha256(common.encode()).hexdigest()[:8]
        agent = f"{spec.agent}-" if self.kind == "budgets" else ""
        return folder / distinct_slug(f"{self.kind}-{spec.task}-{agent}{spec.network}-{digest}")

    def draw(
        self, to: Path, palette: Palette = LIGHT, formats: Sequence[str] = FORMATS
    ) -> list[Path]:
        """Draw the lineup as `to`.svg and `to`.png, or some of them; return their paths."""
        return (_draw_agents if self.kind == "agents" else _draw_budgets)(
            self, to, palette, formats
        )


def _of_agents(summary: Summary) -> dict[str, Any]:
    spec, first = summary.spec, summary.records[0]
    return {
        "task": [spec.task, spec.task_version, spec.protocol, spec.network, spec.projection],
        "rule": [first.rule or "normalised", first.baseline or "own"],
    }


def _of_budgets(summary: Summary) -> dict[str, Any]:
    spec, first = summary.spec, summary.records[0]
    excluded = {"d", "seed", "budget", "stop_score"}
    rule = [first.rule, first.baseline, spec.stop_score is None]
    return {"spec": spec.model_dump(exclude=excluded), "rule": rule}


_COMMON: dict[Kind, Callable[[Summary], dict[str, Any]]] = {
    "agents": _of_agents,
    "budgets": _of_budgets,
}


def lineups(summaries: Iterable[Summary], kind: Kind) -> list[Lineup]:
    """Return the lineups of one kind among measurements, in a fixed order."""
    of_common: dict[str, list[Summary]] = {}
    for summary in summaries:
        if span_of(summary) is not None:
            of_common.setdefault(canonical(_COMMON[kind](summary)), []).append(summary)
    made = []
    for members in of_common.values():
        ordered = sorted(members, key=lambda each: (_order(each, kind), each.path))
        distinct = {each.spec.agent if kind == "agents" else each.spec.budget for each in ordered}
        if len(distinct) >= FEWEST:
            made.append(Lineup(kind, tuple(ordered)))
    return sorted(made, key=lambda lineup: lineup.title)


def _order(summary: Summary, kind: Kind) -> tuple[float, bool]:
    if kind == "budgets":
        return summary.spec.budget, False
    span = span_of(summary)
    assert span is not None
    return span.high if span.middle is None else span.middle, span.is_above


def _draw_agents(lineup: Lineup, to: Path, palette: Palette, formats: Sequence[str]) -> list[Path]:
    members = lineup.members
    height = 1.3 + ROW_HEIGHT * len(members)
    with drawing(palette, 6.4, height) as (figure, axes):
        axes.set_title(lineup.title, fontsize=10)
        ends: list[float] = []
        for row, member in enumerate(members):
            span = span_of(member)
            if span is not None:
                span.draw(axes, row, palette, is_upright=False)
                ends += [span.low, span.high]
        axes.set_xscale("log")
        axes.set_xlim(min(ends) / MARGIN, max(ends) * MARGIN)
        log_ticks(axes)
        axes.set_yticks(range(len(members)), [_label(member, members) for member in members])
        axes.set_ylim(len(members) - 0.5, -0.5)
        axes.set_xlabel("d_int90 (bar: 95 % interval; arrow: above the largest d tried)")
        axes.grid(axis="x", color=palette.band, lw=0.6)
        return save(figure, to, formats)


def _label(member: Summary, members: Sequence[Summary]) -> str:
    """Return the agent's name, with the budget where one agent has several measurements."""
    agent = member.spec.agent
    alike = [other for other in members if other.spec.agent == agent]
    return agent if len(alike) == 1 else f"{agent}, {member.spec.budget:,} steps"


def _draw_budgets(lineup: Lineup, to: Path, palette: Palette, formats: Sequence[str]) -> list[Path]:
    budgets = [member.spec.budget for member in lineup.members]
    with drawing(palette, 6.4, 4.2) as (figure, axes):
        axes.set_title(lineup.title, fontsize=10)
        ends: list[float] = []
        for member in lineup.members:
            span = span_of(member)
            if span is not None:
                span.draw(axes, member.spec.budget, palette, is_upright=True)
                ends += [span.low, span.high]
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlim(min(budgets) / 2, max(budgets) * 2)
        axes.set_ylim(min(ends) / 2, max(ends) * 2)
        log_ticks(axes)
        axes.set_xlabel("budget of a trial, search steps")
        axes.set_ylabel("d_int90 (bars: 95 % interval)")
        axes.grid(axis="y", color=palette.band, lw=0.6)
        return save(figure, to, formats)
