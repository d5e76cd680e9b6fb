"""One task over networks of many sizes: d_int90 against D (Li et al. 2018, figure 3)."""

from __future__ import annotations

import hashlib
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rlid.figures.beside import span_of
from rlid.figures.style import FORMATS, LIGHT, Palette, drawing, log_ticks, save
from rlid.measurement import Summary, compare_summaries, value
from rlid.records import canonical
from rlid.store import distinct_slug

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLE_WIDTH = 78
"""Characters of a title's line that fit the figure."""
FEWEST = 2
"""Networks that make a family."""


@dataclass(frozen=True)
class Family:
    """Measurements that differ only in the size of their network.

    Attributes:
        members: one measurement for each network, by D.
    """

    members: tuple[Summary, ...]

    @property
    def title(self) -> str:
        """The family in one line."""
        spec = self.members[0].spec
        return f"{spec.task} · {spec.agent} · {spec.projection}"

    @property
    def answered(self) -> tuple[Summary, ...]:
        """The members whose d_int90 is a figure, and no bracket."""
        return tuple(
            member
            for member in self.members
            if member.estimate.d_int90 is not None and member.estimate.bracket is None
        )

    @property
    def sentence(self) -> str:
        """The spread of d_int90 in one line."""
        if len(self.answered) < FEWEST:
            return "fewer than two networks have an answer"
        ordered = sorted(self.answered, key=lambda member: member.estimate.d_int90 or 0)
        easiest, hardest = ordered[0], ordered[-1]
        sizes = [member.records[0].D for member in self.answered]
        return (
            f"d_int90 between {easiest.estimate.d_int90:,} and {hardest.estimate.d_int90:,} "
            f"({factor(hardest, easiest)}) for D from {min(sizes):,} to {max(sizes):,} "
            f"({digits(max(sizes) / min(sizes))} times)"
        )

    def stem(self, folder: Path) -> Path:
        """Return the path of the family's figure in a folder, without its suffix."""
        spec = self.members[0].spec
        digest = hashlib.sha256(_common(self.members[0]).encode()).hexdigest()[:8]
        return folder / distinct_slug(f"family-{spec.task}-{spec.agent}-{spec.projection}-{digest}")


def factor(hard: Summary, easy: Summary) -> str:
    """Return the ratio of two d_int90 with its 95 % interval, in words."""
    comparison = compare_summaries(hard, easy)
    low, high = comparison.ratio_low, comparison.ratio_high
    ratio = "no ratio" if comparison.ratio is None else f"{digits(comparison.ratio)} times"
    if low is None or high is None:
        return f"{ratio}, without a closed interval"
    return f"{ratio}, 95 % interval {digits(low)}-{digits(high)}"


def digits(ratio: float) -> str:
    """Return a ratio in two significant digits: "0.85", "1.0", "26", "4,400".

    A d_int90 seldom has more, so that a ratio of two, or of D and one, has no more either.
    """
    if ratio < 1.0:
        return f"{ratio:.2g}"
    return f"{ratio:.1f}" if ratio < 9.95 else f"{float(f'{ratio:.2g}'):,.0f}"


def families(summaries: Iterable[Summary]) -> list[Family]:
    """Return the families among measurements, in a fixed order.

    The threshold may differ, because direct training reaches another score with another network.
    Of two measurements of one network, the one with more trials counts.
    """
    groups: dict[str, dict[str, Summary]] = {}
    for summary in summaries:
        group = groups.setdefault(_common(summary), {})
        held = group.get(summary.spec.network)
        if held is None or len(summary.records) > len(held.records):
            group[summary.spec.network] = summary
    made = [
        Family(
            tuple(sorted(group.values(), key=lambda member: (member.records[0].D, member.title)))
        )
        for _, group in sorted(groups.items())
        if len(group) >= FEWEST
    ]
    return sorted(made, key=lambda family: family.title)


def _common(summary: Summary) -> str:
    """Return what the members of a family share, as canonical JSON."""
    first = summary.records[0]
    spec = first.spec.model_dump(exclude={"d", "seed", "network", "stop_score"})
    is_full = first.spec.stop_score is None
    # Convolutional networks and plain ones are never in one family.
    kind = first.spec.network.partition("+")[0].partition(":")[0].replace("linear", "mlp")
    shared = {"spec": spec, "kind": kind, "full": is_full}
    return canonical({**shared, "rule": first.rule, "baseline": first.baseline})


def draw(
    family: Family, to: Path, palette: Palette = LIGHT, formats: Sequence[str] = FORMATS
) -> list[Path]:
    """Draw a family as `to`.svg and `to`.png, or some of them; return their paths."""
    with drawing(palette, 6.4, 4.4) as (figure, axes):
        title = textwrap.fill(family.sentence, TITLE_WIDTH)
        figure.suptitle(f"{family.title}\n{title}", fontsize=10)
        _draw_members(axes, family.members, palette)
        axes.set_xlabel("weights of the network, D")
        axes.set_ylabel("d_int90 (bars: 95 % interval)")
        return save(figure, to, formats)


def _draw_members(axes: Axes, members: Sequence[Summary], palette: Palette) -> None:
    """Draw the answer of each network.

    A dot is d_int90, a bar its interval, with a small triangle on a bar that is open above. A
    bracket is a bar alone, and a triangle stands at dmax where d_int90 is above it.
    """
    axes.set_xscale("log")
    axes.set_yscale("log")
    heights: list[float] = []
    for index, member in enumerate(members):
        estimate, size = member.estimate, member.records[0].D
        span = span_of(member)
        if span is None:
            continue
        span.draw(axes, size, palette, is_upright=True)
        if estimate.ci_low is not None and estimate.ci_high is None and not estimate.is_above:
            axes.plot([size], [span.high], "^", color=palette.curve, ms=4, alpha=0.6)
        network = member.spec.network
        axes.annotate(
            f"{network}, {value(estimate)}" if estimate.is_above else network,
            # Names stand by turns above and below, since they are longer than the gap between two.
            (size, span.low if index % 2 else span.high),
            xytext=(0, -6 if index % 2 else 6),
            textcoords="offset points",
            ha="center",
            va="top" if index % 2 else "bottom",
            fontsize=7,
            color=palette.quiet,
        )
        heights += [span.low, span.high]
    _scale(axes, [member.records[0].D for member in members], heights or [1.0], palette)


def _scale(axes: Axes, sizes: Sequence[int], heights: Sequence[float], palette: Palette) -> None:
    """Show at least a decade of d, so that a small spread looks small."""
    middle = (min(heights) * max(heights)) ** 0.5
    axes.set_xlim(min(sizes) / 2, max(sizes) * 2)
    axes.set_ylim(min(min(heights) / 1.4, middle / 4), max(max(heights) * 1.6, middle * 4))
    log_ticks(axes)
    axes.grid(axis="y", color=palette.band, lw=0.6)
