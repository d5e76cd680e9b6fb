"""How far direct training has come in a store: ended trials, and those under way.

python tests/benchmarks/direct.py pong --store rlid-store --seeds 1 --to results/pong/ppo-direct

`rlid reference pong --seeds 1` trains; this draws and writes the validation scores that the trials
have had so far, as TO.svg and TO.csv, and prints one line for each. Nothing is measured by it.
"""

from __future__ import annotations

import argparse
import csv
from dataclasses import dataclass
from pathlib import Path

from rlid.checkpoint import Checkpoints
from rlid.plan import plan
from rlid.plots import CURVE, PANEL, STYLE, save
from rlid.record import REFERENCE_SEED, Spec
from rlid.state import State, decode
from rlid.store import Store


@dataclass(frozen=True)
class Course:
    """One trial: (steps, validation score) so far, and how it ended, or "under way"."""

    seed: int
    status: str
    curve: list[tuple[int, float]]
    steps: int
    seconds: float
    score: float | None


def course(store: Store, spec: Spec) -> Course | None:
    """Return what a store knows of a trial, or None."""
    record = store.get(spec)
    if record is not None:
        return Course(
            spec.seed, record.status, list(record.curve), record.search_steps, record.seconds,
            record.score,
        )  # fmt: skip
    # Read as a file: `load` would set aside what another version of a library is still writing.
    path = Checkpoints(store).path(spec)
    if not path.exists():
        return None
    saved = decode(path.read_bytes())
    plain = State(saved.plain["state"], saved.arrays).part("course").plain
    curve = [(steps, mean) for steps, mean in plain["curve"]]
    return Course(spec.seed, "under way", curve, plain["search_steps"], plain["seconds"], None)


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
            label = f"seed {one.seed - REFERENCE_SEED}, {one.status}"
            axes.plot(*zip(*one.curve, strict=True), ".-", color=CURVE, lw=1, ms=4, label=label)
        if floor is not None:
            axes.axhline(floor, color="0.35", lw=1, ls="--", label=f"floor {floor:g}")
        axes.xaxis.set_major_formatter(EngFormatter(sep=""))
        axes.set_xlabel("search steps")
        axes.set_ylabel("validation score")
        axes.set_title(title, fontsize=10)
        axes.legend(frameon=False, fontsize=8)
        save(figure, to, ("svg",))


def main() -> None:
    """Look, print, draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("task")
    parser.add_argument("--agent")
    parser.add_argument("--budget", type=int)
    parser.add_argument("--store", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--to", type=Path, required=True, help="path without an ending")
    given = parser.parse_args()
    wanted = plan(given.task, agent=given.agent, budget=given.budget, projection="identity")
    seeds = range(REFERENCE_SEED, REFERENCE_SEED + given.seeds)
    direct = wanted.direct(wanted.agent_name, seeds)
    # As `rlid reference` runs them: a perfect policy is trained no further.
    specs = [direct.spec(direct.network.D, seed, direct.task.ceiling) for seed in seeds]
    courses = [one for spec in specs if (one := course(Store(given.store), spec)) and one.curve]
    if not courses:
        raise SystemExit(f"no direct training of {given.task} in {given.store}")
    given.to.parent.mkdir(parents=True, exist_ok=True)
    with given.to.with_suffix(".csv").open("w", newline="") as out:
        rows = csv.writer(out, lineterminator="\n")
        rows.writerow(["seed", "status", "search_steps", "validation_score"])
        for one in courses:
            rows.writerows([one.seed, one.status, steps, mean] for steps, mean in one.curve)
            scored = "" if one.score is None else f", score {one.score:g} on fresh episodes"
            print(
                f"seed {one.seed}: {one.status} after {one.steps:,} of "
                f"{direct.task.budget:,} steps and {one.seconds / 3600:.2f} hours; best validation "
                f"score {max(mean for _, mean in one.curve):g}{scored}"
            )
    title = f"{given.task} · {direct.agent_name} · {direct.network.architecture.name}, direct"
    draw(courses, title, direct.task.floor, given.to)


if __name__ == "__main__":
    main()
