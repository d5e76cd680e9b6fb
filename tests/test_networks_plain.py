"""The plain torch module of a network gives the outputs of the network."""

import numpy as np
import pytest
import torch

from rlid.networks import Network, parse
from rlid.networks.plain import to_torch


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("linear", None),
        ("mlp:7x5", None),
        ("lenet", (1, 28, 28)),
        ("conv:4-8-16", (3, 32, 32)),
        ("conv:4-8-16", (4, 84, 84)),
    ],
)
@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_the_plain_module_is_the_same_function(name, shape, activation):
    inputs = 12 if shape is None else int(np.prod(shape))
    network = Network(parse(name), inputs, 3, activation, shape)
    rng = torch.Generator().manual_seed(0)
    theta = torch.from_numpy(network.initial(0))
    theta += 0.1 * torch.randn(network.D, generator=rng)
    x = torch.randn(6, inputs, generator=rng)
    module = to_torch(network, theta)
    assert sum(p.numel() for p in module.parameters()) == network.D
    assert all(type(part).__module__.startswith("torch.nn") for part in module)
    with torch.inference_mode():
        torch.testing.assert_close(module(x), network.outputs_of(theta, x), rtol=1e-4, atol=1e-5)


def test_bare_weights_have_no_plain_module():
    with pytest.raises(ValueError, match="has no layers"):
        to_torch(Network(parse("vector:5"), 5, 1), torch.zeros(5))
