"""Shows the learning curves of long trials in a store, finished or still running.

python tests/benchmarks/learning.py pong --store rlid-store --dims 3000,10000 --to results/pong/ppo

`rlid reference pong` runs direct training, `rlid run pong` the trials in subspaces. This script
reads their validation scores so far, writes them to TO.csv, draws them as TO.svg, and prints one
line for each trial. It trains nothing.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from rlid.figures.plots import PANEL
from rlid.figures.style import STYLE, save
from rlid.measurement.plan import Plan, plan
from rlid.measurement.reference import judge
from rlid.records.spec import REFERENCE_SEED, TrialSpec
from rlid.records.state import State, decode
from rlid.store import references
from rlid.store.store import Store
from rlid.training.checkpoint import Checkpoints


@dataclass(frozen=True)
class LearningCurve:
    """One trial: its (steps, validation score) so far, and its status, or "under way"."""

    label: str
    seed: int
    status: str
    curve: list[tuple[int, float]]
    steps: int
    seconds: float
    score: float | None


def load_curve(store: Store, spec: TrialSpec, label: str) -> LearningCurve | None:
    """Return the learning curve of a trial in a store, or None where it has not begun."""
    record = store.get(spec)
    if record is not None:
        return LearningCurve(
            label, spec.seed, record.status, list(record.curve), record.search_steps,
            record.seconds, record.score,
        )  # fmt: skip
    # Read directly: `Checkpoints.load` would set aside a file that a newer version still writes.
    path = Checkpoints(store).path(spec)
    if not path.exists():
        return None
    saved = decode(path.read_bytes())
    plain = State(saved.plain["state"], saved.arrays).part("course").plain
    curve = [(steps, mean) for steps, mean in plain["curve"]]
    return LearningCurve(
        label, spec.seed, "under way", curve, plain["search_steps"], plain["seconds"], None
    )


def specs(planned: Plan, seeds: int, store: Path) -> Iterator[tuple[str, TrialSpec]]:
    """Yield (label, spec) of direct training with the given settings, then of all (d, seed)."""
    task, D = planned.task, planned.network.D
    first = range(REFERENCE_SEED, REFERENCE_SEED + seeds)
    direct = replace(planned.direct(planned.agent_name, first), agent=planned.agent)
    for seed in first:
        yield "direct", direct.spec(D, seed, task.ceiling)
    stop: float | None = None
    if not planned.is_full:
        reference = references.find(
            store, task.name, task.version, task.protocol(), planned.network.architecture.name
        )
        if reference is None:
            return
        stop = judge(planned, reference, planned.question.baseline).threshold
    for d in planned.dims:
        for seed in planned.seeds:
            yield f"d = {d:,}", planned.spec(d, seed, stop)


def write(curves: list[LearningCurve], title: str, floor: float | None, to: Path) -> None:
    """Write the validation scores as `to`.csv, and draw them as `to`.svg."""
    to.parent.mkdir(parents=True, exist_ok=True)
    with to.with_suffix(".csv").open("w", newline="") as out:
        rows = csv.writer(out, lineterminator="\n")
        rows.writerow(["trial", "seed", "status", "search_steps", "validation_score"])
        for trial in curves:
            rows.writerows([trial.label, trial.seed, trial.status, *point] for point in trial.curve)
    draw(curves, title, floor, to)


def draw(curves: list[LearningCurve], title: str, floor: float | None, to: Path) -> None:
    """Draw validation scores against steps."""
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import EngFormatter

    with mpl.rc_context(STYLE):
        figure = Figure(figsize=PANEL, layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots()
        for trial in curves:
            label = f"{trial.label}, {trial.status}"
            axes.plot(*zip(*trial.curve, strict=True), ".-", lw=1, ms=4, label=label)
        if floor is not None:
            axes.axhline(floor, color="0.35", lw=1, ls="--", label=f"floor {floor:g}")
        axes.xaxis.set_major_formatter(EngFormatter(sep=""))
        axes.set_xlabel("search steps")
        axes.set_ylabel("validation score")
        axes.set_title(title, fontsize=10)
        # Outside the axes, since the curves may lie anywhere in them.
        figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=8)
        save(figure, to, ("svg",))


def main() -> None:
    """Read the curves; print, write and draw them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("task")
    parser.add_argument("--agent")
    parser.add_argument("--budget", type=int)
    parser.add_argument("--dims", default="1", help="with commas")
    parser.add_argument("--store", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--set", action="append", help="a setting of the agent, NAME=VALUE")
    parser.add_argument("--full", action="store_true", help="trials without early stop")
    parser.add_argument(
        "--to", type=Path, required=True, help="path of both files without a suffix"
    )
    arguments = parser.parse_args()
    dims = [int(d) for d in arguments.dims.split(",")]
    planned = plan(
        arguments.task, agent=arguments.agent, budget=arguments.budget, dims=dims,
        seeds=arguments.seeds, full=arguments.full, settings=arguments.set or [],
    )  # fmt: skip
    store = Store(arguments.store)
    pairs = specs(planned, arguments.seeds, arguments.store)
    loaded = [load_curve(store, spec, label) for label, spec in pairs]
    curves = [trial for trial in loaded if trial is not None and trial.curve]
    if not curves:
        raise SystemExit(f"no trial of {arguments.task} in {arguments.store}")
    for trial in curves:
        scored = "" if trial.score is None else f", score {trial.score:g} on fresh episodes"
        print(
            f"{trial.label}, seed {trial.seed}: {trial.status} after {trial.steps:,} of "
            f"{planned.task.budget:,} steps and {trial.seconds / 3600:.2f} hours; best "
            f"validation score {max(mean for _, mean in trial.curve):g}{scored}"
        )
    title = f"{arguments.task} · {planned.agent_name} · {planned.network.architecture.name}"
    write(curves, title, planned.task.floor, arguments.to)


if __name__ == "__main__":
    main()
