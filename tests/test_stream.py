"""Frozen streams never change, have random access, and leave global generators alone."""

import hashlib
import random

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rlid.random_stream import ROLES, Stream, role_seed, to_uniform

SEEDS = st.integers(0, 2**64 - 1)
STARTS = st.integers(0, 1000)
COUNTS = st.integers(0, 300)


def sha(array):
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()[:16]


@pytest.mark.parametrize(
    ("draw", "expected"),
    [
        (lambda s: s.bits(1000).astype("<u8"), "c3ab09b1e6dfb8de"),
        (lambda s: s.signs(1000), "1bf82961e2d16d07"),
        (lambda s: s.integers(1000, 10**6).astype("<i8"), "12c6deec8b174b37"),
        (lambda s: s.permutation(1000).astype("<i8"), "c6c0dc3e8ed5730d"),
        (lambda s: s.uniform(1000).astype("<f8"), "b60ca7b9af75a938"),
    ],
    ids=["bits", "signs", "integers", "permutation", "uniform"],
)
def test_draws_are_the_same_for_ever(draw, expected):
    assert sha(draw(Stream(7, "golden"))) == expected


def test_normal_numbers_are_the_same_for_ever():
    expected = [-1.3994558, -1.1048193, -1.2573596, -0.9547196]
    np.testing.assert_allclose(Stream(7, "golden").normal(4), expected, atol=1e-6)


def test_role_seeds_are_the_same_for_ever():
    assert [role_seed(0, role) for role in ROLES[:3]] == [
        8668861027912758289,
        4881901421217228719,
        16452687389592421897,
    ]


def test_roles_and_seeds_give_different_seeds():
    seeds = {role_seed(seed, role) for seed in range(20) for role in ROLES}
    assert len(seeds) == 20 * len(ROLES)


def test_wrong_roles_and_seeds_are_refused():
    with pytest.raises(ValueError, match="unknown role 'thta0'; known: theta0"):
        role_seed(0, "thta0")
    with pytest.raises(ValueError, match="at least 0, not -1"):
        role_seed(-1, "theta0")
    with pytest.raises(ValueError, match="at least 0, not -1"):
        Stream(-1)
    with pytest.raises(ValueError, match="n and start"):
        Stream(0).bits(-1)
    for bound in (0, 2**32 + 1):
        with pytest.raises(ValueError, match="bound must be"):
            Stream(0).integers(1, bound)


@given(seed=SEEDS, n=COUNTS, start=STARTS)
def test_a_draw_depends_on_its_index_alone(seed, n, start):
    stream = Stream(seed, "x")
    for draw in (stream.bits, stream.uniform, stream.normal, stream.signs):
        np.testing.assert_array_equal(draw(n, start), draw(start + n)[start:])
    all_integers = stream.integers(start + n, 77)
    np.testing.assert_array_equal(stream.integers(n, 77, start), all_integers[start:])


@given(seed=SEEDS, n=st.integers(0, 3000))
def test_a_permutation_is_the_stable_argsort_of_the_top_bits(seed, n):
    permutation = Stream(seed).permutation(n)
    width = np.uint64(max(n - 1, 0).bit_length())
    keys = Stream(seed).bits(n) >> width
    np.testing.assert_array_equal(permutation, np.argsort(keys, kind="stable"))


@given(seed=SEEDS, bound=st.integers(1, 2**32))
def test_integers_are_the_high_half_of_the_product(seed, bound):
    words = Stream(seed).bits(50).tolist()
    assert Stream(seed).integers(50, bound).tolist() == [(word * bound) >> 64 for word in words]


def test_uniform_numbers_are_never_0_or_1():
    ends = to_uniform(np.array([0, 2**64 - 1], dtype=np.uint64))
    assert 0 < ends[0] < 1e-15
    assert 1 - 1e-15 < ends[1] < 1


def test_distributions_have_their_moments():
    stream, n = Stream(3, "moments"), 200_000
    assert abs(stream.uniform(n).mean() - 0.5) < 0.003
    assert abs(stream.normal(n).mean()) < 0.01
    assert abs(stream.normal(n).std() - 1) < 0.01
    assert abs(stream.signs(n).mean()) < 0.01
    assert set(stream.signs(n).tolist()) == {-1, 1}
    assert abs(stream.integers(n, 10).mean() - 4.5) < 0.03
    assert abs(np.corrcoef(stream.permutation(n), np.arange(n))[0, 1]) < 0.01


def test_streams_of_other_labels_and_seeds_are_unrelated():
    first = Stream(1, "a").normal(100_000)
    for other in (Stream(1, "b"), Stream(2, "a")):
        assert abs(np.corrcoef(first, other.normal(100_000))[0, 1]) < 0.02


def test_streams_leave_the_global_generators_alone():
    before = (random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist())  # noqa: NPY002
    Stream(1).normal(1000)
    Stream(1).permutation(1000)
    after = (random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist())  # noqa: NPY002
    assert before == after
