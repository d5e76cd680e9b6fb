"""Learning curves of a measurement's trials in one figure."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from rlid.figures.plots import PANEL, STYLE, thinned
from rlid.records import Record

COLOURS = "viridis"
THRESHOLD = "0.35"


def draw(records: Sequence[Record], to: Path) -> Path | None:
    """Draw validation scores against steps as an SVG; return its path, or None without curves."""
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import LogNorm
    from matplotlib.figure import Figure
    from matplotlib.ticker import EngFormatter

    with_curves = [record for record in records if record.curve]
    if not with_curves:
        return None
    dims = sorted({record.spec.d for record in with_curves})
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=PANEL, layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots()
        colours = ScalarMappable(LogNorm(dims[0], max(dims[-1], dims[0] + 1)), COLOURS)
        for record in with_curves:
            steps, scores = zip(*record.curve, strict=True)
            colour = colours.to_rgba(np.asarray(record.spec.d))
            # A trial that is solved at its first look has one point, which a line would not show.
            mark = "-" if len(steps) > 1 else "."
            axes.plot(steps, scores, mark, color=colour, lw=0.9, ms=4, alpha=0.8)
        threshold = records[0].threshold
        if threshold is not None:
            axes.axhline(threshold, color=THRESHOLD, lw=1, ls="--", label="threshold")
            axes.legend(loc="lower right", frameon=False, fontsize=8)
        bar = figure.colorbar(
            colours, ax=axes, label="subspace dimension d", ticks=thinned(dims), format="%g"
        )
        bar.minorticks_off()
        axes.xaxis.set_major_formatter(EngFormatter(sep=""))
        axes.set_xlabel("search steps")
        axes.set_ylabel("validation score")
        to.parent.mkdir(parents=True, exist_ok=True)
        # A date in the file would make every drawing differ.
        figure.savefig(to, metadata={"Date": None})
    return to
