"""Every action that is sent lies in its space, whatever its bounds and the network's outputs."""

import math

import numpy as np
import pytest
import torch
import unfaithful
from gymnasium import spaces
from hypothesis import given, settings
from hypothesis import strategies as st

from rlid.batched.actions import distribution_of, to_space
from rlid.errors import InputError
from rlid.measurement import plan
from rlid.simulators import decoder, is_bounded, kind_of, sample
from rlid.task import resolve
from rlid.testing import compare

TYPES = (np.float16, np.float32, np.float64)


@st.composite
def boxes(draw):
    """A Box of one of the float types; its bounds may be any, also infinite or the largest."""
    numbers = draw(st.sampled_from(TYPES))
    width = np.dtype(numbers).itemsize * 8
    ends = st.floats(allow_nan=False, width=width) | st.sampled_from([-np.inf, np.inf, 0.0, 1.0])
    largest = float(np.finfo(numbers).max)
    ends = ends | st.sampled_from([-largest, largest])
    pairs = draw(st.lists(st.tuples(ends, ends), min_size=1, max_size=4))
    low = np.array([min(pair) for pair in pairs], numbers)
    high = np.array([max(pair) for pair in pairs], numbers)
    low, high = np.where(low == np.inf, 0, low), np.where(high == -np.inf, 0, high)
    return spaces.Box(low.astype(numbers), high.astype(numbers), dtype=numbers)


@settings(max_examples=300, deadline=None)
@given(boxes(), st.integers(0, 2**31))
def test_random_actions_lie_in_any_box(space, seed):
    actions = sample(space, np.random.default_rng(seed), 20)
    assert actions.dtype == space.dtype
    assert np.isfinite(actions).all()
    assert all(space.contains(action) for action in actions)


@settings(max_examples=300, deadline=None)
@given(boxes(), st.sampled_from(["squash", "clip"]), st.data())
def test_decoded_actions_lie_in_any_box(space, rule, data):
    outputs, decode = decoder(space, rule)
    numbers = st.floats(width=32) | st.sampled_from([np.nan, np.inf, -np.inf, 3e38, -3e38])
    rows = data.draw(st.lists(st.lists(numbers, min_size=outputs, max_size=outputs), min_size=1))
    with np.errstate(all="ignore"):
        actions = decode(np.array(rows, np.float32))
    assert actions.dtype == space.dtype
    assert not np.isnan(actions).any()
    assert all(space.contains(action) for action in actions)


@pytest.mark.parametrize(
    "space",
    [
        spaces.Box(np.float32([0, -np.inf, -np.inf, -2]), np.float32([np.inf, -5, np.inf, 3])),
        spaces.Box(np.float64([0, -np.inf]), np.float64([np.inf, -5]), dtype=np.float64),
    ],
)
def test_random_actions_are_distributed_as_gymnasium_draws_them(space):
    space.seed(0)
    theirs = np.array([space.sample() for _ in range(20_000)])
    ours = sample(space, np.random.default_rng(0), 20_000)
    for share in (0.1, 0.5, 0.9):
        spread = np.abs(np.quantile(theirs, share, 0) - np.quantile(ours, share, 0))
        assert (spread < 0.08).all()


def test_a_range_that_float32_cannot_hold_is_none():
    largest = np.finfo(np.float32).max
    space = spaces.Box(-largest, largest, (2,))
    assert not is_bounded(space).any()
    assert kind_of(space, "squash") == "unbounded"
    actions = sample(space, np.random.default_rng(0), 1000)
    assert abs(float(actions.std()) - 1) < 0.1
    _, decode = decoder(space, "squash")
    assert decode(np.float32([[0.5, -2]])).tolist() == [[0.5, -2]]


def test_a_range_of_float16_is_computed_in_more():
    space = spaces.Box(np.float16(-60_000), np.float16(60_000), (1,), np.float16)
    assert kind_of(space, "squash") == "squashed"
    _, decode = decoder(space, "squash")
    expected = 60_000 * math.tanh(0.5)
    assert decode(np.float32([[0.5]]))[0, 0] == pytest.approx(expected, rel=1e-3)
    assert abs(float(sample(space, np.random.default_rng(0), 1000).astype(float).mean())) < 5000


