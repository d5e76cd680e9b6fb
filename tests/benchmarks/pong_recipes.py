"""Direct training of Pong by several recipes, in turns: processor seconds until the mean is 16.8.

python tests/benchmarks/pong_recipes.py --recipe "" --recipe "n_epochs=1 lr=1e-3" --seeds 0,1 \
    --minutes 60 --to results/pong/recipes

A recipe is settings of `ppo` in place of the task's own ("" is the task's own). Every training is
that of all weights. The trainings take turns by round, and the one that has used the least
processor time is next, so that all of them meet the same load of the machine, and at every moment
they have had about the same time. A training ends when the mean return of its last 20 episodes (of
sampled actions, as training plays them) is at least 16.8. --to PATH writes a row of PATH.csv for
every 20,480 steps of each training; its seconds are those of one thread, without validation.
"""

from __future__ import annotations

import argparse
import csv
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from rlid.measurement.plan import plan
from rlid.problem import make_problem
from rlid.simulators.make import make_world

GOAL, EPISODES = 16.8, 20
ROW_EVERY = 20_480
OWN = "the task's own"
"""The name of the recipe without settings."""
COLUMNS = ("recipe", "seed", "steps", "processor_seconds", "episodes", "mean_return")


@dataclass
class Training:
    """One direct training, its time so far and the returns of its last episodes."""

    task: str
    recipe: str
    seed: int
    seconds: float = 0.0
    episodes: int = 0
    returns: deque[float] = field(default_factory=lambda: deque(maxlen=EPISODES))
    written: int = 0

    def __post_init__(self) -> None:
        planned = plan(self.task, agent="ppo", projection="identity", settings=self.recipe.split())
        world = make_world(planned.task)
        self.problem = make_problem(
            planned.task, planned.network, planned.projection, planned.network.D, self.seed, world
        )
        agent: Any = planned.agent
        self.search = agent.search(self.problem, np.random.default_rng(self.seed))
        self.budget = planned.task.budget

    @property
    def mean(self) -> float:
        """The mean return of the last episodes; NaN before there are enough of them."""
        return float(np.mean(self.returns)) if len(self.returns) == EPISODES else float("nan")

    @property
    def is_over(self) -> bool:
        """Whether the goal is reached or the budget spent."""
        return self.mean >= GOAL or self.problem.search_steps >= self.budget

    def round(self) -> None:
        """Train for one round of rollout and updates."""
        started = time.process_time()
        progress = next(self.search)
        self.seconds += time.process_time() - started
        if progress.score is not None:
            # A report has the mean of the round's episodes: where several ended, they count as one.
            self.episodes += 1
            self.returns.append(progress.score)

    def row(self) -> dict[str, object]:
        """Return where the training stands, by the names of COLUMNS."""
        return {
            "recipe": self.recipe or OWN,
            "seed": self.seed,
            "steps": self.problem.search_steps,
            "processor_seconds": round(self.seconds, 1),
            "episodes": self.episodes,
            "mean_return": round(self.mean, 2),
        }


def main() -> None:
    """Train every recipe with every seed until all have ended or the time is over."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--task", default="pong")
    parser.add_argument("--recipe", action="append", required=True)
    parser.add_argument("--seeds", default="0", help="with commas")
    parser.add_argument("--minutes", type=float, default=60.0, help="processor time for each")
    parser.add_argument("--to", type=Path, required=True, help="path of the CSV without a suffix")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    seeds = [int(seed) for seed in arguments.seeds.split(",")]
    trainings = [
        Training(arguments.task, recipe, seed) for seed in seeds for recipe in arguments.recipe
    ]
    with open(arguments.to.with_suffix(".csv"), "w", newline="", buffering=1) as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        while going := [
            training
            for training in trainings
            if not training.is_over and training.seconds < 60 * arguments.minutes
        ]:
            training = min(going, key=lambda training: training.seconds)
            training.round()
            steps = training.problem.search_steps
            if training.is_over or steps >= training.written + ROW_EVERY:
                training.written = steps
                writer.writerow(training.row())
                print(training.row(), flush=True)


if __name__ == "__main__":
    main()
