"""Times rounds of batched_ppo on the processor and on a GPU, in turns, by size of cell and network.

    python tests/benchmarks/device.py --device cuda --rounds 5

A round is a rollout, whose environments are stepped on the processor, and the updates. Prints
search steps for each second of wall time, and how far z differs after the first round.
"""

from __future__ import annotations

import argparse
import statistics
import time

import numpy as np
import torch

from rlid.batched import PPOBatch, PPOLearner
from rlid.measurement import plan
from rlid.problem import make_problem

CASES = (
    ("cartpole", "mlp:20x20", 20),
    ("cartpole", "mlp:64x64", 20),
    ("hopper", "mlp:256x256", 200),
    ("minatar:breakout", "conv:16-128", 1000),
)
CELLS = (1, 16, 64)


def learners_of(task: str, network: str, d: int, cell: int, device: str) -> list[PPOLearner]:
    """Return the learners of so many trials, with seeds from 0 on."""
    wanted = plan(task, agent="batched_ppo", network=network, dmax=d)
    learners = []
    for seed in range(cell):
        problem = make_problem(wanted.task, wanted.network, "onehot", d, seed)
        problem.device = device
        rng = np.random.default_rng(seed)
        learners.append(PPOLearner(problem, wanted.agent, problem.subspace.scale, rng))
    return learners


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda", help="what is held against the cpu")
    parser.add_argument("--rounds", type=int, default=5, help="turns of every figure")
    options = parser.parse_args()
    name = torch.cuda.get_device_name(options.device) if "cuda" in options.device else ""
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {options.device} {name}")
    for task, network, d in CASES:
        for cell in CELLS:
            devices = ("cpu", options.device)
            groups = [learners_of(task, network, d, cell, device) for device in devices]
            batches = [PPOBatch(learners) for learners in groups]
            for batch in batches:
                batch.round()
            apart = max(
                float(np.abs(ours.z - theirs.z).max()) for ours, theirs in zip(*groups, strict=True)
            )
            rates: list[list[float]] = [[], []]
            for _ in range(options.rounds):
                for batch, own in zip(batches, rates, strict=True):
                    before = sum(each.problem.search_steps for each in batch.learners)
                    started = time.perf_counter()
                    batch.round()
                    after = sum(each.problem.search_steps for each in batch.learners)
                    own.append((after - before) / (time.perf_counter() - started))
            for batch in batches:
                batch.close()
            cpu, other = (statistics.median(own) for own in rates)
            print(
                f"{task:18} {network:12} d = {d:5} cell of {cell:3}: cpu {cpu:9,.0f} steps/s, "
                f"{options.device} {other:9,.0f} ({other / cpu:.2f}); z differs by {apart:.1e}",
                flush=True,
            )


if __name__ == "__main__":
    main()
