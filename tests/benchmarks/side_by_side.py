"""Times PPO over the trials of a cell against stable-baselines3's PPO, in turns, on one thread.

python tests/benchmarks/side_by_side.py [--only cartpole,hopper] [--rounds 3] [--steps 20480] \
    [--rejax PYTHON]

Every figure is environment steps of the search for each second of processor time. SB3 alone trains
its MlpPolicy of the same widths on gymnasium's environments, without a subspace; `ppo` is SB3's
algorithm in a subspace, and `batched_ppo` runs in cells of 1, 4, 16 and 32 trials. Both are whole
trials: drawing P, validation and scoring are in the time, and their steps are not counted.
--rejax adds rejax's PPO over 16 seeds of CartPole, by an interpreter that has it; the time of its
compilation is not in its figure.
A figure that misses its target is marked with an exclamation mark; the exit code is 1 then.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import gymnasium
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env

from rlid.measurement import plan
from rlid.records import Judgement
from rlid.training import run_trials

CELLS = (1, 4, 16, 32)
REJAX_SHARE = 0.3
"""Share of rejax's rate that `batched_ppo` is to reach with 16 trials."""
NEVER = 1e9
"""A threshold that no policy reaches, so that every trial spends its budget."""


@dataclass(frozen=True)
class Case:
    """One task and network, d of the trials, and the targets as multiples of SB3 alone."""

    task: str
    network: str
    widths: tuple[int, ...]
    d: int
    target_16: float
    target_1: float = 1.5


CASES = {
    "cartpole": Case("cartpole", "mlp:20x20", (20, 20), 20, 12.0),
    "cartpole64": Case("cartpole", "mlp:64x64", (64, 64), 20, 6.0),
    "inverted_pendulum": Case("inverted_pendulum", "mlp:20x20", (20, 20), 20, 3.0),
    "hopper": Case("hopper", "mlp:64x64", (64, 64), 100, 3.0),
}


def alone(case: Case, steps: int) -> float:
    """Return steps a second of SB3's own PPO, with the recipe of the task and no subspace."""
    wanted = plan(case.task, agent="ppo", network=case.network, dmax=case.d)
    recipe = vars(wanted.agent)
    names = ("n_steps", "batch_size", "n_epochs", "gamma", "gae_lambda", "clip_range", "ent_coef")
    env = make_vec_env(lambda: gymnasium.make(wanted.task.env), recipe["n_envs"], seed=0)
    model = PPO(
        "MlpPolicy",
        env,
        learning_rate=recipe["lr"],
        policy_kwargs={"net_arch": list(case.widths)},
        device="cpu",
        seed=0,
        **{name: recipe[name] for name in names},
    )
    started = time.process_time()
    model.learn(steps)
    seconds = time.process_time() - started
    env.close()
    return model.num_timesteps / seconds


def in_cell(case: Case, agent: str, trials: int, steps: int) -> float:
    """Return search steps a second of so many trials in one cell, each with a budget of `steps`."""
    wanted = plan(case.task, agent=agent, network=case.network, dmax=case.d, budget=steps)
    specs = [wanted.spec(case.d, seed, NEVER) for seed in range(trials)]
    searched: list[int] = []
    started = time.process_time()
    run_trials(
        specs,
        Judgement(NEVER),
        wanted.task,
        lambda record, z: searched.append(record.search_steps),
    )
    return sum(searched) / (time.process_time() - started)


def in_rejax(python: str, case: Case, steps: int) -> float:
    """Return steps a second of rejax's PPO over 16 seeds, after its compilation."""
    words = [python, str(Path(__file__).with_name("rejax_ppo.py")), "--steps", str(steps)]
    words += ["--trials", "16", "--widths", ",".join(map(str, case.widths))]
    printed = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    answer = json.loads(printed)
    print(f"rejax: {answer['compilation_seconds']:.0f} s of compilation", flush=True)
    rate: float = answer["steps_per_second"]
    return rate


def main() -> int:
    """Print a table; return 1 where a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", default=",".join(CASES), help="cases with commas between")
    parser.add_argument("--rounds", type=int, default=3, help="turns of every figure")
    parser.add_argument("--steps", type=int, default=20_480, help="environment steps of a trial")
    parser.add_argument("--rejax", metavar="PYTHON", help="an interpreter that has rejax")
    options = parser.parse_args()
    torch.set_num_threads(1)
    missed = False
    for name in options.only.split(","):
        case = CASES[name]
        timings: dict[str, Callable[[], float]] = {
            "SB3 alone": lambda case=case: alone(case, options.steps),
            "ppo": lambda case=case: in_cell(case, "ppo", 1, options.steps),
        }
        for cell in CELLS:
            timings[f"batched_ppo {cell}"] = lambda case=case, cell=cell: in_cell(
                case, "batched_ppo", cell, options.steps
            )
        if options.rejax and case.task == "cartpole":
            timings["rejax 16"] = lambda case=case: in_rejax(options.rejax, case, options.steps)
        rates: dict[str, list[float]] = {label: [] for label in timings}
        for _ in range(options.rounds):
            for label, timing in timings.items():
                rates[label].append(timing())
        base = statistics.median(rates["SB3 alone"])
        targets = {"batched_ppo 1": case.target_1, "batched_ppo 16": case.target_16}
        print(f"\n{name} ({case.network}, d = {case.d})")
        for label, values in rates.items():
            rate = statistics.median(values)
            line = f"{label:16} {rate:10,.0f} steps/s  {rate / base:6.2f}"
            if label in targets:
                is_missed = rate / base < targets[label]
                missed |= is_missed
                line += f"  {targets[label]:g} asked{' !' if is_missed else ''}"
            print(line, flush=True)
        if "rejax 16" in rates:
            ours, theirs = rates["batched_ppo 16"], rates["rejax 16"]
            share = statistics.median(ours) / statistics.median(theirs)
            is_missed = share < REJAX_SHARE
            missed |= is_missed
            mark = " !" if is_missed else ""
            print(f"batched_ppo 16 over rejax 16: {share:.2f}, {REJAX_SHARE:g} asked{mark}")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
