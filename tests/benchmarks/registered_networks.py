"""Speed of an evolution strategy's cell with registered networks, against the built-in mlp:20x20.

    python tests/benchmarks/registered_networks.py [--tasks cartpole,acrobot] [--trials 1,4]

The registered networks have the layers of mlp:20x20, written in several ways. Each row is one cell
of `openai_es` at d = 20 in this process, with one thread: environment steps a second of processor
time, and that over the built-in network's. The rounds alternate, and the median is printed.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from itertools import pairwise

import torch
from torch import nn

from rlid.measurement import plan
from rlid.networks import NETWORKS
from rlid.records import Judgement
from rlid.training.cell import run_trials

BUILT_IN = "mlp:20x20"
BUDGETS = {"cartpole": 100_000, "acrobot": 100_000}
D = 20


class Written(nn.Module):
    """Weights (inputs, outputs) and biases of 20 and 20 units, and the activation between."""

    def __init__(self, shape: tuple[int, ...], outputs: int, activate: Callable[..., torch.Tensor]):
        """Draw the weights."""
        super().__init__()
        sizes = [torch.Size(shape).numel(), 20, 20, outputs]
        self.weights = nn.ParameterList(torch.randn(i, o) / i**0.5 for i, o in pairwise(sizes))
        self.biases = nn.ParameterList(torch.zeros(o) for o in sizes[1:])
        self._activate = activate

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map observations (m, inputs) to outputs (m, outputs)."""
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            x = x @ weight + bias
            if layer < 2:
                x = self._activate(x)
        return x


@NETWORKS.add("torch_layers")
def torch_layers(shape: tuple[int, ...], outputs: int) -> nn.Module:
    """Layers of torch."""
    sizes = [torch.Size(shape).numel(), 20, 20, outputs]
    layers = [part for i, o in pairwise(sizes) for part in (nn.Linear(i, o), nn.Tanh())]
    return nn.Sequential(*layers[:-1])


@NETWORKS.add("by_hand")
def by_hand(shape: tuple[int, ...], outputs: int) -> nn.Module:
    """Products and sums of parameters."""
    return Written(shape, outputs, torch.tanh)


@NETWORKS.add("silu")
def silu(shape: tuple[int, ...], outputs: int) -> nn.Module:
    """The same with an activation that no built-in network has: operations are recorded."""
    return Written(shape, outputs, nn.functional.silu)


def rate(task: str, network: str, trials: int) -> float:
    """Return the environment steps of one cell for each second of processor time."""
    wanted = plan(task, agent="openai_es", network=network, dmax=D, budget=BUDGETS[task], full=True)
    steps: list[int] = []
    specs = [wanted.spec(D, seed, None) for seed in range(trials)]
    started = time.process_time()
    run_trials(specs, Judgement(), wanted.task, lambda record, _: steps.append(record.env_steps))
    return sum(steps) / (time.process_time() - started)


def main() -> None:
    """Print a row for each task, number of trials and network."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--tasks", default="cartpole,acrobot")
    parser.add_argument("--trials", default="1,4")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    networks = (BUILT_IN, "torch_layers", "by_hand", "silu")
    for task in arguments.tasks.split(","):
        for trials in map(int, arguments.trials.split(",")):
            rates: dict[str, list[float]] = {network: [] for network in networks}
            for round_number in range(arguments.rounds + 1):
                for network in networks:
                    measured = rate(task, network, trials)
                    # The first round loads libraries.
                    if round_number:
                        rates[network].append(measured)
            built_in = statistics.median(rates[BUILT_IN])
            for network in networks:
                median = statistics.median(rates[network])
                print(
                    f"{task:9} {trials} trials  {network:13} {median:12,.0f} steps/s  "
                    f"{median / built_in:.2f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
