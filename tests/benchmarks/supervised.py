"""What a training step costs inside a subspace, against direct training: python ... --data DIR.

Steps of Adam on MNIST with mlp:200x200 in one thread, alternating between projections so that a
busy machine slows all of them alike; the median of the ratios within a round is what counts.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from rlid.agent import configure
from rlid.datasets import images_of
from rlid.problem import make_problem
from rlid.simulators.make import make_network, make_world
from rlid.task import resolve

STEPS = 40
"""Steps of one turn: longer than a time slice of the scheduler."""


def stepper(network: str, projection: str, d: int | None) -> Callable[[], float]:
    """Return a function that trains for STEPS and returns the seconds of processor time."""
    task = resolve("mnist")
    world = make_world(task)
    made = make_network(task, network, world)
    problem = make_problem(task, made, projection, d or made.D, 1, world)
    search = configure("adam").search(problem, np.random.default_rng(0))
    # A report after every turn.
    problem.budget = 100 * STEPS

    def turn() -> float:
        started = time.process_time()
        next(search)
        return time.process_time() - started

    return turn


def plain_stepper() -> Callable[[], float]:
    """Return such a function for plain torch: modules, and minibatches by index."""
    images = images_of("mnist")
    pixels, labels = (torch.tensor(part) for part in images.train)
    layers = [nn.Linear(784, 200), nn.ReLU(), nn.Linear(200, 200), nn.ReLU(), nn.Linear(200, 10)]
    module = nn.Sequential(*layers)
    optimizer = torch.optim.Adam(module.parameters(), lr=1e-3)
    rng = np.random.default_rng(0)

    def turn() -> float:
        started = time.process_time()
        for _ in range(STEPS):
            chosen = torch.from_numpy(rng.integers(0, len(labels), 128))
            outputs = module(pixels[chosen].float() / 255)
            loss = nn.functional.cross_entropy(outputs, labels[chosen].long())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return time.process_time() - started

    return turn


def main() -> None:
    """Print the cost of a step for each projection, and its ratio to direct training."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", help="the folder of data sets")
    parser.add_argument("--network", default="mlp:200x200")
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--cases", default="onehot:750,dense:750", help="projection:d, with commas")
    arguments = parser.parse_args()
    if arguments.data:
        os.environ["RLID_DATA"] = arguments.data
    torch.set_num_threads(1)
    cases = [case.split(":") for case in arguments.cases.split(",")]
    turns = {"plain torch": plain_stepper()} if arguments.network == "mlp:200x200" else {}
    turns |= {"direct": stepper(arguments.network, "identity", None)}
    turns |= {f"{name} d={d}": stepper(arguments.network, name, int(d)) for name, d in cases}
    for turn in turns.values():
        turn()
    seconds = [{name: turn() for name, turn in turns.items()} for _ in range(arguments.rounds)]
    for name in turns:
        cost = statistics.median(row[name] for row in seconds) / STEPS
        ratio = statistics.median(row[name] / row["direct"] for row in seconds)
        print(f"{name:16} {1000 * cost:7.2f} ms a step, {ratio:5.2f} of direct")


if __name__ == "__main__":
    main()
