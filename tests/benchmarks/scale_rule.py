"""Shows the effect of the sqrt(D/d) rule: success on CartPole against d, with and without it.

python tests/benchmarks/scale_rule.py [--store scale-rule] [--seeds 10] [--jobs 2]
                                      [--to results/cartpole/scale-rule]

Runs PPO with lr = 1e-3 at several d, with equal budgets and seeds. The learning rate of z is
lr * sqrt(D/d) with the rule and lr without it (`--set scale=none`). Stored trials are re-used.
It writes one line for each d, and d_int90 with its interval, into a CSV file beside the figure.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import rlid
from rlid.figures.style import LIGHT, STYLE, save
from rlid.measurement.measure import Measurement

TASK, AGENT = "cartpole", "batched_ppo"
DIMS = (4, 8, 16, 32, 64, 128, 256)
BUDGET = 30_000
"""Steps of a trial, enough for direct training by PPO (where both rules are the same)."""
LINES = {"sqrt": ("lr of z = lr sqrt(D/d)", LIGHT.curve), "none": ("lr of z = lr", LIGHT.unsolved)}


def draw(measurements: dict[str, Measurement], to: Path) -> list[Path]:
    """Draw the share of seeds that succeed against d, one line for each rule."""
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import NullLocator

    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(6.4, 3.8), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots()
        for scale, (label, color) in LINES.items():
            points = measurements[scale].estimate.curve
            shares = [point.successes / point.n for point in points]
            axes.plot([point.d for point in points], shares, "o-", color=color, label=label)
        axes.set_xscale("log")
        axes.set_xticks(DIMS, [str(d) for d in DIMS])
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_ylim(-0.03, 1.03)
        axes.set_xlabel("subspace dimension d")
        first = measurements["sqrt"].records[0]
        seeds = len({record.spec.seed for record in measurements["sqrt"].records})
        axes.set_ylabel(f"share of {seeds} seeds that succeed")
        axes.set_title(
            f"{TASK} · {AGENT} · {first.spec.network} (D = {first.D}) · {BUDGET:,} steps",
            fontsize=10,
        )
        axes.legend(frameon=False)
        return save(figure, to, ("svg",))


def write(measurements: dict[str, Measurement], to: Path) -> Path:
    """Write what each d reached under each rule, and the answers, as CSV; an open end is empty."""
    with to.open("w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(("scale", "d", "solved", "trials", "d_int90", "ci_low", "ci_high"))
        for scale, measurement in measurements.items():
            estimate = measurement.estimate
            answer = (estimate.d_int90, estimate.ci_low, estimate.ci_high)
            for point in estimate.curve:
                table.writerow((scale, point.d, point.successes, point.n, *answer))
    return to


def main() -> None:
    """Run both grids, print their curves and draw them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--store", type=Path, default=Path("scale-rule"))
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--jobs", type=int)
    parser.add_argument("--timeout", type=float, help="as in rlid run: more on a busy machine")
    parser.add_argument("--to", type=Path, default=Path("results/cartpole/scale-rule"))
    arguments = parser.parse_args()
    measurements = {}
    for scale in LINES:
        measurements[scale] = rlid.measure(
            TASK,
            agent=AGENT,
            dims=DIMS,
            search="grid",
            seeds=arguments.seeds,
            budget=BUDGET,
            settings=[f"scale={scale}"],
            jobs=arguments.jobs,
            store=arguments.store,
            timeout=arguments.timeout,
        )
    print(write(measurements, arguments.to.with_suffix(".csv")).read_text())
    print(*draw(measurements, arguments.to))


if __name__ == "__main__":
    main()
