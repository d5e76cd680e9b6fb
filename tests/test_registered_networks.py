"""Networks of a user's own: named, typed, drawn, evaluated and trained as the built-in ones are."""

import random

import numpy as np
import own_networks
import pytest
import torch
from policies import a_file
from torch import nn

import rlid
from rlid.errors import InputError
from rlid.networks import NETWORKS, make, parse, to_torch
from rlid.policies import policy, policy_file
from rlid.policies.policy import Policy
from rlid.task import resolve

IMAGE = (1, 12, 12)


def network(name, inputs=4, outputs=2):
    return make(name, inputs, outputs)


def of_images(name):
    return make(name, 144, 5, "relu", IMAGE, 1 / 255)


def weights_of(network, n, seed=0):
    rng = np.random.default_rng(seed)
    Theta = network.initial(0) + 0.1 * rng.standard_normal((n, network.D))
    return torch.from_numpy(Theta.astype(np.float32))


def observations(network, *sizes):
    generator = torch.Generator().manual_seed(3)
    if network.byte_scale != 1:
        shape = (*sizes, network.inputs)
        return torch.randint(0, 256, shape, generator=generator, dtype=torch.uint8)
    return torch.randn(*sizes, network.inputs, generator=generator)


def test_a_name_is_canonical_and_holds_every_setting():
    assert NETWORKS.entry("mlp_copy").tags == ("a-tag",)
    assert rlid.NETWORKS is NETWORKS
    for name in ("small", "small:width=8", "small:rate=5e-1+width=08", "small:bias=TRUE"):
        assert parse(name).name == "small:width=8+rate=0.5+bias=true"
    assert parse("small:rate=1e30").name == "small:width=8+rate=1e30+bias=true"
    assert parse(parse("small:rate=1e30").name).name == "small:width=8+rate=1e30+bias=true"
    assert parse("branching").name == "branching"


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("smal", "did you mean 'small'"),
        ("small:", "NAME=VALUE"),
        ("small:9", "NAME=VALUE"),
        ("small:widht=9", "did you mean 'width'"),
        ("small:width=9+", "NAME=VALUE"),
        ("small:width=wide", "type int"),
        ("small:rate=nan", "finite"),
        ("small:bias=1", "true or false"),
        ("small+orthogonal", "unknown network"),
        ("branching:width=1", "no settings"),
        ("mlp_copy:activation=ReLU", "a-z"),
    ],
)
def test_a_wrong_name_is_refused_in_one_line(name, says):
    with pytest.raises(InputError, match=says) as error:
        parse(name)
    assert "\n" not in str(error.value)


def test_outputs_are_those_of_the_module_with_the_weights_in_order_of_definition():
    made = network("small")
    theta = weights_of(made, 1)[0]
    module = own_networks.Small((4,), 2).eval()
    start = 0
    for parameter in module.parameters():
        if parameter.requires_grad:
            end = start + parameter.numel()
            parameter.data = theta[start:end].view(parameter.shape)
            start = end
    assert start == made.D
    assert module.tied.weight is module.first.weight
    x = observations(made, 9)
    assert torch.allclose(made.outputs_of(theta, x), module(x), atol=1e-6)
    assert torch.allclose(made.bind(theta[None])(x[None])[0], module(x), atol=1e-6)


@pytest.mark.parametrize("name", ["mlp_copy", "plain_mlp", "backwards", "small", "branching"])
@pytest.mark.parametrize("is_training", [False, True])
def test_a_row_has_the_same_bits_alone_and_in_any_batch(name, is_training):
    made = network(name, 5, 3)
    Theta = weights_of(made, 9).requires_grad_(is_training)
    for m in (1, 4, 17):
        x = observations(made, 9, m)
        together = made.bind(Theta)(x)
        for row in range(9):
            assert torch.equal(made.bind(Theta[row : row + 1])(x[row : row + 1])[0], together[row])
        assert torch.equal(made.bind(Theta[2:5])(x[2:5]), together[2:5])


@pytest.mark.parametrize("name", ["resnet:width=8+stages=2", "attention:width=8+depth=1"])
def test_a_row_of_images_has_the_same_bits_alone_and_in_any_batch(name):
    made = of_images(name)
    Theta = weights_of(made, 3)
    x = observations(made, 3, 7)
    together = made.bind(Theta)(x)
    for row in range(3):
        assert torch.equal(made.bind(Theta[row : row + 1])(x[row : row + 1])[0], together[row])


def test_plain_modules_are_evaluated_in_one_batch_and_the_others_in_a_loop():
    assert network("mlp_copy").is_batched
    assert network("small").is_batched
    assert not network("branching").is_batched
    assert not of_images("mlp_copy").is_batched


@pytest.mark.parametrize("name", ["plain_mlp", "backwards"])
def test_a_chain_of_layers_is_computed_as_the_built_in_network_is(name):
    for made in (network(name), of_images(name)):
        assert made.chain is not None
        Theta, x = weights_of(made, 3), observations(made, 3, 5)
        rows = [made.outputs_of(theta, row) for theta, row in zip(Theta, x, strict=True)]
        assert torch.allclose(made.bind(Theta)(x), torch.stack(rows), atol=1e-5)


