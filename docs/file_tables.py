"""Tables of the documents from files that are no published measurements: references, curves."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from pathlib import Path

from published_answers import ROOT, as_text

RECIPES = {
    "ppo-600000": "lr 2.5e-4, clip 0.1, constant rate, advantages by minibatch, float32",
    "ppo-600000-30000": "the same",
    "ppo-1000000": "the same, 1,000,000 steps",
    "ppo-2000000": "the same, 2,000,000 steps",
    "ppo-800000-annealed": "the same with a falling rate",
    "ppo-1000000-rollout": "a falling rate, and advantages over the whole round",
    "ppo-1000000-annealed": "a falling rate, and a clip range of 0.1 alone",
}
"""What the recipes of Pong that were tried before the present one differ by, by file."""


def table(head: Iterable[str], lines: Iterable[Iterable[str]]) -> str:
    """Return a table of Markdown with a head and lines of cells."""
    head = tuple(head)
    rows = [head, ("---",) * len(head), *lines]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in rows)


def references() -> str:
    """Return the references that are part of rlid, one line for each task and network."""
    lines = []
    for path in sorted((ROOT / "rlid" / "references").glob("*/*.json")):
        record = json.loads(path.read_text())
        if not record["direct"]:
            continue
        (best,) = [row for row in record["direct"] if row["agent"] == record["agent"]]
        lines.append((
            str(record["task"]).replace("_", "\\_"), f"`{record['network']}`",
            f"`{record['agent']}`", as_text(best["budget"]), str(len(best["trials"])),
            as_text(record["random"]), as_text(record["reference"]),
        ))  # fmt: skip
    head = ("task", "network", "agent", "steps", "seeds", "random", "reference")
    return table(head, lines)


def recipes() -> str:
    """Return what each earlier recipe of Pong reached, from the curves of its validations."""
    lines = []
    for name, difference in RECIPES.items():
        for trial, curve in _curves(ROOT / "results" / "pong" / f"{name}.csv").items():
            best = max(float(point["validation_score"]) for point in curve)
            status, steps = curve[-1]["status"], int(curve[-1]["search_steps"])
            files = f"[curve](../results/pong/{name}.svg), [numbers](../results/pong/{name}.csv)"
            outcome = "stopped by hand" if status == "under way" else status
            lines.append((difference, trial, f"{outcome} after {steps:,}", as_text(best), files))
            difference = ""
    head = ("recipe", "d", "outcome, search steps", "best validation, ten episodes", "files")
    return table(head, lines)


def recipes_in_turns() -> str:
    """Return what recipes of Pong had reached by their last rows, for each comparison in turns."""
    lines = []
    for path in sorted((ROOT / "results" / "pong").glob("recipes-*.csv")):
        with path.open(newline="") as file:
            last = {row["recipe"]: row for row in csv.DictReader(file)}
        name = f"[{path.stem}](../results/pong/{path.name})"
        for recipe, row in last.items():
            lines.append((
                name, f"`{recipe}`" if "=" in recipe else recipe,
                f"{float(row['processor_seconds']):.0f}", f"{int(row['steps']):,}",
                f"{float(row['mean_return']):.1f}",
            ))  # fmt: skip
            name = ""
    head = ("numbers", "recipe", "processor seconds", "steps", "mean of the last 20 episodes")
    return table(head, lines)


def _curves(path: Path) -> dict[str, list[dict[str, str]]]:
    """Return the validations of each trial in a CSV file, in the order in which they came."""
    curves: dict[str, list[dict[str, str]]] = {}
    with path.open(newline="") as file:
        for point in csv.DictReader(file):
            curves.setdefault(point["trial"], []).append(point)
    return curves


def scale_rule() -> str:
    """Return what PPO reached on CartPole with the scale rule and without it."""
    with (ROOT / "results" / "cartpole" / "scale-rule.csv").open(newline="") as file:
        points = list(csv.DictReader(file))
    dims = list(dict.fromkeys(int(point["d"]) for point in points))
    names = {"sqrt": "lr · sqrt(D/d)", "none": "lr"}
    lines = []
    for scale, name in names.items():
        own = {int(point["d"]): point for point in points if point["scale"] == scale}
        low, high, answer = (own[dims[0]][key] for key in ("ci_low", "ci_high", "d_int90"))
        shares = [f"{own[d]['solved']} of {own[d]['trials']}" for d in dims]
        interval = f"{low}-{high}" if high else f"{low} or more"
        lines.append((name, *shares, answer or "no d tried", interval))
    head = ("learning rate of z", *(f"d = {d}" for d in dims), "d_int90", "95 % interval")
    return table(head, lines)
