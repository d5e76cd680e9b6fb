"""Learning curves of off-policy agents inside a subspace: what a policy scores as z is trained.

    python tests/benchmarks/off_policy.py --only pendulum,half_cheetah --out curves.csv

Every tenth of the steps the policy at z plays five episodes, deterministically; those steps are not
counted. Prints the curves, and keeps them in --out.
"""

from __future__ import annotations

import argparse
import csv
import os
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np  # noqa: E402
import torch  # noqa: E402

from rlid.agent import Progress  # noqa: E402
from rlid.measurement import plan  # noqa: E402
from rlid.problem import make_problem  # noqa: E402

CASES = {"pendulum": (50, 6_000), "half_cheetah": (200, 8_000)}
"""d and steps of each task."""
SETTINGS = ("learning_starts=500",)
"""The agents' default begins to learn after all of these steps."""
EPISODES = range(10**6, 10**6 + 5)
POINTS = 10


def curve(agent: str, task: str, d: int, steps: int, seed: int) -> list[tuple[int, float]]:
    """Return (steps, mean return of the policy at z) at ten points, and before the first step."""
    wanted = plan(task, agent=agent, dmax=d, budget=steps, settings=SETTINGS)
    problem = make_problem(wanted.task, wanted.network, "onehot", d, seed, budget=steps)
    points = [(0, _score(problem, np.zeros(d, np.float32)))]
    search = wanted.agent.search(problem, np.random.default_rng(seed))
    for report in search:
        assert isinstance(report, Progress)
        if problem.search_steps >= steps * len(points) // POINTS:
            points.append((problem.search_steps, _score(problem, report.z)))
        if problem.search_steps >= steps:
            break
    search.close()
    return points


def _score(problem: object, z: np.ndarray) -> float:
    returns = problem.evaluate(z[None], tuple(EPISODES))  # type: ignore[attr-defined]
    return float(returns.values.mean())


def main() -> None:
    """Print the curves."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default=",".join(CASES), help="tasks with commas between")
    parser.add_argument("--agents", default="tqc,crossq", help="with commas between")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="CSV file of the curves")
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    for task in options.only.split(","):
        d, steps = CASES[task]
        for agent in options.agents.split(","):
            started = time.process_time()
            points = curve(agent, task, d, steps, options.seed)
            seconds = time.process_time() - started
            shown = " ".join(f"{at:,}: {score:.0f}" for at, score in points)
            print(f"{task} {agent} d = {d}, {seconds:.0f} s: {shown}", flush=True)
            rows += [[task, agent, d, options.seed, at, score] for at, score in points]
    if options.out:
        with options.out.open("w", newline="") as out:
            writer = csv.writer(out, lineterminator="\n")
            writer.writerow(["task", "agent", "d", "seed", "search_steps", "score"])
            writer.writerows(rows)


if __name__ == "__main__":
    main()
