"""Measures steps per second of evolution strategies: the simulator, rlid, and plain loops.

python tests/benchmarks/evolution.py [--seconds 8] [--repeats 3] [--tasks cartpole]

Everything runs on one thread and is timed in CPU seconds, in turns. The cell is what a worker of
`rlid run` runs: ten seeds of one d side by side, each to the end of its budget, with validation and
scoring. The simulator alone is timed twice: with as many parallel episodes as the requests of all
trials have, and with the mean number of episodes that run at once in the cell (an ended episode
waits for the longest of its generation). EvoTorch is timed where it is installed. For cartpole the
command `rlid run` is timed too, its start-up included.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest.mock import patch

import gymnasium
import numpy as np
import torch

from rlid.measurement.plan import plan
from rlid.records.judgement import Judgement
from rlid.simulators.actions import sample
from rlid.simulators.make import make_world
from rlid.task import Task, resolve
from rlid.training.cell import run_trials

SEEDS, D = 10, 20
EPISODES = 4
BUDGETS = {"cartpole": 200_000, "inverted_pendulum": 20_000}
"""Search steps of each trial in the cell: the task's budget, or a fifth of it if it is slow."""
NETWORKS = {"cartpole": "mlp:64x64", "inverted_pendulum": "mlp:20x20"}
JAX = 700_000
"""Steps per second of gymnax's compiled CartPole with the same policy, measured elsewhere."""
TARGETS: dict[str, dict[str, float]] = {
    "cartpole": {"raw": 0.25, "plain": 60.0, "cell": JAX},
    "inverted_pendulum": {"raw": 0.6},
}
END_TO_END_TARGET = 30.0

Rate = Callable[[float], float]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--seconds", type=float, default=8.0, help="about how long each row is timed"
    )
    parser.add_argument(
        "--repeats", type=int, default=3, help="the median is taken over this number"
    )
    parser.add_argument("--tasks", default=",".join(NETWORKS), help="names with commas")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    seconds_each = arguments.seconds / arguments.repeats
    for name in arguments.tasks.split(","):
        task = resolve(name)
        n = running_episodes(task)
        rows: dict[str, Rate] = {
            "full": lambda seconds, task=task: raw(task, slots(task), seconds),
            "raw": lambda seconds, task=task, n=n: raw(task, n, seconds),
            "cell": lambda seconds, task=task: cell(task, seconds),
            "plain": lambda seconds, task=task: plain(task, seconds),
            "evotorch": lambda seconds, task=task: evotorch(task, seconds),
        }
        rates: dict[str, list[float]] = {row: [] for row in rows}
        runs: list[Run] = []
        for _ in range(arguments.repeats):
            for row, rate in rows.items():
                rates[row].append(rate(seconds_each))
            if name == "cartpole":
                runs.append(end_to_end())
        report(task, n, {row: statistics.median(rates[row]) for row in rows})
        if runs:
            report_runs(runs, statistics.median(rates["plain"]))


def report(task: Task, n: int, rates: dict[str, float]) -> None:
    """Print the rates of one task and the cell's ratio to each; n episodes run in the cell."""
    print(f"\n{task.name}, {NETWORKS[task.name]}, one thread: environment steps per second")
    labels = {
        "full": f"(a) the simulator alone, random actions, {slots(task)} episodes",
        "raw": f"(a') the same, {n} episodes: the mean number at once in (b)",
        "cell": f"(b) a cell of {SEEDS} seeds, cmaes, d = {D}",
        "plain": "(c) one gymnasium environment, one torch policy, pycma",
        "evotorch": "(d) EvoTorch's GymNE with SNES",
    }
    for row, label in labels.items():
        if np.isnan(rates[row]):
            print(f"{label:<62}{'not installed':>14}")
            continue
        ratio = rates["cell"] / rates[row]
        target = TARGETS[task.name].get(row)
        reached = rates["cell"] if row == "cell" else ratio
        aim = f"   (target {target:,g}: {verdict(reached >= target)})" if target else ""
        times = "" if row == "cell" else f"{ratio:.2f}x"
        print(f"{label:<62}{rates[row]:>14,.0f}{times:>10}{aim}")


def verdict(is_met: bool) -> str:
    """Return "met" or "missed"."""
    return "met" if is_met else "missed"


def population() -> int:
    """Return how many candidates one request of cmaes has at d = D."""
    return 4 + int(3 * np.log(D)) + 1


def slots(task: Task) -> int:
    """Return how many environments step side by side for the requests of a cell of cmaes."""
    return min(SEEDS * population() * task.search_episodes, make_world(task).max_slots)


def running_episodes(task: Task) -> int:
    """Return the mean number of episodes that run in a step of the cell."""
    simulator = type(make_world(task))
    with patch.object(simulator, "step", autospec=True, side_effect=simulator.step) as step:
        return round(cell_steps(task) / step.call_count)


def raw(task: Task, n: int, seconds: float) -> float:
    """Return the steps per second of `Simulator.step` alone, without starting episodes."""
    simulator = make_world(task)
    rng = np.random.default_rng(0)
    actions = [sample(simulator.action_space, rng, n) for _ in range(100)]
    simulator.start(range(n))
    active = np.ones(n, bool)
    spent, count = 0.0, 0
    while spent < seconds:
        for action in actions:
            started = time.process_time()
            _, _, terminated, truncated = simulator.step(action, active)
            spent += time.process_time() - started
            over = (terminated | truncated).nonzero()[0]
            if len(over):
                simulator.restart(over, over.tolist())
        count += len(actions) * n
    simulator.close()
    return count / spent


