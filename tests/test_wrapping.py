"""Any torch module inside a subspace, in a training loop of one's own."""

import io
import warnings

import numpy as np
import pytest
import torch
from torch import nn

from rlid import projections
from rlid.errors import InputError
from rlid.wrapping import wrap


class Tied(nn.Module):
    """A language model in small, whose output layer is its embedding."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(11, 8)
        self.output = nn.Linear(8, 11, bias=False)
        self.output.weight = self.embedding.weight

    def forward(self, x):
        return self.output(self.embedding(x))


def classifier(*layers):
    return nn.Sequential(*layers, nn.Flatten(), nn.LazyLinear(3))


def images():
    return torch.randn(6, 2, 8, 8)


def tokens():
    return torch.randint(0, 11, (6, 5))


def numbers():
    return torch.randn(6, 4)


def sequences():
    return torch.randn(6, 5, 8)


def encoder():
    return nn.TransformerEncoderLayer(8, 2, 16, 0.0, batch_first=True)


ARCHITECTURES = {
    "mlp": (lambda: nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3)), numbers),
    "convolutions": (lambda: classifier(nn.Conv2d(2, 4, 3), nn.ReLU()), images),
    "batch norm": (lambda: classifier(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4)), images),
    "group norm": (lambda: classifier(nn.Conv2d(2, 4, 3), nn.GroupNorm(2, 4)), images),
    "layer norm": (lambda: nn.Sequential(nn.Linear(4, 8), nn.LayerNorm(8)), numbers),
    "embedding": (lambda: nn.Sequential(nn.Embedding(11, 8), nn.Linear(8, 3)), tokens),
    "tied": (Tied, tokens),
    "transformer": (encoder, sequences),
    "bilinear": (lambda: nn.Sequential(nn.Linear(4, 8), nn.PReLU(), nn.Linear(8, 2)), numbers),
    "depthwise": (lambda: classifier(nn.Conv2d(2, 4, 3, groups=2), nn.Hardswish()), images),
}  # fmt: skip


def make(name):
    torch.manual_seed(0)
    module, inputs = ARCHITECTURES[name]
    module, x = module(), inputs()
    module(x)
    return module, x


def flat(module):
    return torch.cat([parameter.detach().reshape(-1) for parameter in module.parameters()])


@pytest.mark.parametrize("name", ARCHITECTURES)
@pytest.mark.parametrize("kind", ["onehot", "dense"])
def test_theta_is_theta0_plus_P_z_and_the_gradient_is_P_transposed_g(name, kind):
    module, x = make(name)
    wrapped = wrap(module, 7, projection=kind, seed=3)
    assert [name for name, _ in wrapped.named_parameters()] == ["z"]
    z = torch.randn(7, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        wrapped.z.copy_(z)
    P = projections.make(kind, D=wrapped.D, d=7, seed=3)
    assert len(flat(module)) == wrapped.D
    torch.testing.assert_close(wrapped.theta(), flat(module) + P(z), atol=1e-6, rtol=0)
    # As in use: batch normalisation by its running statistics.
    plain = wrapped.eval().unwrap()
    torch.testing.assert_close(flat(plain), wrapped.theta().detach(), atol=0, rtol=0)
    torch.testing.assert_close(wrapped(x), plain(x), atol=1e-6, rtol=0)
    wrapped(x).square().mean().backward()
    plain(x).square().mean().backward()
    g = torch.cat([parameter.grad.reshape(-1) for parameter in plain.parameters()])
    torch.testing.assert_close(wrapped.z.grad, P.T(g), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_training_lowers_the_loss_and_leaves_the_module_as_it_was(name):
    module, x = make(name)
    before = {key: value.clone() for key, value in module.state_dict().items()}
    wrapped = wrap(module, 20)
    optimizer = torch.optim.Adam(wrapped.parameters(), lr=1e-2 * wrapped.scale)
    target = torch.zeros_like(module(x))
    losses = []
    for _ in range(30):
        loss = (wrapped(x) - target).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.9 * losses[0]
    after = {key: value for key, value in module.state_dict().items() if "num_batches" not in key}
    assert all(
        torch.equal(value, before[key]) for key, value in after.items() if "running" not in key
    )


@pytest.mark.parametrize("name", ["batch norm", "tied", "transformer"])
def test_a_state_dict_brings_everything_back(name):
    module, x = make(name)
    wrapped = wrap(module, 5)
    with torch.no_grad():
        wrapped.z.normal_()
    torch.manual_seed(9)
    other = ARCHITECTURES[name][0]()
    other(x)
    twin = wrap(other, 5)
    file = io.BytesIO()
    torch.save(wrapped.state_dict(), file)
    file.seek(0)
    twin.load_state_dict(torch.load(file, weights_only=True))
    assert torch.equal(twin.eval()(x), wrapped.eval()(x))


def test_an_export_fits_the_same_start_and_no_other():
    module, _ = make("mlp")
    wrapped, twin = wrap(module, 5, seed=1), wrap(module, 5, seed=1)
    with torch.no_grad():
        wrapped.z.normal_()
    exported = wrapped.export()
    twin.restore(exported)
    assert torch.equal(twin.theta(), wrapped.theta())
    with pytest.raises(InputError, match="another start"):
        wrap(nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3)), 5, seed=1).restore(
            exported
        )
    with pytest.raises(InputError, match="seed"):
        wrap(module, 5, seed=2).restore(exported)


def test_batch_normalisation_keeps_its_statistics_while_it_trains():
    module, x = make("batch norm")
    wrapped = wrap(module.train(), 5).train()
    before = {name: buffer.clone() for name, buffer in wrapped.named_buffers() if "running" in name}
    assert before
    wrapped(10 * x)
    assert all(torch.equal(wrapped.get_buffer(name), value) for name, value in before.items())
    assert wrapped.hidden_state == 9


def test_layers_keep_their_modes_until_a_mode_is_set():
    module = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.BatchNorm1d(8))
    module.train()
    module[1].eval()
    module[2].eval()
    wrapped = wrap(module, 5)
    assert [layer.training for layer in wrapped.module] == [True, False, False, False]
    assert [layer.training for layer in wrapped.unwrap()] == [True, False, False, True]
    for mode in (True, False):
        plain = wrapped.train(mode).unwrap()
        assert [layer.training for layer in (plain, *plain)] == [mode] * 5
    assert [layer.training for layer in module] == [True, False, False, True]


def test_layers_share_d_by_size_and_each_has_a_subspace_of_its_own():
    module, x = make("mlp")
    wrapped = wrap(module, 10, groups="layer")
    assert wrapped.dims == {"0": 6, "2": 4}
    assert wrapped.d == 10
    start = wrapped.theta().detach()
    with torch.no_grad():
        wrapped.z[:6] = 1.0
    moved = (wrapped.theta().detach() - start).nonzero().ravel()
    assert len(moved) == 40
    assert moved.max() < 40


def test_a_group_of_d_zero_stays_frozen():
    module, _ = make("mlp")
    wrapped = wrap(module, groups={"0": 0, "2": 3})
    start = wrapped.theta().detach()
    with torch.no_grad():
        wrapped.z.fill_(1.0)
    moved = (wrapped.theta().detach() - start).nonzero().ravel()
    assert moved.min() >= 40
    assert wrapped.d == 3


def test_parameters_without_a_gradient_keep_their_values_and_come_back_as_they_were():
    module, x = make("mlp")
    module[0].requires_grad_(False)
    wrapped = wrap(module, 5)
    assert wrapped.D == 27
    assert wrapped.hidden_state == 40
    with torch.no_grad():
        wrapped.z.normal_()
    plain = wrapped.unwrap()
    assert torch.equal(plain[0].weight, module[0].weight)
    assert not torch.equal(plain[2].weight, module[2].weight)
    assert [parameter.requires_grad for parameter in plain.parameters()] == [False] * 2 + [True] * 2
    assert torch.equal(plain(x), wrapped(x))


def with_integers():
    module = nn.Linear(3, 3)
    module.places = nn.Parameter(torch.zeros(2, dtype=torch.int64), requires_grad=False)
    return module


def on_two_devices():
    return nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3, device="meta"))


def compiled():
    with warnings.catch_warnings():
        # torch says that both of these are deprecated, and many modules have them.
        warnings.simplefilter("ignore")
        return torch.jit.script(nn.Linear(3, 3))


def old_weight_norm():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return nn.utils.weight_norm(nn.Linear(3, 3))


@pytest.mark.parametrize(
    ("make_module", "options", "says"),
    [
        (lambda: nn.ReLU(), {"d": 1}, "no parameters"),
        (lambda: nn.LazyLinear(3), {"d": 1}, "no shape yet"),
        (lambda: nn.Linear(3, 3, dtype=torch.complex64), {"d": 1}, "complex64"),
        (lambda: nn.Linear(3, 3), {"d": 0}, "from 1 to 12"),
        (lambda: nn.Linear(3, 3), {"d": 13}, "from 1 to 12"),
        (lambda: nn.Linear(3, 3), {}, "from 1 to 12"),
        (lambda: nn.Linear(3, 3), {"d": 3, "projection": "onehott"}, "did you mean 'onehot'"),
        (lambda: nn.Linear(3, 3, device="meta"), {"d": 3}, "on meta"),
        (lambda: nn.Linear(3, 3), {"groups": {"weight": 2}}, "no group for bias"),
        (lambda: nn.Linear(3, 3), {"groups": {"wieght": 2}}, "begins with 'wieght'"),
        (lambda: nn.Linear(3, 3), {"d": 3, "groups": "layers"}, "'all', 'layer'"),
        (lambda: nn.Linear(3, 3), {"groups": {"weight": 2.5, "bias": 1}}, "whole number, not 2.5"),
        (lambda: nn.Linear(3, 3), {"d": 3.0}, "d must be a whole number, not 3.0"),
        (lambda: nn.Linear(3, 3), {"d": True}, "d must be a whole number, not True"),
        (lambda: nn.Linear(3, 3), {"d": 3, "seed": "one"}, "seed must be a whole number"),
        (lambda: nn.Linear(3, 3), {"d": 3, "seed": -1}, "seed must be in"),
        (lambda: nn.Linear(3, 3).requires_grad_(False), {"d": 3}, "nothing to train"),
        (lambda: nn.Linear(3, 3).parameters, {"d": 3}, "takes a torch.nn.Module"),
        (with_integers, {"d": 1}, "'places' is of torch.int64"),
        (on_two_devices, {"d": 1}, "cpu and meta"),
        (compiled, {"d": 3}, "compiled by TorchScript"),
        (lambda: nn.Sequential(old_weight_norm()), {"d": 3}, "'0' has a WeightNorm"),
        (lambda: nn.utils.spectral_norm(nn.Linear(3, 3)), {"d": 3}, "parametrizations.spectral"),
    ],
)
def test_bad_input_is_one_clear_line(make_module, options, says):
    with pytest.raises(InputError, match=says) as error:
        wrap(make_module(), **options)
    assert "\n" not in str(error.value)


def test_autocast_and_half_precision_weights_work():
    module, x = make("mlp")
    wrapped = wrap(module.bfloat16(), 5)
    assert wrapped.z.dtype == torch.float32
    assert wrapped(x.bfloat16()).dtype == torch.bfloat16
    module, x = make("mlp")
    with torch.autocast("cpu", torch.bfloat16):
        loss = wrap(module, 5)(x).square().mean()
    assert np.isfinite(float(loss.detach()))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_compiled_module_gives_the_same_numbers():
    module, x = make("mlp")
    wrapped = wrap(module, 5)
    with torch.no_grad():
        wrapped.z.normal_()
    compiled = torch.compile(wrapped)
    torch.testing.assert_close(compiled(x), wrapped(x), atol=1e-6, rtol=1e-5)
    compiled(x).square().mean().backward()
    assert wrapped.z.grad.abs().max() > 0
