"""Projections are the same for ever, on any number of threads, and for any layout of theta."""

import hashlib
import json
import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from rlid.projections import PROJECTIONS, fastfood, hadamard, make
from rlid.projections.sparse import draw_entries

# kind, D, d, seed: the start of the SHA-256 of all integers drawn, and the first entries of P z
# for z = (1, ..., 1).
GOLDEN = {
    ("dense", 1_000, 5, 0): ("ac04ca32f9ab3962", [0.0820259, 0.0289553, 0.0141126]),
    ("dense", 562, 4, 2**64 - 1): ("a986d7ca9751ff8c", [-0.002064, -0.0685695, 0.0258874]),
    ("fastfood", 562, 25, 0): ("ada775da091d5db6", [-0.2901807, -0.2195788, 0.1451726]),
    ("fastfood", 5_000, 64, 7): ("fc7ba5e22f160410", [0.0199771, 0.0802718, -0.0297102]),
    ("identity", 8, 8, 0): ("e3b0c44298fc1c14", [1.0, 1.0, 1.0]),
    ("kronecker", 1_000, 10, 0): ("8cd63b934590f087", [0.002035, 0.0574533, 0.0222194]),
    ("onehot", 562, 4, 0): ("36a82bf742639c1d", [0.0842152, 0.0845154, -0.0845154]),
    ("onehot", 5_000, 64, 7): ("f8b485f34cf189d8", [-0.1132277, -0.1132277, 0.1132277]),
    ("onehot", 65_536, 750, 0): ("672c2e989566b826", [0.0883883, 0.0883883, -0.125]),
    ("onehot", 199_210, 100_000, 1): ("8cb535d88021dd40", [-0.5773503, 0.5773503, 0.5773503]),
    ("orthogonal", 500, 5, 0): ("624319f0ac8e1273", [0.1252377, -0.0631668, 0.0532916]),
    ("sparse", 562, 25, 0): ("92c2ad17ada407ba", [0.2182179, 0.0, 0.2182179]),
    ("sparse", 199_210, 4, 7): ("85c7806d464f87a0", [0.0, 0.0, 0.0]),
}

GENERIC = [kind for kind in PROJECTIONS if PROJECTIONS[kind].is_generic]


def digest(P):
    """Return the start of the SHA-256 of the integers drawn, as little-endian 64-bit words."""
    sha256 = hashlib.sha256()
    for integers in P.integers():
        word = "<u8" if integers.dtype == np.uint64 else "<i8"
        sha256.update(integers.astype(word).tobytes())
    return sha256.hexdigest()[:16]


@pytest.mark.parametrize("case", GOLDEN, ids=str)
def test_draws_are_the_same_for_ever(case):
    kind, D, d, seed = case
    P = make(kind, D=D, d=d, seed=seed, dtype=torch.float64)
    words, values = GOLDEN[case]
    assert digest(P) == words
    entries = P(torch.ones(d, dtype=torch.float64))[: len(values)]
    np.testing.assert_allclose(entries.numpy(), values, atol=1e-6)


def test_every_kind_has_golden_draws():
    assert {kind for kind, *_ in GOLDEN} == set(PROJECTIONS)


PROBE = """
import json, torch
from rlid.projections import PROJECTIONS, make
sums = {}
for kind in PROJECTIONS:
    d = 900 if PROJECTIONS[kind].is_square else 60
    P = make(kind, D=900, d=d, seed=1)
    z = torch.linspace(-1, 1, 3 * d).reshape(3, d)
    sums[kind] = [P(z).sum(1).tolist(), P.T(P(z)).sum(1).tolist()]
print(json.dumps(sums))
"""


def test_another_process_with_another_number_of_threads_gives_the_same_map():
    answers = []
    for threads in ("1", "4"):
        variables = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), threads)
        out = subprocess.run(
            [sys.executable, "-c", PROBE],
            env={**os.environ, **variables},
            capture_output=True,
            check=True,
        )
        answers.append(json.loads(out.stdout))
    assert set(answers[0]) == set(PROJECTIONS)
    for kind, values in answers[0].items():
        np.testing.assert_allclose(values, answers[1][kind], rtol=1e-6, atol=1e-6, err_msg=kind)


