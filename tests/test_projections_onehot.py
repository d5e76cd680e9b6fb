"""The groups of onehot at every d, in both layouts: sizes, splits, exactness and order."""

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rlid.projections import layouts, make
from rlid.projections.layouts import Permuted, Tiled, draw_layout
from rlid.projections.order import fold, group_sizes, linear_hash, unfold

SIZES = st.integers(1, 700).flatmap(lambda D: st.tuples(st.just(D), st.integers(1, D)))


@pytest.fixture(params=["permuted", "tiled"])
def layout(request, monkeypatch):
    """One of the two layouts at any D; tiles need at least 24 weights."""
    smallest = 24 if request.param == "tiled" else 10**9
    monkeypatch.setattr(layouts, "_SMALLEST_TILED", smallest)
    return request.param


def onehot(D, d, seed=3):
    return make("onehot", D=D, d=d, seed=seed, dtype=torch.float64)


@given(size=SIZES)
@example(size=(1, 1))
def test_group_sizes_are_even_and_larger_ones_split_first(size):
    D, d = size
    sizes = group_sizes(D, d)
    np.testing.assert_array_equal(sizes, np.bincount(linear_hash(np.arange(D), d), minlength=d))
    assert sizes.max() <= 2 * sizes.min() + 1
    if d < D:
        after = group_sizes(D, d + 1)
        (split,) = np.flatnonzero(sizes != after[:d])
        assert sizes[split] == sizes.max()
        assert abs(after[split] - after[d]) <= 1


@given(size=SIZES)
def test_unfold_reads_and_fold_adds_what_the_hash_says(size):
    D, d = size
    groups = linear_hash(np.arange(D), d)
    z = np.arange(d, dtype=float)[None]
    residues = unfold(z)
    np.testing.assert_array_equal(residues[0, np.arange(D) % residues.shape[1]], groups)
    y = np.arange(D, dtype=float)
    expected = np.bincount(groups, weights=y, minlength=d)
    np.testing.assert_allclose(fold(y[None].copy(), d)[0], expected)


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_products_equal_those_of_the_defining_matrix(data):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layouts, "_SMALLEST_TILED", data.draw(st.sampled_from([24, 10**9])))
        D, d = data.draw(SIZES)
        P = onehot(D, d)
        ranks, signs = P.integers()
        groups = P.groups()
        np.testing.assert_array_equal(np.sort(ranks), np.arange(D))
        np.testing.assert_array_equal(np.bincount(groups, minlength=d), group_sizes(D, d))
        matrix = np.zeros((D, d))
        matrix[np.arange(D), groups] = signs / np.sqrt(group_sizes(D, d))[groups]
        z = torch.randn(2, d, dtype=torch.float64)
        g = torch.randn(2, D, dtype=torch.float64)
        np.testing.assert_allclose(P(z).numpy(), z.numpy() @ matrix.T, atol=1e-12)
        np.testing.assert_allclose(P.T(g).numpy(), g.numpy() @ matrix, atol=1e-12)
        torch.testing.assert_close(P.T(P(z)), z)


@pytest.mark.parametrize("D", [1, 2, 23, 24, 97, 200])
@pytest.mark.usefixtures("layout")
def test_groups_of_any_d_split_into_those_of_any_larger_d(D):
    before = onehot(D, 1).groups()
    for d in range(2, D + 1):
        groups = onehot(D, d).groups()
        # Each new group lies inside an old one, and exactly one old group is split.
        pairs = {*zip(groups.tolist(), before.tolist(), strict=True)}
        assert len(pairs) == d
        before = groups
    assert len(set(before.tolist())) == D


@pytest.mark.parametrize("d", [1, 3, 2047, 2048, 2049, 5000, 30_000, 70_001])
def test_large_maps_are_exact_at_any_d(d):
    P = onehot(70_001, d)
    z = torch.randn(d, dtype=torch.float64)
    torch.testing.assert_close(P.T(P(z)), z)
    assert P.condition_number() == pytest.approx(1)
    larger = onehot(70_001, min(70_001, d + d // 3 + 1))
    torch.testing.assert_close(larger(larger.T(P(z))), P(z))


def test_the_choice_of_layout_depends_on_D_alone():
    for d in (1, 100, 60_000):
        assert isinstance(draw_layout(0, 65_535, d, np.float32), Permuted)
        assert isinstance(draw_layout(0, 65_536, d, np.float32), Tiled)


@pytest.mark.parametrize("D", [40, 1000, 50_000, 70_001, 199_210])
def test_onehot_holds_at_most_16_bytes_per_weight(D):
    for d in (1, D // 2, D):
        assert make("onehot", D=D, d=d, seed=0).nbytes <= 16 * D


@pytest.mark.usefixtures("layout")
@pytest.mark.parametrize("d", [2, 8, 64])
def test_a_group_ties_no_rows_or_columns_of_a_matrix(d):
    """Groups share entries with rows and columns of a 64 x 64 matrix as often as by chance."""
    D, side = 64 * 64 * 2, 64
    groups = onehot(D, d).groups()[: side * side].reshape(side, side)
    for lines in (groups, groups.T):
        counts = np.stack([np.bincount(line, minlength=d) for line in lines])
        # Independent draws give counts of about this variance; tied rows `side` times as much.
        expected = side / d * (1 - 1 / d)
        assert counts.var() < 1.3 * expected
    signs = onehot(D, d).integers()[1][: side * side].reshape(side, side)
    assert abs(signs.sum(axis=0)).max() < 4.5 * np.sqrt(side)
    assert abs(signs.sum(axis=1)).max() < 4.5 * np.sqrt(side)
