"""What must hold for every network, whatever its architecture."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from rlid.errors import InputError
from rlid.networks import Network, make, to_torch
from rlid.testing.findings import Finding, raise_failed, wrong
from rlid.world import Shape

ROWS, EPISODES = 3, 5
TOLERANCE = 1e-4
"""Between ways of computing one output, which is of order 1."""


def check_network(
    name: str, *, inputs: int = 4, outputs: int = 2, shape: Shape | None = None
) -> None:
    """Check that every way to evaluate a network gives the same outputs, row by row.

    Args:
        name: the name of the network.
        inputs: numbers in an observation; with a shape, its product.
        outputs: numbers that it gives.
        shape: (channels, height, width), where observations are images.

    Raises:
        CheckFailed: a check failed; the message has a line for each.
    """
    try:
        size = int(np.prod(shape)) if shape else inputs
        network = make(name, size, outputs, shape=shape)
    except InputError as error:
        raise_failed(name, [Finding("registration", "refused", str(error))])
        return
    raise_failed(name, _findings(network))


def _findings(network: Network) -> Iterator[Finding]:
    import torch

    theta0 = network.initial(1)
    if theta0.shape != (network.D,) or not np.isfinite(theta0).all():
        yield wrong("start", f"theta0 has shape {theta0.shape}", f"return ({network.D},) numbers")
        return
    if not np.array_equal(theta0, network.initial(1)):
        yield wrong("start", "one seed gives two of them", "draw from the seed alone")
    if np.array_equal(theta0, network.initial(2)):
        yield wrong("start", "two seeds give one", "draw from the seed")
    rng = np.random.default_rng(0)
    drawn = theta0 + 0.1 * rng.standard_normal((ROWS, network.D))
    Theta = torch.tensor(drawn, dtype=torch.float32)  # noqa: N806
    x = torch.tensor(rng.standard_normal((ROWS, EPISODES, network.inputs)), dtype=torch.float32)
    with torch.inference_mode():
        together = network.bind(Theta)(x)
        if together.shape != (ROWS, EPISODES, network.outputs):
            yield wrong("outputs", f"shape {tuple(together.shape)}", "return (n, m, outputs)")
            return
        alone = torch.cat([network.bind(Theta[i : i + 1])(x[i : i + 1]) for i in range(ROWS)])
        if not torch.equal(together, alone):
            yield wrong("rows", "a row depends on the others", "compute each row by itself")
        for way, other in (
            ("outputs_of", network.outputs_of(Theta[0], x[0])),
            ("to_torch", to_torch(network, Theta[0])(x[0])),
        ):
            if not torch.allclose(together[0], other, atol=TOLERANCE):
                yield wrong(way, "it gives other outputs than bind", "compute the same")
    theta = torch.tensor(theta0, requires_grad=True)
    total: Any = network.outputs_of(theta, x[0]).sum()
    total.backward()
    if theta.grad is None or not torch.isfinite(theta.grad).all():
        yield wrong("gradient", "it is not finite", "let theta's gradient pass")
