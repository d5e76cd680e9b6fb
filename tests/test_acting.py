"""Policies act in rows: quickly where that is safe, and always as one of them alone would."""

import contextlib
import functools
import importlib.util
import shlex
import subprocess
import sysconfig
from pathlib import Path

import numpy as np
import pytest
import torch
from gymnasium.spaces import Box, Discrete
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rlid.evaluation import policies as acting
from rlid.evaluation import two_actions
from rlid.networks import Network, parse

NETWORKS = ["linear", "mlp:3", "mlp:20x20", "mlp:64x64", "mlp:7x130x5"]


WAYS = ["in C", "in C by 4", "in C by 8", "by numpy"]


@pytest.fixture(params=WAYS)
def way(request, monkeypatch, narrower):
    """The ways of two_actions.py, as far as they are there; what narrower machines do, too."""
    if request.param == "by numpy":
        monkeypatch.setattr(two_actions, "compiled", None)
    elif two_actions.compiled is None:
        pytest.skip("installed without a C compiler")
    elif request.param != "in C":
        lanes = request.param.rpartition(" ")[2]
        monkeypatch.setattr(two_actions, "compiled", narrower(lanes))


@pytest.fixture(scope="module")
def narrower(tmp_path_factory):
    return functools.cache(lambda lanes: compiled(lanes, tmp_path_factory.mktemp("lanes")))


def compiled(lanes, folder):
    """Return two_actions.c for machines whose vectors have so many floats at most."""
    source, to = Path(two_actions.__file__).with_suffix(".c"), folder / "_two_actions.so"
    compiler = shlex.split(sysconfig.get_config_var("CC") or "cc")
    include = f"-I{sysconfig.get_path('include')}"
    flags = ["-O1", "-Wno-psabi", "-shared", "-fPIC", f"-DMOST_LANES={lanes}"]
    try:
        subprocess.run([*compiler, *flags, include, source, "-o", to], check=True)
    except FileNotFoundError:
        pytest.skip("there is no C compiler here")
    spec = importlib.util.spec_from_file_location("_two_actions", to)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


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


def acted(policies, x):
    """Return the actions (n * m,) for observations (n, m, inputs), in slots of mixed order."""
    n, m, inputs = x.shape
    slots = np.random.default_rng(1).permutation(n * m + 5)[: n * m].reshape(n, m)
    observations = np.full((n * m + 5, inputs), np.nan, np.float32)
    observations[slots] = x
    everywhere = np.ones(len(observations), bool)
    actions = policies.act(observations, slots.ravel(), ends(n, m), everywhere, np.empty(0))
    return actions[slots.ravel()]


def ends(n, m):
    """Return where each of n rows of m slots ends."""
    return np.arange(1, n + 1) * m


def by_outputs(network, theta, x):
    return network.bind(theta)(torch.from_numpy(x)).numpy().argmax(-1).ravel()


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("spread", [0.01, 0.3, 30.0])
def test_quick_choices_are_those_of_the_outputs(way, name, spread):
    network = Network(parse(name), 4, 2)
    theta, x = drawn(network, 40, 7, spread=spread)
    chosen = acted(filled(network, Discrete(2, start=3), theta), x)
    assert np.array_equal(chosen, 3 + by_outputs(network, theta, x))


@pytest.mark.parametrize("name", NETWORKS)
def test_nearly_equal_outputs_are_decided_exactly(way, name):
    network = Network(parse(name), 4, 2)
    theta, x = drawn(network, 30, 50)
    inputs = network.layers[-1].inputs
    last = theta[:, -2 * (inputs + 1) : -2].view(-1, inputs, 2)
    last[..., 1] = last[..., 0]
    theta[:, -1] = theta[:, -2]
    # The two differ in the last bit of one weight, so that rounding makes many of them equal.
    last[:, 0, 1] = torch.nextafter(last[:, 0, 0], torch.tensor(torch.inf))
    chosen = acted(filled(network, Discrete(2), theta), x)
    expected = by_outputs(network, theta, x)
    assert np.array_equal(chosen, expected)
    assert 0 < expected.sum() < expected.size