class Skip(nn.Module):
    """Two layers, with the inputs added to what the first returns; `twice` uses one layer twice."""

    def __init__(self, twice=False):
        super().__init__()
        self.a, self.b, self.twice = nn.Linear(4, 4), nn.Linear(4, 2), twice

    def forward(self, x):
        hidden = torch.tanh(self.a(x))
        return self.b(torch.tanh(self.a(hidden)) if self.twice else hidden + x)


def with_hook():
    layers = nn.Sequential(nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 2))
    layers[0].register_forward_hook(lambda layer, inputs, outputs: 2 * outputs)
    return layers


@pytest.mark.parametrize(
    "build",
    [
        Skip,
        lambda: Skip(twice=True),
        with_hook,
        lambda: nn.Sequential(nn.Linear(4, 2), nn.Tanh()),
        lambda: nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 2)),
        lambda: nn.Sequential(nn.Linear(4, 4, bias=False), nn.Tanh(), nn.Linear(4, 2)),
        lambda: nn.Sequential(nn.Linear(4, 4), nn.GELU(), nn.Linear(4, 2)),
        lambda: nn.utils.parametrizations.weight_norm(nn.Linear(4, 2)),
        lambda: nn.Sequential(nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 2).requires_grad_(False)),
        lambda: nn.Sequential(nn.Linear(4, 2), nn.Softmax(1)),
    ],
)
def test_a_module_that_is_no_chain_of_layers_is_computed_by_the_module_itself(build, monkeypatch):
    list(NETWORKS)
    monkeypatch.setattr(NETWORKS, "_entries", dict(NETWORKS._entries))
    torch.manual_seed(0)
    constant = {name: value.clone() for name, value in build().state_dict().items()}

    @NETWORKS.add("mine")
    def mine(shape, outputs):
        module = build()
        module.load_state_dict(constant)
        return module

    made = network("mine")
    assert made.chain is None
    Theta, x = weights_of(made, 3), observations(made, 3, 5)
    rows = [made.outputs_of(theta, row) for theta, row in zip(Theta, x, strict=True)]
    assert torch.allclose(made.bind(Theta)(x), torch.stack(rows), atol=1e-5)


def test_the_gradient_is_finite_where_the_module_cannot_take_zeros():
    made = network("unit")
    assert made.is_batched
    assert not torch.isfinite(made.outputs_of(weights_of(made, 1)[0], torch.zeros(1, 4))).all()
    Theta = weights_of(made, 3).requires_grad_()
    x = observations(made, 3, 5)
    made.bind(Theta)(x).square().sum().backward()
    expected = weights_of(made, 3).requires_grad_()
    rows = [made.outputs_of(theta, row) for theta, row in zip(expected, x, strict=True)]
    torch.stack(rows).square().sum().backward()
    assert torch.allclose(Theta.grad, expected.grad, rtol=1e-4, atol=1e-5)


def test_the_start_is_drawn_from_the_seed_and_no_global_generator_moves():
    made = network("small")
    torch.manual_seed(1)
    random.seed(1)
    first = made.initial(7)
    states = torch.get_rng_state(), random.getstate()
    assert np.array_equal(made.initial(7), first)
    assert not np.array_equal(made.initial(8), first)
    assert torch.equal(torch.get_rng_state(), states[0])
    assert random.getstate() == states[1]


def test_buffers_and_frozen_parameters_are_hidden_state_and_dropout_is_off():
    made = network("small")
    # Batch norm: mean, variance and count of batches; then the frozen scale.
    assert made.hidden_state == {"network_constants": 8 + 8 + 1 + 8}
    assert network("mlp_copy").hidden_state == {}
    x, theta = observations(made, 6), weights_of(made, 1)[0]
    assert torch.equal(made.outputs_of(theta, x), made.outputs_of(theta, x))


def test_the_half_precision_of_a_module_is_close_to_its_full_precision():
    made = of_images("resnet:width=8+stages=2")
    theta, x = weights_of(made, 1)[0], observations(made, 20)
    full = made.outputs_of(theta, x)
    half = made.apply(made.prepared(theta, is_half=True), x, is_half=True)
    assert half.dtype == torch.float32
    assert not torch.equal(half, full)
    assert torch.allclose(half, full, atol=0.1)


def test_a_module_with_the_weights_of_a_network_is_independent_of_it():
    made = network("small")
    theta, x = weights_of(made, 1)[0], observations(made, 6)
    plain = to_torch(made, theta)
    assert torch.equal(plain(x), made.outputs_of(theta, x))
    with torch.no_grad():
        plain[1].last.bias += 1
    assert not torch.equal(plain(x), made.outputs_of(theta, x))


def test_a_policy_file_rebuilds_a_registered_network():
    problem = policy.make(resolve("cartpole"), "small", "onehot", 3, 5)
    codes, scale = policy_file.encode_z(np.array([0.1, -0.2, 0.3], np.float32), 8)
    z = policy_file.decode_z(codes, 8, scale)
    sha256 = problem.subspace.theta_sha256(z)
    file = a_file(
        network=problem.network.architecture.name,
        codes=codes,
        scale=scale,
        theta_sha256=bytes.fromhex(sha256),
    )
    rebuilt = Policy.build(policy_file.parse(file.dump()))
    assert rebuilt.problem.subspace.theta_sha256(rebuilt.file.z) == sha256
    assert rebuilt.predict([0.1, 0.2, 0.3, 0.4]) in (0, 1)
