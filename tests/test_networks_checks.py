"""Modules that cannot be networks: a plan refuses each in one line that says why."""

import warnings

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from rlid.errors import InputError
from rlid.measurement.plan import plan
from rlid.networks import NETWORKS, make


class Head(nn.Module):
    """A layer whose outputs a function changes; 4 inputs, 2 outputs."""

    def __init__(self, change=lambda self, x, outputs: outputs):
        super().__init__()
        self.layer = nn.Linear(4, 2)
        self.register_buffer("memory", torch.zeros(2))
        self.change = change

    def forward(self, x):
        return self.change(self, x, self.layer(x))


def remembering(head, x, outputs):
    head.memory += outputs.detach().mean(0)
    return outputs


def with_buffer(value):
    head = Head()
    head.memory = value
    return head


def with_parameter(value, **options):
    head = Head()
    head.extra = nn.Parameter(value, **options)
    return head


def frozen():
    head = Head()
    return head.requires_grad_(False)


def of_unseeded_numbers():
    head = Head()
    with torch.no_grad():
        head.layer.bias.copy_(torch.from_numpy(np.random.default_rng().standard_normal(2)))
    return head


def listing():
    head = Head(lambda head, x, y: x @ head.weights[0].T)
    head.weights = [head.layer.weight]
    return head


def of_random_size():
    return nn.Sequential(nn.Linear(4, 3 + int(torch.randint(100, ()))), nn.LazyLinear(2))[:1]


def raising():
    raise RuntimeError("first line\nsecond line")


def tall(head, x, outputs):
    return outputs.repeat(1, 3)


def compiled():
    with warnings.catch_warnings():
        # torch says that it is deprecated, and modules of it are still about.
        warnings.simplefilter("ignore")
        return torch.jit.script(nn.Linear(4, 2))


BAD = {
    "compiled": (compiled, "compiled by TorchScript"),
    "lazy": (lambda: nn.LazyLinear(2), "'weight' has no shape yet"),
    "lazy buffers": (
        lambda: nn.Sequential(nn.Linear(4, 2), nn.LazyBatchNorm1d(affine=False)),
        "'1.running_mean' has no shape yet",
    ),
    "none": (lambda: nn.Flatten(), "no parameters"),
    "frozen": (frozen, "nothing to train"),
    "device": (lambda: nn.Linear(4, 2, device="meta"), "on meta"),
    "devices": (lambda: with_parameter(torch.zeros(2, device="meta")), "cpu and meta"),
    "buffer's device": (lambda: with_buffer(torch.zeros(2, device="meta")), "'memory' is on meta"),
    "integers": (
        lambda: with_parameter(torch.zeros(2, dtype=torch.int64), requires_grad=False),
        "'extra' is of torch.int64",
    ),
    "complex": (lambda: with_parameter(torch.zeros(2, dtype=torch.complex64)), "complex64"),
    "double": (lambda: Head().double(), "make it torch.float32"),
    "infinite": (lambda: with_parameter(torch.full((2,), torch.inf)), "'extra' is not finite"),
    "tuple": (lambda: Head(lambda head, x, y: (y, x)), "returns a tuple"),
    "wide": (lambda: Head(tall), r"shape \(3, 6\) for 3 observations: return \(3, 2\)"),
    "flat": (lambda: Head(lambda head, x, y: y[:, 0]), r"shape \(3,\)"),
    "integer outputs": (lambda: Head(lambda head, x, y: y.long()), "returns torch.int64"),
    "listed": (listing, "'layer.weight' is also kept in the attribute 'weights'"),
    "parallel": (lambda: nn.DataParallel(Head()), "use the module inside, its attribute `module`"),
    "not finite": (lambda: Head(lambda head, x, y: y / 0), "not finite at its start"),
    "random": (lambda: Head(lambda head, x, y: functional.dropout(y)), "two calls"),
    "noisy": (lambda: Head(lambda head, x, y: y + torch.rand(2)), "two calls"),
    "remembers": (lambda: Head(remembering), "changes 'memory'"),
    "batch": (lambda: Head(lambda head, x, y: y - y.mean(0)), "depends on the others"),
    "batch norm": (
        lambda: nn.Sequential(nn.Linear(4, 2), nn.BatchNorm1d(2, track_running_stats=False)),
        "'1' normalises by the other observations",
    ),
    "unseeded": (of_unseeded_numbers, "'layer.bias' starts differently each time"),
    "random constant": (lambda: with_buffer(torch.randn(2)), "'memory' is not trained and differs"),
    "random size": (of_random_size, "different shapes"),
    "raises": (raising, "cannot be made .* RuntimeError: first line"),
    "forward raises": (lambda: nn.Linear(5, 2), "its forward raises RuntimeError"),
    "no module": (lambda: 3, "is a int; its function must return a torch.nn.Module"),
}


@pytest.fixture
def registered(monkeypatch):
    """Return a function that registers another as the network `mine` until the test ends."""
    list(NETWORKS)
    monkeypatch.setattr(NETWORKS, "_entries", dict(NETWORKS._entries))
    return lambda function: NETWORKS.add("mine")(function)


@pytest.mark.parametrize("fault", BAD)
def test_a_module_that_cannot_be_a_network_is_refused_in_one_line(fault, registered):
    build, says = BAD[fault]
    registered(lambda shape, outputs: build())
    with pytest.raises(InputError, match=says) as error:
        plan("cartpole", network="mine", dmax=2)
    assert "\n" not in str(error.value)
    assert "'mine'" in str(error.value)


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (lambda: None, "the observation's shape and the number of outputs"),
        (lambda *arguments: None, "the observation's shape and the number of outputs"),
        (3, "the observation's shape and the number of outputs"),
        (lambda shape, outputs, widths=(3, 4): None, "'widths' must be an int, float, bool, str"),
        (lambda shape, outputs, width=None: None, "'width' must be an int"),
        (lambda shape, outputs, D=3: None, "'D' must have only a-z"),
        (lambda shape, outputs, width: None, "'width' must be an int"),
    ],
)
def test_a_function_that_cannot_be_called_from_a_name_is_refused(function, says, registered):
    registered(function)
    with pytest.raises(InputError, match=says) as error:
        make("mine", 4, 2)
    assert "\n" not in str(error.value)


def test_a_setting_without_a_default_must_be_given(registered):
    def mine(shape, outputs, width: "int", **unused):
        return nn.Sequential(nn.Linear(shape[0], width), nn.Linear(width, outputs))

    registered(mine)
    with pytest.raises(InputError, match="needs a setting: mine:width=VALUE"):
        make("mine", 4, 2)
    assert make("mine:width=3", 4, 2).D == 15 + 8


@pytest.mark.parametrize("name", ["Mine", "my network", "a:b", "", "9", "mlp"])
def test_a_name_that_a_list_or_a_file_cannot_hold_is_refused(name):
    with pytest.raises(InputError, match="a name has only|already registered"):
        NETWORKS.add(name=name)(lambda shape, outputs: None)