@pytest.mark.parametrize("name", NETWORKS)
def test_rounding_errors_stay_well_below_their_bound(way, name):
    network = Network(parse(name), 4, 2)
    theta, x = drawn(network, 40, 50)
    quick, slots = filled(network, Discrete(2), theta)._quick, np.arange(2000)
    everywhere, actions = np.ones(2000, bool), np.zeros(2000, np.int64)
    found, _ = quick.choose(x.reshape(2000, 4), slots, ends(40, 50), everywhere, actions, 0)
    found = found.reshape(40, 50)
    exact = network.bind(theta)(torch.from_numpy(x)).numpy().astype(np.float64)
    slope, least = quick.bounds(40).T
    bound = slope * np.abs(x).max() + least
    assert (np.abs(found - (exact[..., 1] - exact[..., 0])) < 0.8 * bound[:, None]).all()


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("spread", [0.01, 1.0, 30.0])
def test_the_bound_is_the_same_in_c_as_in_numpy(name, spread):
    if two_actions.compiled is None:
        pytest.skip("installed without a C compiler")
    network = Network(parse(name), 4, 2)
    theta, _ = drawn(network, 9, 1, spread=spread)
    theta[:, -2:] = theta[:, :2]
    quick = filled(network, Discrete(2), theta)._quick
    sizes = [(layer.inputs, layer.outputs) for layer in network.layers]
    expected = two_actions.rounding_bound(two_actions.split(theta.numpy(), sizes))
    assert np.allclose(quick.bounds(9), expected, rtol=1e-5, atol=0)


def test_rows_of_differently_many_slots_act_as_each_does_alone(way):
    network, lengths = Network(parse("mlp:9"), 4, 2), [3, 1, 10, 4, 6]
    theta, x = drawn(network, 5, 10)
    policies = filled(network, Discrete(2), theta)
    if not policies.mixes:
        pytest.skip("numpy's products take rows of equal length")
    slots = np.random.default_rng(3).permutation(30)[:24]
    cells = np.split(slots, np.cumsum(lengths)[:-1])
    observations = np.zeros((30, 4), np.float32)
    for row, own in enumerate(cells):
        observations[own] = x[row, : len(own)]
    everywhere = np.ones(30, bool)
    actions = policies.act(observations, slots, np.cumsum(lengths), everywhere, np.empty(0))
    for row, own in enumerate(cells):
        alone = by_outputs(network, theta[row : row + 1], x[row : row + 1, : len(own)])
        assert np.array_equal(actions[own], alone)


def test_weights_without_end_choose_as_their_outputs_do(way):
    network = Network(parse("mlp:8"), 4, 2)
    theta, x = drawn(network, 3, 5)
    theta[0] *= 1e38
    theta[1, -1] = torch.inf
    theta[2, -1] = torch.nan
    with np.errstate(all="ignore"):
        chosen = acted(filled(network, Discrete(2), theta), x)
    assert np.array_equal(chosen, by_outputs(network, theta, x))


@pytest.mark.parametrize("space", [Discrete(2), Discrete(3), Box(-1, 1, (2,), np.float32)])
def test_rows_can_be_replaced_added_and_dropped(way, space):
    network = Network(parse("mlp:6"), 4, 3 if space == Discrete(3) else 2)
    theta, x = drawn(network, 9, 4)
    policies = filled(network, space, theta[:5])
    policies.put(np.array([1, 5, 6, 7]), list(theta[5:]), 8)
    acted(policies, x[:8])
    policies.put(np.array([0]), [theta[1]], 3)
    now = theta[[1, 5, 2]]
    assert np.array_equal(acted(policies, x[:3]), acted(filled(network, space, now), x[:3]))


@pytest.mark.parametrize("name", NETWORKS)
def test_slots_that_idle_change_nothing_and_raise_no_doubt(way, name):
    network = Network(parse(name), 4, 2)
    theta, x = drawn(network, 20, 9)
    policies, slots = filled(network, Discrete(2), theta), np.arange(180)
    active = np.random.default_rng(2).random(180) < 0.4
    observations = np.where(active[:, None], x.reshape(180, 4), np.float32(np.nan))
    actions = np.zeros(180, np.int64)
    _, doubtful = policies._quick.choose(observations, slots, ends(20, 9), active, actions, 0)
    assert doubtful is None
    assert np.array_equal(actions[active], by_outputs(network, theta, x)[active])
    again = policies.act(observations, slots, ends(20, 9), active, np.empty(0))
    assert np.array_equal(again, actions)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_observations_may_lie_in_memory_as_they_like(way, dtype):
    network = Network(parse("mlp:5"), 4, 2)
    theta, x = drawn(network, 3, 6)
    observations = np.asfortranarray(x.reshape(18, 4).astype(dtype))
    policies, slots = filled(network, Discrete(2), theta), np.arange(18)
    chosen = policies.act(observations, slots, ends(3, 6), np.ones(18, bool), np.empty(0))
    assert np.array_equal(chosen, by_outputs(network, theta, x))


