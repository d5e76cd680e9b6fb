"""How far long trials have come in a store: those that ended, and those under way.

python tests/benchmarks/learning.py pong --store rlid-store --dims 3000,10000 --to results/pong/ppo

Direct training comes from `rlid reference pong`, the trials in subspaces from `rlid run pong`. This
draws and writes the validation scores that they have had so far, as TO.svg and TO.csv, and prints
one line for each. Nothing is measured by it.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from rlid.figures.plots import PANEL, STYLE, save
from rlid.measurement.plan import Plan, plan
from rlid.measurement.reference import judge
from rlid.records.spec import REFERENCE_SEED, TrialSpec
from rlid.records.state import State, decode
from rlid.store import references
from rlid.store.store import Store
from rlid.training.checkpoint import Checkpoints


@dataclass(frozen=True)
class Course:
    """One trial: (steps, validation score) so far, and how it ended, or "under way"."""

    label: str
    seed: int
    status: str
    curve: list[tuple[int, float]]
    steps: int
    seconds: float
    score: float | None


def course(store: Store, spec: TrialSpec, label: str) -> Course | None:
    """Return what a store knows of a trial, or None."""
    record = store.get(spec)
    if record is not None:
        return Course(
            label, spec.seed, record.status, list(record.curve), record.search_steps,
            record.seconds, record.score,
        )  # fmt: skip
    # Read as a file: `load` would set aside what another version of a library is still writing.
    path = Checkpoints(store).path(spec)
    if not path.exists():
        return None
    saved = decode(path.read_bytes())
    plain = State(saved.plain["state"], saved.arrays).part("course").plain
    curve = [(steps, mean) for steps, mean in plain["curve"]]
    return Course(
        label, spec.seed, "under way", curve, plain["search_steps"], plain["seconds"], None
    )


def specs(wanted: Plan, seeds: int, store: Path) -> Iterator[tuple[str, TrialSpec]]:
    """Yield direct training by the agent as it is set here, then the trials of a grid."""
    task, D = wanted.task, wanted.network.D  # noqa: N806
    first = range(REFERENCE_SEED, REFERENCE_SEED + seeds)
    direct = replace(wanted.direct(wanted.agent_name, first), agent=wanted.agent)
    for seed in first:
        yield "direct", direct.spec(D, seed, task.ceiling)
    stop: float | None = None
    if not wanted.is_full:
        found = references.find(
            store, task.name, task.version, task.protocol(), wanted.network.architecture.name
        )
        if found is None:
            return
        stop = judge(wanted, found, wanted.question.baseline).threshold
    for d in wanted.dims:
        for seed in wanted.seeds:
            yield f"d = {d:,}", wanted.spec(d, seed, stop)


def write(courses: list[Course], title: str, floor: float | None, to: Path) -> None:
    """Write the validation scores as `to`.csv, and draw them as `to`.svg."""
    to.parent.mkdir(parents=True, exist_ok=True)
    with to.with_suffix(".csv").open("w", newline="") as out:
        rows = csv.writer(out, lineterminator="\n")
        rows.writerow(["trial", "seed", "status", "search_steps", "validation_score"])
        for one in courses:
            rows.writerows([one.label, one.seed, one.status, *point] for point in one.curve)
    draw(courses, title, floor, to)


def draw(courses: list[Course], title: str, floor: float | None, to: Path) -> None:
    """Draw validation scores against steps."""
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import EngFormatter

    with mpl.rc_context(STYLE):
        figure = Figure(figsize=PANEL, layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots()
        for one in courses:
            label = f"{one.label}, {one.status}"
            axes.plot(*zip(*one.curve, strict=True), ".-", lw=1, ms=4, label=label)
        if floor is not None:
            axes.axhline(floor, color="0.35", lw=1, ls="--", label=f"floor {floor:g}")
        axes.xaxis.set_major_formatter(EngFormatter(sep=""))
        axes.set_xlabel("search steps")
        axes.set_ylabel("validation score")
        axes.set_title(title, fontsize=10)
        # Beside the curves: they may be anywhere between the floor and the bottom.
        figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=8)
        save(figure, to, ("svg",))


def main() -> None:
    """Look, print, draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("task")
    parser.add_argument("--agent")
    parser.add_argument("--budget", type=int)
    parser.add_argument("--dims", default="1", help="with commas")
    parser.add_argument("--store", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--set", action="append", help="a setting of the agent, NAME=VALUE")
    parser.add_argument("--full", action="store_true", help="trials without early stop")
    parser.add_argument("--to", type=Path, required=True, help="path without an ending")
    given = parser.parse_args()
    dims = [int(d) for d in given.dims.split(",")]
    wanted = plan(
        given.task, agent=given.agent, budget=given.budget, dims=dims, seeds=given.seeds,
        full=given.full, settings=given.set or [],
    )  # fmt: skip
    store = Store(given.store)
    found = [course(store, spec, label) for label, spec in specs(wanted, given.seeds, given.store)]
    courses = [one for one in found if one is not None and one.curve]
    if not courses:
        raise SystemExit(f"no trial of {given.task} in {given.store}")
    for one in courses:
        scored = "" if one.score is None else f", score {one.score:g} on fresh episodes"
        print(
            f"{one.label}, seed {one.seed}: {one.status} after {one.steps:,} of "
            f"{wanted.task.budget:,} steps and {one.seconds / 3600:.2f} hours; best "
            f"validation score {max(mean for _, mean in one.curve):g}{scored}"
        )
    title = f"{given.task} · {wanted.agent_name} · {wanted.network.architecture.name}"
    write(courses, title, wanted.task.floor, given.to)


if __name__ == "__main__":
    main()
