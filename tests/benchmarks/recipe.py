"""What direct training reaches on held-out images, for recipes of a supervised task: python ... -h.

Settings of Adam and numbers of steps are tried on every network and seed that is given. Test images
are not looked at. Each run adds a row to a CSV file, with the command that made it.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import os
import shlex
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from rlid.agent import configure
from rlid.problem import make_problem
from rlid.simulators import make_network, make_world
from rlid.task import Task, resolve
from rlid.world import World

LOOKS = 50
"""How often the held-out accuracy is taken, as in a trial."""
COLUMNS = (
    "task",
    "network",
    "lr",
    "weight_decay",
    "decay",
    "steps",
    "seed",
    "held_out_best",
    "held_out_best_at",
    "held_out_last",
    "train_last",
    "processor_seconds",
    "command",
)


def direct_training(
    task: Task, world: World, network: str, settings: dict[str, str], steps: int, seed: int
) -> dict[str, object]:
    """Train every weight for `steps` minibatches; return the columns that follow from it."""
    made = make_network(task, network, world)
    problem = make_problem(task, made, "identity", made.D, seed, world, steps)
    assignments = [f"{name}={value}" for name, value in settings.items()]
    search = configure("adam", assignments).search(problem, np.random.default_rng(seed))
    curve: list[tuple[int, float]] = []
    started = time.process_time()
    while problem.search_steps < steps:
        z = next(search).z[None]
        if (problem.search_steps - (curve[-1][0] if curve else 0)) * LOOKS >= steps:
            folds = range(task.validation_episodes)
            held_out = problem.evaluate(z, folds, "validation").values
            curve.append((problem.search_steps, float(held_out.mean())))
    best_at, best = max(curve, key=lambda look: look[1])
    train = problem.evaluate(z, [0], "search").values
    return {
        "held_out_best": round(best, 4),
        "held_out_best_at": best_at,
        "held_out_last": round(curve[-1][1], 4),
        "train_last": round(float(train.mean()), 4),
        "processor_seconds": round(time.process_time() - started),
    }


def numbers(text: str) -> list[str]:
    """Return the parts of a list with commas."""
    return text.split(",")


def add_row(path: Path, row: dict[str, object]) -> None:
    """Append a row to a CSV file, with a heading where it is new."""
    is_new = not path.exists()
    with open(path, "a", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        if is_new:
            writer.writeheader()
        writer.writerow(row)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run every combination of what is given, and write a row for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", help="the folder of data sets")
    parser.add_argument("--task", default="cifar10")
    parser.add_argument("--network", default="mlp:200x200")
    parser.add_argument("--lr", type=numbers, default=["1e-3"], help="with commas")
    parser.add_argument("--weight-decay", type=numbers, default=["0"], help="with commas")
    parser.add_argument("--decay", type=numbers, default=["linear"], help="with commas")
    parser.add_argument("--steps", type=numbers, default=["7040"], help="with commas")
    parser.add_argument("--seeds", type=numbers, default=["100"], help="with commas")
    parser.add_argument("--out", type=Path, required=True, help="the CSV file")
    options = parser.parse_args(arguments)
    if options.data:
        os.environ["RLID_DATA"] = options.data
    torch.set_num_threads(1)
    task = resolve(options.task)
    world = make_world(task)
    recipes = itertools.product(
        options.steps, options.lr, options.weight_decay, options.decay, options.seeds
    )
    for steps, lr, weight_decay, decay, seed in recipes:
        settings = {"lr": lr, "weight_decay": weight_decay, "decay": decay}
        words = ["python", "tests/benchmarks/recipe.py", "--task", task.name]
        words += ["--network", options.network, "--lr", lr, "--weight-decay", weight_decay]
        words += ["--decay", decay, "--steps", steps, "--seeds", seed]
        row: dict[str, object] = {"task": task.name, "network": options.network, **settings}
        row |= {"steps": steps, "seed": seed, "command": shlex.join(words)}
        row |= direct_training(task, world, options.network, settings, int(steps), int(seed))
        add_row(options.out, row)
        print({name: row[name] for name in COLUMNS[:-1]}, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
