"""Fast paths of registered networks: chains of layers, and operations that are recorded once."""

import own_networks  # noqa: F401 (its import registers networks)
import pytest
import torch
from torch import nn
from torch.nn import functional

from rlid.networks import NETWORKS, make
from rlid.networks.recording import Recording


class Written(nn.Module):
    """Parameters of an mlp 4-5-2, and a forward by a function of (module, x)."""

    def __init__(self, forward, is_transposed=False, has_biases=True):
        super().__init__()
        for name, inputs, outputs in (("1", 4, 5), ("2", 5, 2)):
            shape = (outputs, inputs) if is_transposed else (inputs, outputs)
            setattr(self, f"w{name}", nn.Parameter(torch.randn(shape)))
            if has_biases:
                setattr(self, f"b{name}", nn.Parameter(torch.randn(outputs)))
        self._call = forward

    def forward(self, x):
        return self._call(self, x)


def by_addmm(m, x):
    return torch.addmm(m.b2, torch.addmm(m.b1, x, m.w1).tanh(), m.w2)


def by_operators(m, x):
    return torch.tanh(x.view(x.shape[0], -1) @ m.w1 + m.b1) @ m.w2 + m.b2


def by_functional(m, x):
    return functional.linear(functional.relu(functional.linear(x, m.w1, m.b1)), m.w2, m.b2)


def by_transposes(m, x):
    return m.b2 + x.matmul(m.w1.T).add(m.b1.unsqueeze(0)).relu_().mm(m.w2.t())


def by_einsum(m, x):
    hidden = torch.tanh(torch.einsum("bi, io -> bo", x, m.w1) + m.b1)
    return torch.einsum("bi,oi->bo", hidden, m.w2.transpose(0, 1)) + m.b2


def without_biases(m, x):
    return torch.tanh(x @ m.w1) @ m.w2


class Twice(nn.Module):
    """A layer that is used twice, then another."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(4, 4), nn.Linear(4, 2)

    def forward(self, x):
        return self.b(torch.tanh(self.a(torch.tanh(self.a(x)))))


class Added(nn.Module):
    """Two layers, with the inputs added to what the first returns."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(4, 4), nn.Linear(4, 2)

    def forward(self, x):
        return self.b(torch.tanh(self.a(x)) + x)


def with_hook():
    layers = nn.Sequential(nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 2))
    layers[0].register_forward_hook(lambda layer, inputs, outputs: 2 * outputs)
    return layers


CHAINS = {
    "one layer": lambda: nn.Linear(4, 2),
    "layers": lambda: nn.Sequential(nn.Flatten(), nn.Linear(4, 9), nn.ReLU(), nn.Linear(9, 2)),
    "layers without biases": lambda: nn.Sequential(
        nn.Linear(4, 4, bias=False), nn.Tanh(), nn.Linear(4, 2)
    ),
    "dropout": lambda: nn.Sequential(nn.Linear(4, 4), nn.Tanh(), nn.Dropout(), nn.Linear(4, 2)),
    "a layer twice": Twice,
    "addmm": lambda: Written(by_addmm),
    "operators": lambda: Written(by_operators),
    "functional": lambda: Written(by_functional, is_transposed=True),
    "transposes": lambda: Written(by_transposes, is_transposed=True),
    "einsum": lambda: Written(by_einsum),
    "products alone": lambda: Written(without_biases, has_biases=False),
}
OTHERS = {
    "a skip": Added,
    "a hook": with_hook,
    "tanh at the end": lambda: nn.Sequential(nn.Linear(4, 2), nn.Tanh()),
    "no activation": lambda: nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 2)),
    "gelu": lambda: nn.Sequential(nn.Linear(4, 4), nn.GELU(), nn.Linear(4, 2)),
    "two activations": lambda: nn.Sequential(
        nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2)
    ),
    "softmax": lambda: nn.Sequential(nn.Linear(4, 2), nn.Softmax(1)),
    "weight norm": lambda: nn.utils.parametrizations.weight_norm(nn.Linear(4, 2)),
    "a frozen layer": lambda: nn.Sequential(
        nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 2).requires_grad_(False)
    ),
    "a scaled parameter": lambda: Written(
        lambda m, x: torch.tanh(x @ (2 * m.w1) + m.b1) @ m.w2 + m.b2
    ),
    "a bias twice": lambda: Written(
        lambda m, x: torch.tanh(x @ m.w1 + m.b1 + m.b1) @ m.w2 + m.b2
    ),
    "parts of each": lambda: Written(
        lambda m, x: torch.cat(torch.tanh(x @ m.w1 + m.b1).chunk(5, 1)[::-1], 1) @ m.w2 + m.b2
    ),
    "in place": lambda: Written(
        lambda m, x: functional.silu((x @ m.w1).add_(m.b1), inplace=True) @ m.w2 + m.b2
    ),
    "sums of parameters": lambda: Written(
        lambda m, x: torch.sin(x @ (m.w1 / m.w1.norm()) + m.b1) @ m.w2 + m.b2.mean()
    ),
    "no gradient": lambda: Written(
        lambda m, x: torch.sin(x @ m.w1.detach() + m.b1) @ m.w2 + m.b2
    ),
}  # fmt: skip


