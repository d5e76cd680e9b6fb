"""Networks of images: sizes, outputs, initialisation, names, and images in blocks."""

import hashlib

import numpy as np
import pytest
import torch
from torch import nn

from rlid.networks import Network, parse

SHAPES = {
    "lenet": (1, 28, 28),
    "conv:16-32-256": (4, 84, 84),
    "conv:8-12": (6, 10, 10),
    "conv:4-8-16": (3, 20, 24),
}


def network_of(name, shape=None, outputs=6, activation="relu"):
    shape = shape or SHAPES[name]
    return Network(parse(name), int(np.prod(shape)), outputs, activation, shape, 1 / 255)


def frames(network, *size, seed=0):
    rng = np.random.default_rng(seed)
    return torch.from_numpy(rng.integers(0, 256, (*size, network.inputs), dtype=np.uint8))


@pytest.mark.parametrize(
    ("name", "shape", "outputs", "D"),
    [
        ("lenet", (1, 28, 28), 10, 44_426),
        ("lenet", (3, 32, 32), 10, 62_006),
        ("mlp:200x200", (1, 28, 28), 10, 199_210),
        ("mlp:200x200", (3, 32, 32), 10, 656_810),
        ("mlp:400x400x400x400x400", (1, 28, 28), 10, 959_610),
        ("conv:16-32-256", (4, 84, 84), 6, 1_005_366),
        ("conv:16-128", (4, 10, 10), 6, 206_294),
    ],
)
def test_sizes_are_those_of_the_paper(name, shape, outputs, D):
    assert network_of(name, shape, outputs).D == D


def torch_twin(network, theta):
    """Return the network as torch modules in torch's own order, with weights copied from theta."""
    modules, end = [], 0

    def take(*shape):
        nonlocal end
        start, end = end, end + int(np.prod(shape))
        return theta[start:end].reshape(shape).clone()

    for index, layer in enumerate(network.layers):
        if hasattr(layer, "kernel"):
            module = nn.Conv2d(layer.channels, layer.outputs, layer.kernel, layer.stride)
            weight, bias = take(*layer.weight_shape), take(layer.outputs)
            modules += [nn.ZeroPad2d(layer.padding), module, nn.ReLU(), nn.MaxPool2d(layer.pool)]
        else:
            if hasattr(network.layers[index - 1], "kernel"):
                modules += [HeightWidthChannels(), nn.Flatten()]
            module = nn.Linear(layer.inputs, layer.outputs)
            weight, bias = take(layer.inputs, layer.outputs).T, take(layer.outputs)
            modules += [module, nn.ReLU()]
        module.weight.data, module.bias.data = weight, bias
    assert end == network.D
    return nn.Sequential(*modules[:-1])


class HeightWidthChannels(nn.Module):
    def forward(self, x):
        return x.movedim(1, -1)


@pytest.mark.parametrize("name", list(SHAPES))
def test_outputs_equal_those_of_torch_layers(name):
    network = network_of(name)
    theta = torch.from_numpy(network.initial(7)) + 0.01
    x = frames(network, 5)
    expected = torch_twin(network, theta)(x.view(5, *network.shape).float() / 255)
    assert expected.std() > 0.01
    assert torch.allclose(network.outputs_of(theta, x), expected, atol=1e-5)
    assert torch.allclose(network.bind(theta[None])(x[None])[0], expected, atol=1e-5)


@pytest.mark.parametrize("name", [*SHAPES, "mlp:20x20"])
def test_an_output_has_the_same_bits_alone_and_in_any_batch(name):
    network = network_of(name, SHAPES.get(name, (3, 7, 5)))
    rng = np.random.default_rng(1)
    Theta = torch.from_numpy(rng.standard_normal((5, network.D)).astype(np.float32) / 10)
    x = frames(network, 5, 3)
    together = network.bind(Theta)(x)
    assert together.shape == (5, 3, 6)
    for row in range(5):
        alone = network.bind(Theta[row : row + 1])(x[row : row + 1])
        assert torch.equal(together[row], alone[0])
    last_two = network.bind(Theta[3:])(x[3:])
    assert torch.equal(together[3:], last_two)


@pytest.mark.parametrize("name", [*SHAPES, "mlp:20x20"])
def test_bytes_give_the_outputs_of_scaled_floats(name):
    network = network_of(name, SHAPES.get(name, (3, 7, 5)))
    theta = torch.from_numpy(network.initial(3))
    x = frames(network, 4)
    by_hand = network.outputs_of(theta, x.float() / 255)
    assert torch.allclose(network.outputs_of(theta, x), by_hand, atol=1e-6)
    assert x.dtype == torch.uint8
    unscaled = Network(parse(name), network.inputs, 6, "relu", network.shape)
    by_hand = unscaled.outputs_of(theta, x.float())
    assert torch.allclose(unscaled.outputs_of(theta, x), by_hand, rtol=1e-4, atol=1e-3)


