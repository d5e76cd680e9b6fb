"""Gradients that are written out equal those of torch's automatic differentiation."""

import math

import numpy as np
import pytest
import torch
from torch.distributions import Bernoulli, Categorical, Independent, Normal

from rlid.batched import actions as ours
from rlid.batched.critics import FullCritics, SharedCritics, SubspaceCritics, critic_subspace
from rlid.batched.pairs import make_pairs
from rlid.batched.weights import SubspaceBatch
from rlid.networks import Network, parse
from rlid.subspace import make_subspace

n, m = 3, 40


def torch_distributions(kind, outputs):
    """The parts of torch's distribution over actions, by outputs (n, outputs, m)."""
    by_last = outputs.transpose(1, 2)
    if isinstance(kind, ours.Categorical):
        return [Categorical(logits=part) for part in torch.split(by_last, list(kind.sizes), -1)]
    if isinstance(kind, ours.Bernoulli):
        return [Independent(Bernoulli(logits=by_last), 1)]
    return [Independent(Normal(by_last, math.exp(kind.log_std)), 1)]


KINDS = [
    (ours.Categorical((2,)), 2),
    (ours.Categorical((3, 2, 4)), 9),
    (ours.Bernoulli(3), 3),
    (ours.Normal(2, -0.5), 2),
]


@pytest.mark.parametrize(("kind", "outputs"), KINDS)
@pytest.mark.parametrize("of_entropy", [0.0, 0.7])
def test_likelihood_and_slope_equal_torchs(kind, outputs, of_entropy):
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(n, outputs, m, generator=generator).requires_grad_()
    weights = torch.randn(n, m, generator=generator)
    noise = np.stack([kind.noise(np.random.default_rng(row), 1, m)[0] for row in range(n)])
    actions = kind.sample(logits.detach(), torch.from_numpy(noise))
    likelihood = kind.likelihood(logits.detach(), actions)

    parts = torch_distributions(kind, logits)
    chosen = actions.transpose(1, 2)
    of_parts = chosen.unbind(-1) if isinstance(kind, ours.Categorical) else [chosen]
    log_prob = sum(part.log_prob(own) for part, own in zip(parts, of_parts, strict=True))
    entropy = sum(part.entropy() for part in parts)
    total = (weights * log_prob).sum() + of_entropy * entropy.sum()
    (expected,) = torch.autograd.grad(total, logits)
    torch.testing.assert_close(likelihood.log_prob, log_prob.detach(), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(likelihood.slope(weights, of_entropy), expected)


def test_choices_are_drawn_as_often_as_their_probabilities_say():
    kind = ours.Categorical((3, 2))
    logits = torch.tensor([1.0, 0.0, -1.0, 0.5, -0.5])
    draws = 100_000
    noise = torch.from_numpy(kind.noise(np.random.default_rng(0), 1, draws))
    chosen = kind.sample(logits.view(1, 5, 1).expand(1, 5, draws), noise)[0]
    for column, part in enumerate(torch.split(logits, [3, 2])):
        shares = torch.bincount(chosen[column], minlength=len(part)) / draws
        torch.testing.assert_close(shares, torch.softmax(part, 0), rtol=0, atol=0.006)


def pairs_of(network, critic, dims=(5, 9, 7)):
    """Pairs of trials of these d, their subspaces and their critics."""
    subspaces = SubspaceBatch(
        [make_subspace(network, "onehot", d, seed) for seed, d in enumerate(dims)],
        [1.0 + d for d in dims],
    )
    if critic == "full":
        critics = FullCritics(network)
    elif critic == "shared":
        critics = SharedCritics(network)
    else:
        own = [critic_subspace(network, d, np.random.default_rng(d)) for d in dims]
        critics = SubspaceCritics(network, SubspaceBatch(own, [2.0 + d for d in dims]))
    return make_pairs(network, subspaces, critics, len(dims)), subspaces, critics


def computed_one_by_one(network, critic, subspaces, critics, W, Phi, x):
    """Outputs and values by plain torch modules, with a graph back to W and Phi."""
    outputs, values = [], []
    for row, (subspace, scale) in enumerate(
        zip(subspaces.subspaces, subspaces.scales, strict=True)
    ):
        P = torch.stack([subspace.P(e) for e in torch.eye(subspace.d)], 1)
        theta = subspace.theta0 + P @ (W[row, : subspace.d] * scale)
        if critic == "shared":
            size = critics.size * network.outputs
            last = theta[-size:].view(critics.size, network.outputs)
            joined = torch.cat([last, Phi[row].unsqueeze(1)], 1).flatten()
            both = applied(wider(network), torch.cat([theta[:-size], joined]), x[row])
            outputs.append(both[:, :-1])
            values.append(both[:, -1])
            continue
        outputs.append(applied(network, theta, x[row]))
        weights = critics.expand(W, Phi)[row] if critic == "full" else None
        if critic == "subspace":
            own = critics._batch.subspaces[row]
            P_c = torch.stack([own.P(e) for e in torch.eye(own.d)], 1)
            weights = own.theta0 + P_c @ (W[row, : own.d] * critics._batch.scales[row])
        values.append(applied(critics.network, weights, x[row])[:, 0])
    return torch.stack(outputs).transpose(1, 2), torch.stack(values)


def wider(network):
    return Network(
        network.architecture, network.inputs, network.outputs + 1, network.activation, network.shape
    )


def applied(network, theta, x):
    """Outputs (m, outputs) of a network at theta, by torch's own layers."""
    return network.apply(network.prepared(theta), x)


@pytest.mark.parametrize("critic", ["full", "shared", "subspace"])
@pytest.mark.parametrize(
    ("name", "activation", "shape"),
    [
        ("mlp:8x8", "tanh", None),
        ("mlp:8x8", "relu", None),
        ("linear", "tanh", None),
        ("conv:4-8", "relu", (2, 10, 10)),
    ],
)
def test_gradients_of_pairs_equal_torchs(name, activation, shape, critic):
    if critic == "shared" and name == "linear":
        pytest.skip("a linear actor has no hidden layer to share")
    inputs = math.prod(shape) if shape else 4
    network = Network(parse(name), inputs, 3, activation, shape)
    pairs, subspaces, critics = pairs_of(network, critic)
    generator = torch.Generator().manual_seed(1)
    W = 0.1 * torch.randn(n, 9, generator=generator)
    for row, subspace in enumerate(subspaces.subspaces):
        W[row, subspace.d :] = 0
    Phi = 0.3 * torch.randn(n, critics.size, generator=generator)
    x = torch.randn(n, m, inputs, generator=generator)
    slopes = torch.randn(n, 3, m, generator=generator), torch.randn(n, m, generator=generator)

    pairs.load(W, Phi)
    outputs, values = pairs.forward(x)
    gradients = pairs.backward(*slopes)

    W, Phi = W.clone().requires_grad_(), Phi.clone().requires_grad_()
    expected = computed_one_by_one(network, critic, subspaces, critics, W, Phi, x)
    torch.testing.assert_close(outputs, expected[0].detach(), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(values, expected[1].detach(), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(pairs.act(x), outputs, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(pairs.values(x), values, rtol=1e-4, atol=1e-5)
    in_w, in_phi = torch.autograd.grad(expected, (W, Phi), slopes, allow_unused=True)
    for row, subspace in enumerate(subspaces.subspaces):
        own = slice(0, subspace.d)
        torch.testing.assert_close(gradients[0][row, own], in_w[row, own], rtol=1e-3, atol=1e-3)
    if in_phi is not None and Phi.numel():
        torch.testing.assert_close(gradients[1], in_phi, rtol=1e-3, atol=1e-3)
