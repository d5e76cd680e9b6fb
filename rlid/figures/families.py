"""One task over networks of many sizes: d_int90 against D (Li et al. 2018, figure 3)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rlid.figures.plots import BAND, CURVE, STYLE, save
from rlid.measurement import Summary
from rlid.records import canonical
from rlid.store import slug

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DECADES = 10
FEWEST = 2
"""Networks that make a family."""


@dataclass(frozen=True)
class Family:
    """Measurements that differ in the size of their network alone, by D; each stands once."""

    members: tuple[Summary, ...]

    @property
    def title(self) -> str:
        """The family in one line."""
        spec = self.members[0].spec
        return f"{spec.task} · {spec.agent} · {spec.projection}"

    @property
    def answered(self) -> tuple[Summary, ...]:
        """The members whose d_int90 is known."""
        return tuple(item for item in self.members if item.estimate.d_int90 is not None)

    @property
    def sentence(self) -> str:
        """The spread of d_int90 in one line."""
        answers = [item.estimate.d_int90 or 0 for item in self.answered]
        if len(answers) < FEWEST:
            return "fewer than two networks have an answer"
        sizes = [item.records[0].D for item in self.answered]
        return (
            f"d_int90 from {min(answers)} to {max(answers)} "
            f"({max(answers) / min(answers):.3g} times) while D grows from {min(sizes)} to "
            f"{max(sizes)} ({max(sizes) / min(sizes):.3g} times)"
        )

    def stem(self, folder: Path) -> Path:
        """Return where in a folder its figure stands, without its ending."""
        spec = self.members[0].spec
        digest = hashlib.sha256(_common(self.members[0]).encode()).hexdigest()[:8]
        return folder / slug(f"family-{spec.task}-{spec.agent}-{spec.projection}-{digest}")


def families(found: Iterable[Summary]) -> list[Family]:
    """Return the families among measurements, in a fixed order.

    The threshold may differ: direct training reaches another score with another network. Of two
    measurements of one network, the one with more trials counts.
    """
    groups: dict[str, dict[str, Summary]] = {}
    for item in found:
        group = groups.setdefault(_common(item), {})
        held = group.get(item.spec.network)
        if held is None or len(item.records) > len(held.records):
            group[item.spec.network] = item
    made = [
        Family(tuple(sorted(group.values(), key=lambda item: (item.records[0].D, item.title))))
        for _, group in sorted(groups.items())
        if len(group) >= FEWEST
    ]
    return sorted(made, key=lambda family: family.title)


def _common(item: Summary) -> str:
    """Return what the members of a family share, as canonical JSON."""
    first = item.records[0]
    spec = first.spec.model_dump(exclude={"d", "seed", "network", "stop_score"})
    is_whole = first.spec.stop_score is None
    # A convolutional network is no member of a family of plain ones, whatever its size.
    kind = first.spec.network.partition("+")[0].partition(":")[0].replace("linear", "mlp")
    shared = {"spec": spec, "kind": kind, "full": is_whole}
    return canonical({**shared, "rule": first.rule, "baseline": first.baseline})


def draw(family: Family, to: Path) -> list[Path]:
    """Draw a family as `to`.svg and `to`.png; return their paths."""
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(6.4, 4.4), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots()
        figure.suptitle(f"{family.title}\n{family.sentence}", fontsize=10)
        _draw_members(axes, family.members)
        axes.set_xlabel("weights of the network, D")
        axes.set_ylabel("d_int90 (bars: 95 % interval)")
        return save(figure, to)


def _draw_members(axes: Axes, members: Sequence[Summary]) -> None:
    """Draw each network's answer; one that is above dmax as a triangle."""
    axes.set_xscale("log")
    axes.set_yscale("log")
    heights: list[float] = []
    for at, item in enumerate(members):
        found, size = item.estimate, item.records[0].D
        middle = found.dmax if found.censored else found.d_int90
        if middle is None:
            continue
        low = high = middle
        if found.ci_low is not None and not found.censored:
            low, high = found.ci_low, found.ci_high or found.dmax
        axes.plot([size, size], [low, high], color=CURVE, lw=1.2, alpha=0.6)
        axes.plot([size], [middle], "^" if found.censored else "o", color=CURVE, ms=6)
        axes.annotate(
            f"{item.spec.network}, > {found.dmax}" if found.censored else item.spec.network,
            # By turns above and below, since neighbours' names are longer than the gap.
            (size, low if at % 2 else high),
            xytext=(0, -6 if at % 2 else 6),
            textcoords="offset points",
            ha="center",
            va="top" if at % 2 else "bottom",
            fontsize=7,
            color="0.35",
        )
        heights += [low, high]
    _scale(axes, [item.records[0].D for item in members], heights or [1.0])


def _scale(axes: Axes, sizes: Sequence[int], heights: Sequence[float]) -> None:
    """Show at least a decade of d, so that a small spread looks small."""
    from matplotlib.ticker import NullLocator, StrMethodFormatter

    middle = (min(heights) * max(heights)) ** 0.5
    axes.set_xlim(min(sizes) / 2, max(sizes) * 2)
    axes.set_ylim(min(min(heights) / 1.4, middle / 4), max(max(heights) * 1.6, middle * 4))
    for axis, (low, high), steps in (
        (axes.xaxis, axes.get_xlim(), (1,)),
        (axes.yaxis, axes.get_ylim(), (1, 2, 5)),
    ):
        axis.set_ticks([at for at in _round_numbers(steps) if low <= at <= high])
        axis.set_minor_locator(NullLocator())
        # Matplotlib's own labels are formulas, which the style shows as text.
        axis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.grid(axis="y", color=BAND, lw=0.6)


def _round_numbers(steps: Sequence[int]) -> list[int]:
    """Return the steps times every power of ten that weights may be counted in."""
    return [step * 10**power for power in range(DECADES) for step in steps]
