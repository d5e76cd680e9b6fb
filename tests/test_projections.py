"""Properties of every registered projection."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rlid.errors import UnknownName
from rlid.projections import PROJECTIONS, make, projection

KINDS = list(PROJECTIONS)
SEEDS = st.integers(0, 2**64 - 1)
# Larger maps would take as long as all other tests together.
LARGEST_BYTES = 2_000_000
LARGEST_ENTRIES = 3_000_000

every_kind = pytest.mark.parametrize("kind", KINDS)


@st.composite
def maps(draw, kind, dtype=torch.float64, largest=80_000):
    """A projection of any size, small ones more often."""
    D = draw(st.one_of(st.integers(1, 40), st.integers(1, 3000), st.integers(65_000, largest)))
    most = D
    while most > 1 and (
        PROJECTIONS[kind].peak_bytes(D, most, 8) > LARGEST_BYTES or D * most > LARGEST_ENTRIES
    ):
        most //= 2
    d = D if PROJECTIONS[kind].is_square else draw(st.integers(1, most))
    return make(kind, D=D, d=d, seed=draw(SEEDS), dtype=dtype)


def vectors(P, n=3, seed=0):
    generator = torch.Generator().manual_seed(seed)
    z = torch.randn(n, P.d, generator=generator, dtype=P.dtype)
    g = torch.randn(n, P.D, generator=generator, dtype=P.dtype)
    return z, g


def small(kind, D=40, d=12, seed=5, dtype=torch.float64):
    return make(kind, D=D, d=D if PROJECTIONS[kind].is_square else d, seed=seed, dtype=dtype)


@every_kind
@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_a_projection_is_linear(kind, data):
    P = data.draw(maps(kind))
    (x, y, z), _ = vectors(P)
    torch.testing.assert_close(P(2 * x - 3 * y + z), 2 * P(x) - 3 * P(y) + P(z))
    assert not P(torch.zeros_like(x)).any()


@every_kind
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_the_transpose_is_adjoint(kind, dtype, data):
    P = data.draw(maps(kind, dtype))
    z, g = vectors(P)
    left = (P(z).double() * g.double()).sum(1)
    right = (z.double() * P.T(g).double()).sum(1)
    scale = P(z).double().norm(dim=1) * g.double().norm(dim=1)
    assert ((left - right).abs() <= 1e-5 * scale).all()


@every_kind
@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_columns_have_norm_1(kind, data):
    P = data.draw(maps(kind))
    norms = P.norms()
    assert norms.shape == (P.d,)
    if P.has_exact_norms:
        np.testing.assert_allclose(norms, 1, atol=1e-12)
    i = data.draw(st.integers(0, P.d - 1))
    column = P.column(i)
    assert column.shape == (P.D,)
    assert abs(column.norm().item() - norms[i]) < 1e-12


@every_kind
def test_norms_are_1_in_expectation(kind):
    squares = [np.mean(small(kind, D=300, d=20, seed=seed).norms() ** 2) for seed in range(100)]
    assert abs(np.mean(squares) - 1) < 0.01


@every_kind
def test_derivatives_are_those_of_the_map_and_its_transpose(kind):
    P = small(kind)
    z, g = (x.requires_grad_() for x in vectors(P, 2))
    for product, x in ((P, z), (P.T, g), (P, z[0].detach().requires_grad_())):
        assert torch.autograd.gradcheck(product, x)
        assert torch.autograd.gradgradcheck(product, x)
    P(z).backward(g.detach())
    torch.testing.assert_close(z.grad, P.T(g.detach()), rtol=0, atol=0)


@every_kind
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("is_recorded", [True, False])
def test_adding_a_start_equals_a_separate_sum(kind, dtype, is_recorded):
    P = small(kind, dtype=dtype)
    z, (start, weights, _) = vectors(P)
    before = start.clone()
    for part in (z, z[0], z[:0]):
        x = part.clone().requires_grad_(is_recorded)
        fused, separate = P(x, start), start + P(x)
        assert torch.equal(fused, separate)
        assert torch.equal(start, before)
        assert fused.requires_grad == is_recorded
        if is_recorded:
            gradients = [torch.autograd.grad((y * weights).sum(), x)[0] for y in (fused, separate)]
            assert torch.equal(*gradients)
    with pytest.raises(ValueError, match="start must"):
        P(z, start[1:])


@every_kind
@settings(max_examples=10, deadline=None)
@given(data=st.data(), n=st.integers(0, 5))
def test_a_batch_equals_a_loop_to_the_last_bit(kind, data, n):
    P = data.draw(maps(kind, torch.float32))
    z, g = vectors(P, n)
    theta, sums = P(z), P.T(g)
    assert theta.shape == (n, P.D)
    assert sums.shape == (n, P.d)
    for i in range(n):
        assert torch.equal(theta[i], P(z[i]))
        assert torch.equal(sums[i], P.T(g[i]))
        assert torch.equal(theta[i : i + 1], P(z[i : i + 1]))


@every_kind
@pytest.mark.parametrize("D", [77, 5000, 70_001])
def test_results_do_not_depend_on_threads_or_memory_layout(kind, D):
    if PROJECTIONS[kind].peak_bytes(D, 25, 8) > 10 * LARGEST_BYTES:
        D = 5000
    P = small(kind, D=D, d=25, dtype=torch.float32)
    z, g = vectors(P, 4)
    threads = torch.get_num_threads()
    try:
        results = []
        for count in (1, 2, 4):
            torch.set_num_threads(count)
            results.append((P(z), P.T(g)))
    finally:
        torch.set_num_threads(threads)
    results.append((P(z.T.contiguous().T), P.T(g.T.contiguous().T)))
    for theta, sums in results[1:]:
        assert torch.equal(theta, results[0][0])
        assert torch.equal(sums, results[0][1])


@every_kind
@settings(max_examples=10, deadline=None)
@given(seed=SEEDS)
def test_equal_seeds_give_equal_maps_and_other_seeds_other_maps(kind, seed):
    first, again = small(kind, seed=seed), small(kind, seed=seed)
    z, _ = vectors(first)
    assert torch.equal(first(z), again(z))
    if first.integers():
        assert not torch.equal(first(z), small(kind, seed=seed ^ 1)(z))


@every_kind
@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_a_map_of_smaller_d_lies_inside_that_of_larger_d(kind, data):
    large = data.draw(maps(kind))
    d = large.d if large.is_square else data.draw(st.integers(1, large.d))
    part = make(kind, D=large.D, d=d, seed=large.seed, dtype=torch.float64)
    if large.nesting == "columns":
        for i in {0, d // 2, d - 1}:
            torch.testing.assert_close(part.column(i), large.column(i), rtol=0, atol=1e-6)
    elif large.nesting == "subspaces":
        # The columns of such a map are orthonormal, so that P P^T projects onto their span.
        theta = part(vectors(part)[0])
        torch.testing.assert_close(large(large.T(theta)), theta)


@every_kind
def test_condition_number_by_iteration_equals_the_exact_one(kind, monkeypatch):
    P = small(kind, D=400, d=80)
    exact = P.condition_number()
    small_exact = small(kind, D=400, d=9).condition_number()
    monkeypatch.setattr(projection, "_EXACT_ENTRIES", 0)
    assert P.condition_number() == pytest.approx(exact, rel=2e-3)
    assert small(kind, D=400, d=9).condition_number() == pytest.approx(small_exact, rel=1e-6)
    assert make(kind, D=1, d=1, seed=0).condition_number() == pytest.approx(1)


@every_kind
def test_nbytes_counts_every_array_that_is_held(kind):
    for D in (1000, 70_001):
        P = small(kind, D=D, d=20, dtype=torch.float32)
        assert P.nbytes == sum(held_buffers(P, {}).values())


def held_buffers(value, sizes):
    """Return `sizes` with the bytes of each buffer reachable from `value` added, by address."""
    if isinstance(value, torch.Tensor):
        storage = value.untyped_storage()
        address = storage.data_ptr()
        # A tensor made from an array may start inside a buffer that is counted already.
        if not any(0 <= address - start < size for start, size in sizes.items()):
            sizes[address] = storage.nbytes()
    if isinstance(value, np.ndarray):
        while isinstance(value.base, np.ndarray):
            value = value.base
        if value.size:
            sizes[value.ctypes.data] = value.nbytes
    elif isinstance(value, list | tuple):
        for part in value:
            held_buffers(part, sizes)
    elif hasattr(value, "__dict__"):
        held_buffers(list(vars(value).values()), sizes)
    return sizes


@every_kind
def test_a_diverged_z_gives_nan_in_silence(kind):
    P = small(kind)
    assert not torch.isfinite(P(torch.full((P.d,), torch.inf, dtype=P.dtype))).all()
    assert torch.isnan(P.T(torch.full((P.D,), torch.nan, dtype=P.dtype))).any()


@every_kind
def test_wrong_input_is_refused_in_one_line(kind):
    P = small(kind, dtype=torch.float32)
    cases = [
        (lambda: P(torch.zeros(P.d + 1)), rf"z must have shape \({P.d},\) or \(n, {P.d}\)"),
        (lambda: P(torch.zeros(2, 2, P.d)), "z must have shape"),
        (lambda: P.T(torch.zeros(P.D + 1)), "g must have shape"),
        (lambda: P(torch.zeros(P.d).double()), "z must be torch.float32"),
        (lambda: P.column(P.d), f"column must be in .0, {P.d}."),
        (lambda: make(kind, D=0, d=1, seed=0), "at least 1, not 0"),
        (lambda: make(kind, D=5, d=0, seed=0), r"d must be in \[1, 5\]"),
        (lambda: make(kind, D=5, d=6, seed=0), r"d must be in \[1, 5\]"),
        (lambda: make(kind, D=5, d=5, seed=-1), "seed must be in"),
        (lambda: make(kind, D=5, d=5, seed=2**64), "seed must be in"),
        (lambda: make(kind, D=5, d=5, seed=0, dtype=torch.float16), "dtype must be"),
    ]
    for call, message in cases:
        with pytest.raises(ValueError, match=message) as caught:
            call()
        assert "\n" not in str(caught.value)


def test_a_square_kind_refuses_another_d():
    for kind in KINDS:
        if PROJECTIONS[kind].is_square:
            with pytest.raises(ValueError, match="has d = D = 5, not 3; choose another kind"):
                make(kind, D=5, d=3, seed=0)


def test_an_unknown_kind_is_refused_with_the_nearest():
    with pytest.raises(UnknownName, match="did you mean 'fastfood'"):
        make("fastfod", D=5, d=3, seed=0)


def test_projections_are_listed_without_torch():
    code = (
        "import sys; sys.modules['torch'] = None; from rlid.projections import PROJECTIONS; "
        "assert all(entry.summary for entry in PROJECTIONS.entries())"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@every_kind
def test_the_summary_of_a_kind_states_cost_and_memory(kind):
    summary = PROJECTIONS.entry(kind).summary
    assert "time" in summary or "no cost" in summary
    assert "byte" in summary or "memory" in summary
    assert PROJECTIONS[kind].kind == kind
