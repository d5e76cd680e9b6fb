"""Networks without convolutions: sizes, outputs, initialisation, names."""

import numpy as np
import pytest
import torch

from rlid.networks import Network, parse


@pytest.mark.parametrize(
    ("name", "inputs", "outputs", "D"),
    [
        ("mlp:20x20", 4, 2, 562),
        ("mlp:400x400", 4, 2, 163_202),
        ("mlp:20x20", 4, 1, 541),
        ("mlp:256x256", 376, 17, 166_673),
        ("linear", 4, 2, 10),
    ],
)
def test_sizes_are_those_of_the_paper(name, inputs, outputs, D):
    assert Network(parse(name), inputs, outputs).D == D


def test_outputs_equal_those_of_torch_layers():
    network = Network(parse("mlp:5x6"), 3, 2)
    theta = torch.from_numpy(network.initial(7)) + 0.1
    layers = [torch.nn.Linear(layer.inputs, layer.outputs) for layer in network.layers]
    start = 0
    for layer in layers:
        end = start + layer.weight.numel()
        layer.weight.data = theta[start:end].view(layer.in_features, -1).T
        start = end + layer.out_features
        layer.bias.data = theta[end:start]
    x = torch.randn(11, 3, generator=torch.Generator().manual_seed(0))
    first, second, last = layers
    expected = last(torch.tanh(second(torch.tanh(first(x)))))
    assert torch.allclose(network.outputs_of(theta, x), expected, atol=1e-6)
    assert torch.allclose(network.bind(theta[None])(x[None])[0], expected, atol=1e-6)


def test_lecun_weights_have_variance_one_over_inputs_and_biases_are_zero():
    network = Network(parse("mlp:300"), 200, 50)
    theta0 = network.initial(3)
    assert np.isclose(theta0[:60_000].std(), 200**-0.5, rtol=0.02)
    assert np.isclose(theta0[60_300:75_300].std(), 300**-0.5, rtol=0.02)
    assert not theta0[60_000:60_300].any()
    assert not theta0[75_300:].any()


def test_orthogonal_weights_are_orthogonal():
    network = Network(parse("mlp:30+orthogonal"), 8, 4)
    theta0 = network.initial(3)
    first, last = theta0[:240].reshape(8, 30), theta0[270:390].reshape(30, 4)
    assert np.allclose(first @ first.T, np.eye(8), atol=1e-5)
    assert np.allclose(last.T @ last, np.eye(4), atol=1e-5)


def test_the_output_scale_shrinks_the_last_layer_only():
    plain, scaled = (Network(parse(name), 8, 4) for name in ("mlp:30", "mlp:30+out=0.01"))
    a, b = plain.initial(3), scaled.initial(3)
    assert np.array_equal(a[:270], b[:270])
    assert np.allclose(b[270:], 0.01 * a[270:])


def test_the_start_is_drawn_from_the_seed_alone():
    network = Network(parse("mlp:20x20"), 4, 2)
    assert np.array_equal(network.initial(1), network.initial(1))
    assert not np.array_equal(network.initial(1), network.initial(2))


@pytest.mark.parametrize(("inputs", "outputs"), [(4, 1), (3, 3), (17, 6), (11, 2)])
@pytest.mark.parametrize("name", ["linear", "mlp:20x20", "mlp:7x3", "mlp:63x65"])
def test_an_output_has_the_same_bits_alone_and_in_any_batch(name, inputs, outputs):
    network = Network(parse(name), inputs, outputs)
    rng = np.random.default_rng(1)
    Theta = torch.from_numpy(rng.standard_normal((37, network.D)).astype(np.float32) / 3)
    for m in (1, 2, 5, 10, 30, 31):
        x = torch.from_numpy(rng.standard_normal((37, m, inputs)).astype(np.float32))
        together = network.bind(Theta)(x)
        for row in range(37):
            alone = network.bind(Theta[row : row + 1])(x[row : row + 1])
            assert torch.equal(together[row], alone[0])
        assert torch.equal(network.bind(Theta[5:8])(x[5:8]), together[5:8])


def test_names_are_canonical():
    assert parse("mlp:020x5+lecun").name == "mlp:20x5"
    assert parse("mlp:20x5+out=1.0+orthogonal").name == "mlp:20x5+orthogonal"
    for name in ("linear", "mlp:20x20", "mlp:4+orthogonal+out=0.01"):
        assert parse(name).name == name


@pytest.mark.parametrize(
    "name", ["", "mlp", "mlp:", "mlp:0", "mlp:20x", "mlp:-3", "cnn:3", "mlp:2+deep", "mlp:2+out=x"]
)
def test_names_outside_the_grammar_are_refused_in_one_line(name):
    with pytest.raises(ValueError, match="network") as caught:
        parse(name)
    assert "\n" not in str(caught.value)
