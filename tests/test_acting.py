"""Policies act in rows: quickly where that is safe, and always as one of them alone would."""

import numpy as np
import pytest
import torch
from gymnasium.spaces import Box, Discrete

from rlid import acting
from rlid.networks import Network, parse

NETWORKS = ["linear", "mlp:3", "mlp:20x20", "mlp:64x64", "mlp:7x130x5"]


def drawn(network, n, m, seed=0, spread=0.3):
    rng = np.random.default_rng(seed)
    start = np.stack([network.initial(row) for row in range(n)])
    theta = torch.from_numpy(start) + spread * torch.from_numpy(
        rng.standard_normal((n, network.D)).astype(np.float32)
    )
    return theta, rng.standard_normal((n, m, network.inputs)).astype(np.float32)


def filled(network, space, theta):
    policies = acting.make_policies(network, space, "clip")
    policies.put(np.arange(len(theta)), list(theta), len(theta))
    return policies


def by_outputs(network, theta, x):
    return network.bind(theta)(torch.from_numpy(x)).numpy().argmax(-1).ravel()


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("spread", [0.01, 0.3, 30.0])
def test_quick_choices_are_those_of_the_outputs(name, spread):
    network = Network(parse(name), 4, 2)
    theta, x = drawn(network, 40, 7, spread=spread)
    assert np.array_equal(
        filled(network, Discrete(2, start=3), theta).act(x), 3 + by_outputs(network, theta, x)
    )


@pytest.mark.parametrize("name", NETWORKS)
def test_where_two_outputs_are_nearly_equal_the_exact_ones_decide(name):
    network = Network(parse(name), 4, 2)
    theta, x = drawn(network, 30, 50)
    inputs = network.layers[-1].inputs
    last = theta[:, -2 * (inputs + 1) : -2].view(-1, inputs, 2)
    last[..., 1] = last[..., 0]
    theta[:, -1] = theta[:, -2]
    # The two differ in the last bit of one weight, so that rounding makes many of them equal.
    last[:, 0, 1] = torch.nextafter(last[:, 0, 0], torch.tensor(torch.inf))
    chosen = filled(network, Discrete(2), theta).act(x)
    expected = by_outputs(network, theta, x)
    assert np.array_equal(chosen, expected)
    assert 0 < expected.sum() < expected.size


@pytest.mark.parametrize("name", NETWORKS)
def test_what_rounding_does_stays_far_below_its_bound(name):
    network = Network(parse(name), 4, 2)
    theta, x = drawn(network, 40, 50)
    policies = filled(network, Discrete(2), theta)
    policies.act(x)
    quick = policies._layers[-1][2][..., 0]
    exact = network.bind(theta)(torch.from_numpy(x)).numpy().astype(np.float64)
    slope, least = policies._rounding[:, :40]
    bound = slope * np.abs(x).max() + least
    assert (np.abs(quick - (exact[..., 1] - exact[..., 0])) < bound[:, None] / 2).all()


def test_weights_without_end_choose_as_their_outputs_do():
    network = Network(parse("mlp:8"), 4, 2)
    theta, x = drawn(network, 3, 5)
    theta[0] *= 1e38
    theta[1, -1] = torch.inf
    theta[2, -1] = torch.nan
    with np.errstate(all="ignore"):
        chosen = filled(network, Discrete(2), theta).act(x)
    assert np.array_equal(chosen, by_outputs(network, theta, x))


@pytest.mark.parametrize("space", [Discrete(2), Discrete(3), Box(-1, 1, (2,), np.float32)])
def test_rows_can_be_replaced_added_and_dropped(space):
    network = Network(parse("mlp:6"), 4, 3 if space == Discrete(3) else 2)
    theta, x = drawn(network, 9, 4)
    policies = filled(network, space, theta[:5])
    policies.put(np.array([1, 5, 6, 7]), list(theta[5:]), 8)
    policies.act(x[:8])
    policies.put(np.array([0]), [theta[1]], 3)
    now = theta[[1, 5, 2]]
    assert np.array_equal(policies.act(x[:3]), filled(network, space, now).act(x[:3]))
