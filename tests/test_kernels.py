"""The compiled loops give the bits of numpy and torch, and stay inside their buffers."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rlid.projections import hadamard, kernels, layouts, make

compiled = pytest.importorskip(
    "rlid.projections._kernels", reason="installed without a C compiler", exc_type=ImportError
)

SIZES = st.integers(24, 3000).flatmap(lambda D: st.tuples(st.just(D), st.integers(1, D)))


def with_and_without_c(kind, D, d, rows):
    """Return the bytes of P z and P^T g for `rows` rows and for one, with C and without."""
    draw = np.random.default_rng(D * d)
    z = torch.from_numpy(draw.standard_normal((rows, d), np.float32))
    g = torch.from_numpy(draw.standard_normal((rows, D), np.float32))
    products = []
    for module in (compiled, None):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(kernels, "compiled", module)
            P = make(kind, D=D, d=d, seed=1)
            results = [P(z), P.T(g), P(z[0]), P.T(g[0])]
            products.append([result.numpy().tobytes() for result in results])
    return products


@settings(max_examples=60, deadline=None)
@given(size=SIZES, kind=st.sampled_from(["onehot", "fastfood"]), rows=st.integers(1, 3))
def test_small_projections_match_the_numpy_version(size, kind, rows):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layouts, "_SMALLEST_TILED", 24)
        with_c, without = with_and_without_c(kind, *size, rows)
    assert with_c == without


@pytest.mark.parametrize(
    ("kind", "D", "d"),
    [
        ("onehot", 199_210, 4),
        ("onehot", 199_210, 100_000),
        ("onehot", 1_005_974, 6000),
        ("onehot", 70_001, 70_001),
        ("fastfood", 199_210, 4),
        ("fastfood", 199_210, 100_000),
        ("fastfood", 1_100_000, 750),
    ],
)
def test_large_projections_match_the_numpy_version(kind, D, d):
    with_c, without = with_and_without_c(kind, D, d, 2)
    assert with_c == without


@pytest.mark.parametrize("bits", range(19))
def test_the_compiled_transform_matches_the_numpy_version(bits):
    x = np.random.default_rng(bits).standard_normal((3, 1 << bits), np.float32)
    assert kernels.transform(x).tobytes() == hadamard.transform(x).tobytes()


def test_nbytes_is_right_with_and_without_the_compiled_loops(monkeypatch):
    # The C code reads signs as bytes, the other version as floats of four bytes.
    with_c = make("onehot", D=70_001, d=20, seed=0).nbytes
    monkeypatch.setattr(kernels, "compiled", None)
    assert make("onehot", D=70_001, d=20, seed=0).nbytes == with_c + 4 * 70_001


def test_a_strided_argument_is_not_changed():
    x = np.random.default_rng(0).standard_normal((64, 2), np.float32).T
    before = x.copy()
    assert kernels.transform(x).tobytes() == hadamard.transform(before).tobytes()
    np.testing.assert_array_equal(x, before)


def numbers(n, kind=np.float32):
    return np.zeros(n, kind)


@pytest.mark.parametrize(
    "run", [(-1, 0, 4), (0, -1, 4), (0, 0, -1), (13, 0, 4), (0, 7, 4), (2**62, 0, 2**62)]
)
def test_a_run_that_leaves_its_buffers_is_refused(run):
    runs, signs = np.array([run], np.int64), numbers(16, np.int8)
    with pytest.raises(ValueError, match="do not belong together"):
        compiled.expand(numbers(10), signs, numbers(16), runs, None)
    with pytest.raises(ValueError, match="do not belong together"):
        compiled.reduce(numbers(10), signs, numbers(16), runs)


def test_buffers_of_other_sizes_are_refused():
    indices, signs, runs = numbers(8, np.int32), numbers(8, np.int8), numbers(0, np.int64)
    refused = [
        lambda: compiled.expand(numbers(8), signs, numbers(7), runs, None),
        lambda: compiled.expand(numbers(8), signs, numbers(8), runs, numbers(7)),
        lambda: compiled.reduce(numbers(8), signs, numbers(7), runs),
        lambda: compiled.transform(numbers(12), 12),
        lambda: compiled.transform(numbers(12), 8),
        lambda: compiled.transform(numbers(12), 0),
        lambda: compiled.read(numbers(3), indices, numbers(8), numbers(8)),
        lambda: compiled.read(numbers(4), indices, numbers(7), numbers(8)),
        lambda: compiled.read(numbers(4), indices, numbers(8), numbers(9)),
        lambda: compiled.add_up(numbers(0), indices, numbers(8), numbers(8)),
        lambda: compiled.add_up(numbers(4), indices, numbers(7), numbers(8)),
    ]
    for call in refused:
        with pytest.raises(ValueError, match="do not belong together"):
            call()


def test_buffers_that_cannot_be_written_are_refused():
    locked = numbers(8)
    locked.setflags(write=False)
    with pytest.raises(TypeError, match="read-write"):
        compiled.transform(locked, 8)


def test_an_index_beyond_the_end_wraps_around_inside_the_buffer():
    indices = np.array([0, 5, -1, 2**31 - 1], np.int32)
    out = numbers(4)
    compiled.read(np.arange(4, dtype=np.float32), indices, np.ones(4, np.float32), out)
    np.testing.assert_array_equal(out, [0, 1, 3, 3])


def odd(n, kind=np.float32, at=1):
    """Numbers that begin at an odd address."""
    return memoryview(bytearray(np.dtype(kind).itemsize * n + at))[at:]


def test_buffers_at_odd_addresses_and_of_odd_lengths_are_refused():
    signs, runs = numbers(8, np.int8), np.array([[0, 0, 8]], np.int64)
    refused = [
        lambda: compiled.expand(odd(8), signs, numbers(8), runs, None),
        lambda: compiled.expand(numbers(8), signs, odd(8), runs, None),
        lambda: compiled.expand(numbers(8), signs, numbers(8), odd(3, np.int64), None),
        lambda: compiled.expand(numbers(8), signs, numbers(8), runs, odd(8)),
        lambda: compiled.expand(bytes(33), signs, numbers(8), runs, None),
        lambda: compiled.expand(numbers(8), signs, numbers(8), bytes(25), None),
        lambda: compiled.reduce(numbers(8), signs, odd(8), runs),
        lambda: compiled.transform(odd(8), 8),
        lambda: compiled.transform(bytearray(33), 8),
        lambda: compiled.read(odd(8), numbers(8, np.int32), numbers(8), numbers(8)),
        lambda: compiled.add_up(numbers(8), odd(8, np.int32), numbers(8), numbers(8)),
    ]
    for call in refused:
        with pytest.raises(ValueError, match="do not belong together"):
            call()


def test_a_written_buffer_that_shares_memory_is_refused():
    shared, runs = numbers(16), np.array([[0, 0, 8]], np.int64)
    signs = numbers(8, np.int8)
    refused = [
        lambda: compiled.expand(shared[:8], signs, shared[4:12], runs, None),
        lambda: compiled.expand(numbers(8), signs, shared[:8], runs, shared[:8]),
        lambda: compiled.reduce(shared[:8], signs, shared[7:15], runs),
        lambda: compiled.read(shared[:8], numbers(8, np.int32), numbers(8), shared[:8]),
        lambda: compiled.add_up(shared[:8], numbers(8, np.int32), shared[:8], numbers(8)),
    ]
    for call in refused:
        with pytest.raises(ValueError, match="do not belong together"):
            call()
    compiled.expand(shared[:8], signs, numbers(8), runs, shared[:8])