def cell(task: Task, seconds: float) -> float:
    """Return the steps per second of ten trials side by side, as a worker runs them."""
    steps, started, spent = 0, time.process_time(), 0.0
    while spent < seconds:
        steps += cell_steps(task)
        spent = time.process_time() - started
    return steps / spent


def cell_steps(task: Task) -> int:
    """Run ten trials side by side; return their environment steps."""
    planned = plan(
        task.name, network=NETWORKS[task.name], dmax=D, budget=BUDGETS[task.name], full=True
    )
    specs, steps = [planned.spec(D, seed, None) for seed in range(SEEDS)], [0]
    run_trials(specs, Judgement(), planned.task, lambda record, _: steps.append(record.env_steps))
    return sum(steps)


def plain(task: Task, seconds: float) -> float:
    """Return the steps per second of a plain loop: one environment, one policy, pycma."""
    import cma

    env = gymnasium.make(task.env)
    widths = [int(width) for width in NETWORKS[task.name].partition(":")[2].split("x")]
    is_discrete = isinstance(env.action_space, gymnasium.spaces.Discrete)
    outputs = int(env.action_space.n) if is_discrete else env.action_space.shape[0]
    sizes = [env.observation_space.shape[0], *widths]
    layers: list[torch.nn.Module] = []
    for a, b in pairwise(sizes):
        layers += [torch.nn.Linear(a, b), torch.nn.Tanh()]
    policy = torch.nn.Sequential(*layers, torch.nn.Linear(sizes[-1], outputs))
    start = torch.nn.utils.parameters_to_vector(policy.parameters()).detach()
    P = torch.randn(len(start), D) / len(start) ** 0.5  # noqa: N806
    strategy = cma.CMAEvolutionStrategy(np.zeros(D), 1.0, {"verbose": -9, "seed": np.nan})
    count, started = 0, time.process_time()
    while time.process_time() - started < seconds:
        samples = strategy.ask()
        returns = []
        for z in samples:
            theta = start + P @ torch.as_tensor(z, dtype=torch.float32)
            torch.nn.utils.vector_to_parameters(theta, policy.parameters())
            total = 0.0
            for episode in range(EPISODES):
                observation, _ = env.reset(seed=episode)
                over = False
                while not over:
                    with torch.no_grad():
                        out = policy(torch.as_tensor(observation, dtype=torch.float32))
                    action: Any = int(out.argmax()) if is_discrete else np.tanh(out.numpy())
                    observation, reward, terminated, truncated, _ = env.step(action)
                    total += float(reward)
                    count += 1
                    over = terminated or truncated
            returns.append(-total)
        strategy.tell(samples, returns)
    return count / (time.process_time() - started)


def evotorch(task: Task, seconds: float) -> float:
    """Return the steps per second of EvoTorch on the same network, or NaN without EvoTorch."""
    try:
        from evotorch.algorithms import SNES
        from evotorch.neuroevolution import GymNE
    except ImportError:
        return float("nan")
    widths = NETWORKS[task.name].partition(":")[2].split("x")
    hidden = " >> ".join(
        f"Linear({a}, {b}) >> Tanh()" for a, b in zip(["obs_length", *widths], widths, strict=False)
    )
    problem = GymNE(
        task.env, f"{hidden} >> Linear({widths[-1]}, act_length)", num_episodes=EPISODES
    )
    searcher = SNES(problem, stdev_init=1.0, popsize=population())
    started = time.process_time()
    while time.process_time() - started < seconds:
        searcher.step()
    return float(problem.status["total_interaction_count"]) / (time.process_time() - started)


@dataclass(frozen=True)
class Run:
    """One `rlid run` with its start-up: CPU seconds, elapsed seconds, and those outside trials."""

    steps: int
    trials: int
    spent: float
    elapsed: float
    beyond: float


def end_to_end() -> Run:
    """Run the command with an empty store."""
    with tempfile.TemporaryDirectory() as folder:
        command = [
            str(Path(sys.executable).with_name("rlid")), "run", "cartpole", "--dmax", str(D),
            "--seeds", str(SEEDS), "--jobs", "1", "--json", "--store", folder,
        ]  # fmt: skip
        before, started = children(), time.monotonic()
        answer = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        spent, elapsed = children() - before, time.monotonic() - started
        inside = sum(
            json.loads(path.read_text())["seconds"] for path in Path(folder).glob("trials/*/*.json")
        )
    return Run(answer["env_steps"], answer["trials"], spent, elapsed, elapsed - inside)


def report_runs(runs: list[Run], plain_rate: float) -> None:
    """Print the median rate of the command and its ratio to the plain loop's."""
    steps, trials = runs[0].steps, runs[0].trials
    spent, elapsed, beyond = (
        statistics.median(getattr(run, name) for run in runs)
        for name in ("spent", "elapsed", "beyond")
    )
    allowed = 4 + 0.03 * trials
    rate = steps / spent
    print(f"\nrlid run cartpole --dmax {D} --seeds {SEEDS} --jobs 1, end to end")
    print(
        f"{steps:,} steps of {trials} trials in {spent:.1f} CPU seconds, {elapsed:.1f} s elapsed "
        f"(medians of {len(runs)})"
    )
    print(
        f"{rate:,.0f} steps per second: {rate / plain_rate:.1f}x the plain loop's {plain_rate:,.0f}"
        f" (target {END_TO_END_TARGET:g}: {verdict(rate >= END_TO_END_TARGET * plain_rate)})"
    )
    print(f"{beyond:.1f} s outside trials (target {allowed:.1f}: {verdict(beyond <= allowed)})")


def children() -> float:
    """Return the CPU seconds of all child processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