@pytest.mark.parametrize(
    "bounds",
    [
        "low=0.0&high=1e39",
        "low=-1e39&high=-5.0",
        "low=-3.4028235e38&high=3.4028235e38",
        "low=-65504.0&high=65504.0&dtype=float16",
        "low=-1e308&high=1e308&dtype=float64",
    ],
)
def test_an_environment_that_refuses_actions_outside_its_space_gets_none(bounds):
    comparison = compare(resolve(f"gym:Bounds-v0?{bounds}"))
    assert comparison.is_equal, comparison.detail


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, "observations of ShowsNothing-v0 .* which has no numbers in it"),
        ({"action_space": spaces.Box(-1, 1, (0,))}, "have no numbers in them"),
    ],
)
def test_a_space_without_numbers_is_refused_before_any_trial(change, words, monkeypatch):
    # The action space is looked at in an environment that shows something.
    name = "gym:Seeded-v0" if change else "gym:ShowsNothing-v0"
    for attribute, value in change.items():
        monkeypatch.setattr(unfaithful.Seeded, attribute, value)
    with pytest.raises(InputError, match=words) as error:
        plan(name, agent="cmaes", network="mlp:4", dmax=2)
    assert "\n" not in str(error.value)


def test_an_agent_that_needs_a_range_refuses_a_space_without_one():
    with pytest.raises(InputError, match="those of 'gym:Bounds-v0.*' are unbounded"):
        plan("gym:Bounds-v0?low=-3.4e38&high=3.4e38", agent="sac", dmax=2)


def test_choices_of_two_dimensions_are_choices():
    space = spaces.MultiDiscrete([[2, 3], [4, 2]], start=[[0, 5], [1, 0]])
    outputs, decode = decoder(space, "squash")
    assert outputs == 11
    rng = np.random.default_rng(0)
    actions = decode(rng.standard_normal((50, 11)).astype(np.float32))
    assert actions.shape == (50, 2, 2)
    assert all(space.contains(action) for action in [*actions, *sample(space, rng, 50)])


@st.composite
def choices(draw):
    """A Discrete, MultiDiscrete or MultiBinary space, also of a type that is not int64."""
    kind, start = draw(st.sampled_from(["one", "several", "grid", "bits"])), draw(st.integers(0, 9))
    numbers = draw(st.sampled_from([np.uint8, np.int16, np.int32, np.int64]))
    if kind == "one":
        return spaces.Discrete(draw(st.integers(1, 5)), start=start, dtype=numbers)
    sizes = np.array(draw(st.lists(st.integers(1, 4), min_size=2, max_size=2)))
    if kind == "bits":
        return spaces.MultiBinary(sizes)
    sizes = np.stack([sizes, sizes + 1]) if kind == "grid" else sizes
    return spaces.MultiDiscrete(sizes, dtype=numbers, start=np.full_like(sizes, start))


@settings(max_examples=200, deadline=None)
@given(boxes() | choices(), st.sampled_from(["squash", "clip"]), st.integers(0, 2**31))
def test_actions_of_a_batch_lie_in_their_space(space, rule, seed):
    outputs, decode = decoder(space, rule)
    distribution = distribution_of(space, outputs, log_std=0.0)
    rng = np.random.default_rng(seed)
    means = torch.from_numpy(3 * rng.standard_normal((2, outputs, 6)).astype(np.float32))
    noise = distribution.noise(rng, 2, 6)
    drawn = distribution.sample(means, torch.from_numpy(noise)).transpose(1, 2).flatten(0, 1)
    with np.errstate(all="ignore"):
        actions = to_space(space, decode, drawn.numpy())
    assert actions.dtype == space.dtype
    assert all(space.contains(action) for action in actions)


@pytest.mark.parametrize("numbers", [np.int32, np.int64])
def test_actions_have_the_type_of_their_space(numbers):
    space = spaces.MultiDiscrete([2, 3], dtype=numbers)
    assert decoder(space, "squash")[1](np.zeros((1, 5), np.float32)).dtype == numbers
    assert sample(space, np.random.default_rng(0), 3).dtype == numbers