def test_gradients_reach_every_layer():
    network = network_of("conv:4-8-16")
    theta = torch.from_numpy(network.initial(3)).requires_grad_()
    network.outputs_of(theta, frames(network, 8)).square().sum().backward()
    assert all((weights != 0).any() for weights, _ in network.parts(theta.grad))


def test_lecun_filters_have_variance_one_over_inputs_and_biases_are_zero():
    network = network_of("conv:64-64-32", (4, 84, 84))
    first, second, *_ = network.parts(torch.from_numpy(network.initial(3)))
    assert np.isclose(first[0].std(), (4 * 8 * 8) ** -0.5, rtol=0.02)
    assert np.isclose(second[0].std(), (64 * 4 * 4) ** -0.5, rtol=0.02)
    assert not first[1].any()
    assert not second[1].any()


def test_orthogonal_filters_are_orthogonal():
    network = network_of("conv:16-32-8+orthogonal", (4, 20, 20))
    filters = network.parts(torch.from_numpy(network.initial(3)))[0][0].reshape(16, -1)
    assert torch.allclose(filters @ filters.T, torch.eye(16), atol=1e-5)


@pytest.mark.parametrize(
    ("network", "digest"),
    [
        (Network(parse("mlp:20x20"), 4, 2), "d2a2890b1a1cf186"),
        (Network(parse("linear"), 4, 2), "5a6af6d99fe33a00"),
        (network_of("lenet"), "7baaf0a0fe945ae5"),
    ],
    ids=["mlp", "linear", "lenet"],
)
def test_the_draws_of_a_start_are_frozen(network, digest):
    rounded = np.round(network.initial(1), 5).astype("<f4")
    assert hashlib.sha256(rounded.tobytes()).hexdigest()[:16] == digest


def test_names_are_canonical():
    assert parse("conv:016-32-256+lecun").name == "conv:16-32-256"
    for name in ("lenet", "conv:16-32-256", "lenet+orthogonal", "conv:8-12+orthogonal+out=0.01"):
        assert parse(name).name == name


@pytest.mark.parametrize("name", ["conv", "conv:", "conv:16", "conv:16x32", "conv:0-3", "lenet:5"])
def test_names_outside_the_grammar_are_refused_in_one_line(name):
    with pytest.raises(ValueError, match="network") as caught:
        parse(name)
    assert "\n" not in str(caught.value)


def test_convolutions_need_images_that_are_large_enough():
    with pytest.raises(ValueError, match="takes images, and this task shows 4 numbers"):
        Network(parse("conv:16-32-256"), 4, 2)
    with pytest.raises(ValueError, match="at least 16x16, not 10x10"):
        network_of("lenet", (4, 10, 10))


@pytest.mark.parametrize(
    ("name", "shape", "side"),
    [
        ("conv:16-32-256", (4, 84, 84), 4),
        ("conv:16-32-256", (3, 85, 50), 4),
        ("conv:4-8-16", (3, 20, 24), 1),
        ("conv:8-12", (6, 10, 10), 1),
        ("lenet", (3, 32, 32), 1),
    ],
)
@pytest.mark.parametrize("is_bytes", [True, False])
def test_a_network_in_blocks_is_the_same_function(name, shape, side, is_bytes):
    network = network_of(name, shape)
    cut = network.in_blocks()
    x = frames(network, 5)
    x = x if is_bytes else x.float() / 255
    squares = torch.from_numpy(cut.blocks.cut(x.numpy()))
    assert (cut.D, cut.blocks.side, squares.dtype) == (network.D, side, x.dtype)
    assert squares.shape == (5, cut.blocks.size)
    # Squares hold the numbers of the images and zeros around them.
    assert np.array_equal(np.sort(squares[squares != 0]), np.sort(x[x != 0]))
    outputs, gradients = [], []
    for variant, observations in ((network, x), (cut, squares)):
        theta = torch.from_numpy(network.initial(0)).requires_grad_()
        output = variant.outputs_of(theta, observations)
        output.square().sum().backward()
        outputs.append(output.detach())
        gradients.append(theta.grad)
    # Where squares are single pixels, only their order in memory differs.
    atol = 1e-6 if side > 1 else 1e-7
    assert torch.allclose(*outputs, rtol=0, atol=atol)
    assert torch.allclose(*gradients, rtol=1e-4, atol=1e-6)


def test_a_network_without_convolutions_has_no_blocks():
    assert network_of("mlp:8", (4, 84, 84)).in_blocks().blocks is None