def test_a_tanh_is_as_exact_as_its_bound_says(way):
    # The second output is the tanh, and the first is zero.
    theta = torch.tensor([[1.0, 0.0, 0.0, 1.0, 0.0, 0.0]])
    quick = filled(Network(parse("mlp:1"), 1, 2), Discrete(2), theta)._quick
    x = np.concatenate([np.linspace(-12, 12, 200_001), np.geomspace(1e-30, 1e30, 1001)])
    x = x.astype(np.float32)[:, None]
    actions = np.zeros(len(x), np.int64)
    everywhere = np.ones(len(x), bool)
    found, _ = quick.choose(x, np.arange(len(x)), ends(1, len(x)), everywhere, actions, 0)
    error = np.abs(found - np.tanh(x[:, 0].astype(np.float64)))
    assert error.max() < two_actions.TANH_ERROR / 2


@settings(max_examples=200, deadline=None)
@given(
    lengths=st.tuples(*[st.integers(0, 200)] * 8),
    widths=st.lists(st.sampled_from([-1, 0, 1, 4, 8, 16, 2**40]), max_size=4),
)
def test_buffers_that_do_not_belong_together_are_refused(lengths, widths):
    if two_actions.compiled is None:
        pytest.skip("installed without a C compiler")
    kinds = [np.float32, np.float32, np.int64, np.int64, bool, np.float32, bool, np.int64]
    buffers = [np.zeros(n, kind) for n, kind in zip(lengths, kinds, strict=True)]
    expected = contextlib.nullcontext()
    if not belong_together(widths, *lengths):
        expected = pytest.raises(ValueError, match="do not belong together")
    with expected:
        two_actions.compiled.choose(np.array(widths, np.int64), *buffers, 0)


def belong_together(widths, rows, observations, cells, ends, slots, outputs, doubts, actions):
    """Say whether buffers of zeros of these lengths are what `choose` takes."""
    if not widths or min(widths) < 1 or max(widths) > 16 or ends < 1:
        return False
    is_whole = observations == slots * widths[0] and outputs == doubts == cells
    is_whole = is_whole and actions == slots
    return rows >= ends * length_of(widths) and is_whole and (cells == 0 or slots > 0)


@settings(max_examples=200, deadline=None)
@given(
    rows=st.integers(0, 200),
    weights=st.integers(0, 200) | st.sampled_from([4, 10, 18, 34]),
    row=st.sampled_from([-(2**62), -1, 0, 1, 2, 7, 2**62]),
    widths=st.lists(st.sampled_from([-1, 0, 1, 4, 8, 16, 2**40]), max_size=4),
)
@example(rows=19 * 8 - 1, weights=4, row=7, widths=[1])
@example(rows=19 * 8, weights=4, row=7, widths=[1])
@example(rows=19, weights=5, row=0, widths=[1])
def test_weights_are_put_only_where_there_is_room_for_them(rows, weights, row, widths):
    if two_actions.compiled is None:
        pytest.skip("installed without a C compiler")
    expected = pytest.raises(ValueError, match="do not belong together")
    if widths and min(widths) >= 1 and max(widths) <= 16:
        sizes = zip(widths, [*widths[1:], 2], strict=True)
        is_whole = weights == sum((inputs + 1) * outputs for inputs, outputs in sizes)
        if is_whole and 0 <= row < rows // length_of(widths):
            expected = contextlib.nullcontext()
    room, theta = np.zeros(rows, np.float32), np.zeros(weights, np.float32)
    with expected:
        two_actions.compiled.put(np.array(widths, np.int64), room, theta, row, 1e-12, 1e-12)


def length_of(widths):
    """Return how many floats a network's row takes, of at most 16 inputs a layer."""
    return sum((width + 1) * 16 for width in widths[:-1]) + 16 + 3


WRONG = {"a slot below": ([-1], [1]), "a slot above": ([3], [1]), "far": ([2**62], [1]),
         "an end above": ([0], [2]), "an end below": ([0, 1], [1, 0])}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_a_slot_that_is_not_there_is_refused(what):
    if two_actions.compiled is None:
        pytest.skip("installed without a C compiler")
    quick = filled(Network(parse("mlp:3"), 4, 2), Discrete(2), torch.zeros(2, 23))._quick
    slots, where = (np.array(numbers) for numbers in WRONG[what])
    observations, everywhere = np.zeros((3, 4), np.float32), np.ones(3, bool)
    with pytest.raises(ValueError, match="do not belong together"):
        quick.choose(observations, slots, where, everywhere, np.zeros(3, np.int64), 0)