@pytest.fixture
def made(monkeypatch):
    """Return a function that makes the network of a function without arguments."""
    list(NETWORKS)
    monkeypatch.setattr(NETWORKS, "_entries", dict(NETWORKS._entries))

    def make_network(build):
        torch.manual_seed(0)
        constant = {name: value.clone() for name, value in build().state_dict().items()}

        @NETWORKS.add("mine")
        def mine(shape, outputs):
            module = build()
            module.load_state_dict(constant)
            return module

        return make("mine", 4, 2)

    return make_network


def draws(network, n, m=5):
    generator = torch.Generator().manual_seed(3)
    start = torch.from_numpy(network.initial(0))
    Theta = start + 0.1 * torch.randn(n, network.D, generator=generator)
    return Theta, torch.randn(n, m, network.inputs, generator=generator)


def one_by_one(network, Theta, x):
    rows = [network.outputs_of(theta, row) for theta, row in zip(Theta, x, strict=True)]
    return torch.stack(rows)


@pytest.mark.parametrize("form", CHAINS)
def test_a_chain_of_layers_is_computed_as_the_built_in_network_is(form, made):
    network = made(CHAINS[form])
    assert network.chain is not None
    Theta, x = draws(network, 3)
    assert torch.allclose(network.bind(Theta)(x), one_by_one(network, Theta, x), atol=1e-5)
    gradients = []
    for bound in (network.bind, lambda theta: lambda x: one_by_one(network, theta, x)):
        theta = Theta.clone().requires_grad_()
        bound(theta)(x).square().sum().backward()
        gradients.append(theta.grad)
    assert torch.allclose(*gradients, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("form", ["plain_mlp", "backwards", "mlp_copy"])
def test_a_chain_that_sees_images_is_computed_as_the_built_in_network_is(form):
    network = make(form, 144, 5, "relu", (1, 12, 12), 1 / 255)
    assert network.chain is not None
    generator = torch.Generator().manual_seed(3)
    x = torch.randint(0, 256, (3, 5, 144), generator=generator, dtype=torch.uint8)
    Theta, _ = draws(network, 3)
    assert torch.allclose(network.bind(Theta)(x), one_by_one(network, Theta, x), atol=1e-5)


@pytest.mark.parametrize("form", OTHERS)
def test_a_module_that_is_no_chain_of_layers_is_computed_by_the_module_itself(form, made):
    network = made(OTHERS[form])
    assert network.chain is None
    Theta, x = draws(network, 3)
    assert torch.allclose(network.bind(Theta)(x), one_by_one(network, Theta, x), atol=1e-5)


@pytest.mark.parametrize("form", OTHERS)
def test_a_recording_has_the_outputs_of_vmap_and_its_gradient(form, made):
    network = made(OTHERS[form])
    if not network.is_batched:
        pytest.skip("vmap cannot evaluate it")
    assert network.together.is_recorded
    for n, m in ((2, 1), (7, 16), (7, 40)):
        Theta, x = draws(network, n, m)
        with torch.inference_mode():
            bound = network.bind(Theta)
            assert torch.equal(bound(x), bound(x))
            again = bound(x + 1)
        network.together.is_recorded = False
        expected = network.bind(Theta)(x + 1)
        network.together.is_recorded = True
        assert torch.equal(again, expected)
        gradients = []
        for is_recorded in (True, False):
            network.together.is_recorded = is_recorded
            theta = Theta.clone().requires_grad_()
            bound = network.bind(theta)
            (bound(x) + bound(2 * x)).square().sum().backward()
            gradients.append(theta.grad)
        network.together.is_recorded = True
        assert torch.allclose(*gradients, rtol=1e-4, atol=1e-5)


def test_a_module_that_switches_gradients_off_is_not_recorded(made):
    def forward(m, x):
        with torch.no_grad():
            hidden = torch.sin(x @ m.w1 + m.b1)
        return hidden @ m.w2 + m.b2

    network = made(lambda: Written(forward))
    assert network.is_batched
    assert not network.together.is_recorded
    theta = draws(network, 3)[0].requires_grad_()
    network.bind(theta)(draws(network, 3)[1]).sum().backward()
    assert not theta.grad[:, :20].any()
    assert theta.grad[:, 25:].any()


def test_a_function_that_writes_into_its_parameters_cannot_be_recorded():
    def doubling(parameters, x):
        return x * parameters[0].mul_(2)

    with pytest.raises(ValueError, match="writes into what does not follow"):
        Recording(doubling, [torch.ones(3)], torch.ones(3))


def test_a_recording_keeps_constants_and_none_of_the_tensors_it_was_made_with():
    constant = torch.tensor([5.0, 6.0])
    recording = Recording(
        lambda w, x: torch.cat([x * w[0], constant]), [torch.ones(2)], torch.ones(2)
    )
    forward = recording.prepare([torch.full((2,), 3.0)])
    assert forward(torch.tensor([1.0, 2.0])).tolist() == [3.0, 6.0, 5.0, 6.0]
    assert forward(torch.tensor([0.0, 1.0])).tolist() == [0.0, 3.0, 5.0, 6.0]
    assert [held is constant for held in recording._held].count(True) == 1
    assert sum(held is not None for held in recording._held) == 1