def constraints(D, k, shape):
    """Return k unit vectors in theta, (k, D), that lie along the layout of a weight matrix."""
    A = torch.zeros(k, D)
    for i in range(k):
        if shape == "rows":
            A[i, i * 256 : (i + 1) * 256] = 1
        elif shape == "columns":
            A[i, i :: D // 256] = 1
        elif shape == "runs":
            A[i, i * (D // k) : (i + 1) * (D // k)] = 1
        elif shape == "every k-th":
            A[i, i::k] = 1
        elif shape == "one column":
            A[i, i * (D // k) : (i + 1) * (D // k) : k] = 1
    return A / A.norm(dim=1, keepdim=True)


def is_solved(A, P):
    """Return whether some z meets any targets of the constraints A: whether A P has full rank."""
    values = torch.linalg.svdvals(P(A).double())
    return bool(values[-1] > 1e-4 * values[0])


@pytest.mark.parametrize("shape", ["rows", "columns", "runs", "every k-th"])
@pytest.mark.parametrize("kind", GENERIC)
def test_k_constraints_need_d_of_k_whatever_their_layout(kind, shape):
    """As for dense, success has probability 1 at d = k and d = k + 2, but for ties by chance."""
    D, k, seeds = 4096, 8, 20
    A = constraints(D, k, shape)
    solved = [is_solved(A, make(kind, D=D, d=k, seed=seed).T) for seed in range(seeds)]
    above = [is_solved(A, make(kind, D=D, d=k + 2, seed=seed).T) for seed in range(seeds)]
    assert sum(solved) >= seeds - 1
    assert all(above)


@pytest.mark.parametrize("shape", ["rows", "columns", "runs", "every k-th"])
def test_large_onehot_is_blind_to_layout(shape):
    A = constraints(2**16, 12, shape)
    solved = [is_solved(A, make("onehot", D=2**16, d=12, seed=seed).T) for seed in range(10)]
    assert all(solved)


def test_the_layout_test_detects_groups_by_index_modulo_d():
    D, k = 4096, 8
    A = constraints(D, k, "one column")
    signs = torch.randint(0, 2, (D,), generator=torch.Generator().manual_seed(0)) * 2.0 - 1
    assert not is_solved(A, lambda g: (g * signs).reshape(k, -1, k).sum(1))
    assert all(is_solved(A, make("onehot", D=D, d=k, seed=seed).T) for seed in range(10))


@pytest.mark.parametrize(
    ("kind", "low", "high"),
    [("onehot", 1, 1.001), ("sparse", 1.18, 1.28), ("dense", 1.19, 1.29), ("fastfood", 1.1, 1.6)],
)
def test_condition_numbers_are_in_their_known_ranges(kind, low, high):
    assert low - 1e-6 <= make(kind, D=5000, d=64, seed=0).condition_number() <= high


def test_sparse_has_its_documented_density_and_memory():
    D, d = 40_000, 200
    rows, signs, counts = draw_entries(3, D, d)
    assert abs(counts.mean() / np.sqrt(D) - 1) < 0.03
    assert abs(counts.std() / D**0.25 - 1) < 0.2
    assert abs(signs.mean()) < 0.03
    assert abs(rows.mean() / D - 0.5) < 0.01
    assert make("sparse", D=D, d=d, seed=3).nbytes < 1.1 * np.sqrt(D) * d * 8
    assert draw_entries(0, 2, 2)[2].min() >= 1


def test_fastfood_holds_at_most_16_bytes_per_padded_weight():
    for D in (1000, 65_537):
        for d in (1, D):
            assert make("fastfood", D=D, d=d, seed=0).nbytes <= 16 * 2 ** (D - 1).bit_length()


def test_fastfood_in_blocks_keeps_its_properties(monkeypatch):
    D, d = 140, 100
    one_block = make("fastfood", D=D, d=d, seed=1, dtype=torch.float64)
    monkeypatch.setattr(fastfood, "_LARGEST_BLOCK", 32)
    P = make("fastfood", D=D, d=d, seed=1, dtype=torch.float64)
    assert torch.autograd.gradcheck(P, torch.randn(2, d, dtype=torch.float64, requires_grad=True))
    np.testing.assert_allclose(P.norms(), 1, atol=0.2)
    assert P.condition_number() < 3 * one_block.condition_number()
    part = make("fastfood", D=D, d=40, seed=1, dtype=torch.float64)
    assert all(torch.equal(part.column(i), P.column(i)) for i in range(40))


@pytest.mark.parametrize("bits", [0, 1, 2, 7, 8, 10])
def test_the_fast_transform_equals_the_hadamard_matrix(bits):
    H = np.ones((1, 1))
    for _ in range(bits):
        H = np.kron(H, [[1, 1], [1, -1]])
    for n in (1, 3):
        x = torch.randn(n, 2**bits, dtype=torch.float64).numpy()
        np.testing.assert_allclose(hadamard.transform(x.copy()), x @ H, atol=1e-9)
