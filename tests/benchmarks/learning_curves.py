"""Does `batched_ppo` learn as stable-baselines3's PPO does? Direct training, by the task's recipe.

    python tests/benchmarks/learning_curves.py --only cartpole,pendulum --seeds 20 --out curves.csv

Prints, at ten points of the budget, the median and the quartiles over the seeds of the mean return
of the training episodes since the point before. A median outside the other agent's quartiles is
marked with an exclamation mark; the exit code is 1 then. --out keeps every seed's curve.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
from collections.abc import Sequence
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np  # noqa: E402
import torch  # noqa: E402
from numpy.typing import NDArray  # noqa: E402

from rlid.agent import Progress  # noqa: E402
from rlid.batched import PPOBatch, PPOLearner  # noqa: E402
from rlid.measurement import plan  # noqa: E402
from rlid.problem import Problem, make_problem  # noqa: E402

STEPS = {"cartpole": 100_000, "pendulum": 200_000}
POINTS = 10
Returns = list[tuple[int, float]]
"""Steps of the search, and the mean return of the episodes that ended in the rollout before."""


def problem_of(task: str, agent: str, seed: int, steps: int) -> tuple[Problem, object]:
    """Return the problem of direct training, and the agent with the task's recipe."""
    wanted = plan(task, agent=agent, dmax=1, budget=steps)
    D = wanted.network.D
    return make_problem(wanted.task, wanted.network, "identity", D, seed), wanted.agent


def by_sb3(task: str, seeds: Sequence[int], steps: int) -> list[Returns]:
    """Return the training returns of SB3's PPO, one seed after the other."""
    curves = []
    for seed in seeds:
        problem, agent = problem_of(task, "ppo", seed, steps)
        curve: Returns = []
        for report in agent.search(problem, np.random.default_rng(seed)):  # type: ignore[attr-defined]
            assert isinstance(report, Progress)
            if report.score is not None:
                curve.append((problem.search_steps, report.score))
            if problem.search_steps >= steps:
                break
        curves.append(curve)
    return curves


def in_a_batch(task: str, seeds: Sequence[int], steps: int) -> list[Returns]:
    """Return the training returns of batched_ppo, all seeds together."""
    learners = []
    for seed in seeds:
        problem, agent = problem_of(task, "batched_ppo", seed, steps)
        problem.budget = steps
        learners.append(PPOLearner(problem, agent, 1.0, np.random.default_rng(seed)))  # type: ignore[arg-type]
    batch, curves = PPOBatch(learners), [[] for _ in learners]  # type: tuple[PPOBatch, list[Returns]]
    while learners[0].problem.search_steps < steps:
        batch.round()
        for learner, curve in zip(learners, curves, strict=True):
            if learner.returns:
                curve.append((learner.problem.search_steps, float(np.mean(learner.returns))))
    batch.close()
    return curves


def at_points(curves: list[Returns], steps: int) -> NDArray[np.float64]:
    """Return the mean of each curve between two points, (seeds, POINTS)."""
    edges = np.linspace(0, steps, POINTS + 1)
    table = np.full((len(curves), POINTS), np.nan)
    for row, curve in enumerate(curves):
        at, returns = np.array(curve).T
        for point in range(POINTS):
            inside = (at > edges[point]) & (at <= edges[point + 1])
            if inside.any():
                table[row, point] = returns[inside].mean()
    return table


def main() -> int:
    """Print a table for each task; return 1 where the curves do not overlap."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default=",".join(STEPS), help="tasks with commas between")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--steps", type=int, help="steps of the search; else the task's below")
    parser.add_argument("--out", type=Path, help="CSV file of every seed's curve")
    options = parser.parse_args()
    torch.set_num_threads(1)
    is_missed, rows = False, []
    for task in options.only.split(","):
        steps = options.steps or STEPS.get(task, 100_000)
        seeds = range(options.seeds)
        tables = {
            "ppo": at_points(by_sb3(task, seeds, steps), steps),
            "batched_ppo": at_points(in_a_batch(task, seeds, steps), steps),
        }
        print(f"\n{task}: {options.seeds} seeds; median (quartiles)\nsteps      ppo / batched_ppo")
        for point in range(POINTS):
            shares = [
                np.nanquantile(table[:, point], (0.25, 0.5, 0.75)) for table in tables.values()
            ]
            (low, mid, high), (own_low, own_mid, own_high) = shares
            is_inside = low <= own_mid <= high and own_low <= mid <= own_high
            is_missed |= not is_inside
            texts = [f"{m:8.1f} ({lo:.1f} to {hi:.1f})" for lo, m, hi in shares]
            end = steps * (point + 1) // POINTS
            print(f"{end:9,} {texts[0]} {texts[1]}{'' if is_inside else ' !'}", flush=True)
            for agent, table in tables.items():
                rows += [[task, agent, s, end, table[s, point]] for s in seeds]
    if options.out:
        with options.out.open("w", newline="") as out:
            writer = csv.writer(out, lineterminator="\n")
            writer.writerow(["task", "agent", "seed", "search_steps", "mean_return_of_training"])
            writer.writerows(rows)
    return int(is_missed)


if __name__ == "__main__":
    sys.exit(main())
