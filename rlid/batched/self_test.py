"""A test of this machine: does a trial in a batch get the bits that it gets alone?

The libraries behind torch choose their kernels by processor and by shape, and a kernel might add up
in another order when more matrices are in the batch.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from rlid.batched.dense import Stack
from rlid.networks import Network, make
from rlid.random_stream import Stream

NETWORKS = (("mlp:20x20", 4, 2), ("mlp:64x64", 17, 6), ("mlp:32", 3, 1), ("mlp:128x128", 8, 4))
"""Name, inputs and outputs of the networks that are tried."""
COLUMNS = (1, 24, 64)
"""Observations of each trial."""
LARGEST, OTHERS = 16, (1, 2, 3, 7)
"""Trials in the batch whose rows are compared, and in the batches that they are compared with."""


def differing_batches() -> list[str]:
    """Return the batches whose rows differ from those of a larger batch, one text each.

    Outputs and gradients of the batched policy gradient, and outputs of populations as evolution
    strategies evaluate them, must be equal to the last bit. An empty list: they are.
    """
    return [text for name, inputs, outputs in NETWORKS for text in _of(make(name, inputs, outputs))]


def _of(network: Network) -> Iterator[str]:
    for m in COLUMNS:
        Theta, x, slopes = _draws(network, m)  # noqa: N806
        expected = _results(network, Theta, x, slopes)
        for n in OTHERS:
            results = _results(network, Theta[:n], x[:n], slopes[:n])
            for what, result in results.items():
                if not torch.equal(result, expected[what][:n]):
                    yield (
                        f"{what} of {network.architecture.name}, {m} observations, "
                        f"{n} of {LARGEST} trials"
                    )


def _draws(network: Network, m: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return weights (LARGEST, D), observations and derivatives (LARGEST, m, ...)."""
    stream = Stream(m, "batched/self_test")

    def normal(*shape: int) -> torch.Tensor:
        draws = stream.normal(int(np.prod(shape))).reshape(shape)
        return torch.from_numpy(draws.astype(np.float32))

    weights = 0.3 * normal(LARGEST, network.D)
    return weights, normal(LARGEST, m, network.inputs), normal(LARGEST, network.outputs, m)


def _results(
    network: Network, Theta: torch.Tensor, x: torch.Tensor, slopes: torch.Tensor
) -> dict[str, torch.Tensor]:
    """Return what is computed of each row of a batch, by what it is."""
    n = len(Theta)
    with torch.no_grad():
        stack = Stack([network], n, torch.device("cpu"))
        stack.load([Theta])
        outputs = stack.forward(x)[:n].clone()
        (gradient,) = stack.backward(slopes)
        return {
            "training outputs": outputs,
            "gradients": gradient[:n],
            "population outputs": network.bind(Theta)(x),
        }
