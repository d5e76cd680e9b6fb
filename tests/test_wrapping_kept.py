"""What a wrapped module keeps beside theta: tensors of calls, statistics, types, saved states."""

import copy
import io
import pickle

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, prune

from rlid.errors import InputError
from rlid.wrapping import wrap

X = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))


def linear(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2))


def moved(wrapped, seed=1):
    with torch.no_grad():
        wrapped.z.normal_(generator=torch.Generator().manual_seed(seed))
    return wrapped


class Remembers(nn.Module):
    """Keeps its last output for its owner, as layers with an auxiliary loss do."""

    def __init__(self):
        super().__init__()
        self.layer = linear()
        self.outputs = {}

    def forward(self, x):
        self.outputs["last"] = self.layer(x)
        return self.outputs["last"]


class Counts(nn.Module):
    """Adds to its output how often it was called, which a buffer knows."""

    def __init__(self):
        super().__init__()
        self.layer = linear()
        self.register_buffer("calls", torch.zeros(()))
        self.register_buffer("scratch", torch.zeros(()), persistent=False)

    def forward(self, x):
        self.calls += 1
        self.scratch += 1
        return self.layer(x) + self.calls


class Lists(nn.Module):
    """Multiplies by a weight that it keeps in a list as well."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 4)
        self.weights = [[self.layer.weight]]

    def forward(self, x):
        return x @ self.weights[0][0]


def test_a_module_that_keeps_its_last_output_is_wrapped_and_unwrapped():
    module = Remembers()
    module(X)
    wrapped = moved(wrap(module, 5))
    wrapped(X)
    plain = wrapped.unwrap()
    assert torch.equal(plain(X), wrapped(X))
    assert plain.outputs["last"].grad_fn is not None


def test_a_pruned_module_trains_inside_a_subspace():
    module = linear()
    prune.l1_unstructured(module[0], "weight", amount=0.5)
    module(X)
    wrapped = moved(wrap(module, 5))
    plain = wrapped.unwrap()
    assert torch.equal(plain(X), wrapped(X))
    assert not torch.equal(module(X), wrapped(X))
    assert (plain[0].weight == 0).sum() == 16


def test_a_parameter_that_is_also_kept_in_a_list_is_refused():
    with pytest.raises(InputError, match=r"'layer.weight' is also kept in the attribute 'weights'"):
        wrap(Lists(), 5)
    with pytest.raises(InputError, match=r"attribute '0.weights'"):
        wrap(nn.Sequential(Lists()), 5)


def test_a_parallel_module_is_refused_with_what_to_use():
    with pytest.raises(InputError, match="use the module inside, its attribute `module`"):
        wrap(nn.DataParallel(linear()), 5)


def test_a_recurrent_layer_moves_with_z():
    module = nn.LSTM(4, 8, 2, batch_first=True)
    wrapped, x = wrap(module, 6), X[None]
    assert torch.equal(wrapped(x)[0], module(x)[0])
    moved(wrapped)
    assert not torch.equal(wrapped(x)[0], module(x)[0])
    assert torch.equal(wrapped.unwrap()(x)[0], wrapped(x)[0])


def test_a_module_that_cannot_be_copied_is_one_clear_line():
    module = linear()
    module.numbers = (number for number in range(3))
    with pytest.raises(InputError, match="Sequential cannot be copied .*generator") as error:
        wrap(module, 5)
    assert "\n" not in str(error.value)


def test_spectral_normalisation_keeps_its_vectors_while_it_trains():
    module = nn.Sequential(parametrizations.spectral_norm(nn.Linear(4, 4)), nn.Tanh())
    wrapped, twin = moved(wrap(module.train(), 5)), wrap(module, 5)
    exported = wrapped.train().export()
    first = wrapped(X)
    assert torch.equal(wrapped(X), first)
    twin.restore(exported)
    assert torch.equal(twin(X), first)
    (normalising,) = wrapped.unwrap()[0].parametrizations.weight
    assert normalising.training


def test_an_export_warns_of_buffers_that_changed_and_is_not_restored_beside_others():
    module = Counts()
    wrapped = moved(wrap(module, 5))
    wrapped.export()
    wrapped(X)
    with pytest.warns(UserWarning, match=r"^calls changed since the module was wrapped"):
        exported = wrapped.export()
    with pytest.raises(InputError, match="other values of calls"):
        wrap(module, 5).restore(exported)
    module.load_state_dict(wrapped.unwrap().state_dict() | module.layer.state_dict(prefix="layer."))
    twin = wrap(module, 5)
    twin.restore(exported)
    assert torch.equal(twin(X), wrapped(X))


def test_an_export_of_an_earlier_version_is_restored():
    wrapped, twin = moved(wrap(linear(), 5)), wrap(linear(), 5)
    exported = wrapped.export()
    del exported["constants_sha256"]
    twin.restore(exported)
    assert torch.equal(twin(X), wrapped(X))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda exported: exported.pop("seed"), "but this lacks seed"),
        (lambda exported: exported.update(z=[0.0] * 4), r"has shape \(4,\), not \(5,\)"),
        (lambda exported: exported.update(z="zeros"), "no list of numbers"),
        (lambda exported: exported.update(z=None), "no list of numbers"),
        (lambda exported: exported.update(dims={"all": 6}), "exported with dims"),
    ],
)
def test_an_export_that_does_not_fit_is_one_clear_line_and_leaves_z_alone(change, says):
    wrapped = moved(wrap(linear(), 5))
    before, exported = wrapped.z.detach().clone(), wrapped.export()
    change(exported)
    with pytest.raises(InputError, match=says) as error:
        wrapped.restore(exported)
    assert "\n" not in str(error.value)
    assert torch.equal(wrapped.z, before)


@pytest.mark.parametrize("exported", [None, 3, [1.0]])
def test_values_of_other_kinds_than_an_export_are_refused(exported):
    with pytest.raises(InputError, match="a dictionary, not"):
        wrap(linear(), 5).restore(exported)


@pytest.mark.parametrize(
    "other", [{"seed": 2}, {"projection": "dense"}, {"d": 6}, {"groups": "layer"}]
)
def test_a_state_dict_of_another_subspace_is_refused(other):
    saved = moved(wrap(linear(), **{"d": 5, "seed": 1, **other})).state_dict()
    wrapped = wrap(linear(), 5, seed=1)
    for model, names in (
        (wrapped, saved),
        (nn.Sequential(wrapped), {f"0.{k}": saved[k] for k in saved}),
    ):
        with pytest.raises(InputError, match="of another subspace"):
            model.load_state_dict(names)
    assert not wrapped.z.any()


def test_a_state_dict_of_an_earlier_version_is_loaded():
    wrapped, twin = moved(wrap(linear(), 5)), wrap(linear(1), 5)
    saved = wrapped.state_dict()
    assert all(isinstance(value, torch.Tensor) for value in saved.values())
    del saved["_extra_state"]
    twin.load_state_dict(saved)
    assert torch.equal(twin(X), wrapped(X))


@pytest.mark.parametrize("change", ["half", "double", "bfloat16"])
def test_a_wrapped_module_may_be_given_another_type(change):
    wrapped = moved(wrap(linear(), 5))
    before = wrapped(X)
    getattr(wrapped, change)()
    output = wrapped(X.to(wrapped.z.dtype))
    assert output.dtype == wrapped.z.dtype
    torch.testing.assert_close(output.float(), before, atol=5e-2, rtol=5e-2)
    output.sum().backward()
    assert wrapped.z.grad.abs().sum() > 0
    assert wrapped.export()["z"].dtype == "float32"


def test_a_copied_and_a_pickled_module_are_the_same():
    wrapped = moved(wrap(linear(), 5))
    file = io.BytesIO()
    torch.save(wrapped, file)
    file.seek(0)
    twins = [
        copy.deepcopy(wrapped),
        pickle.loads(pickle.dumps(wrapped)),
        torch.load(file, weights_only=False),
    ]
    for twin in twins:
        assert torch.equal(twin(X), wrapped(X))
        assert twin.export()["theta_sha256"] == wrapped.export()["theta_sha256"]


def test_a_parameter_belongs_to_the_group_with_the_longest_beginning():
    for groups in ({"": 1, "0.weight": 3, "0": 2}, {"0": 2, "": 1, "0.weight": 3}):
        wrapped = wrap(linear(), groups=groups)
        assert wrapped.dims == groups
        sizes = {group.name: group.D for group in wrapped._groups}
        assert sizes == {"": 18, "0.weight": 32, "0": 8}
    assert wrap(linear(), groups={0: 2, 2: 3}).d == 5
