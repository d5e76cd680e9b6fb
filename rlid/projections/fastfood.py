"""Fastfood: a Gaussian matrix made of Hadamard products (Le, Sarlos & Smola 2013), flat in d."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from rlid.projections import hadamard
from rlid.projections.projection import Array, Projection, numpy_dtype
from rlid.stream import Stream


class Fastfood(Projection):
    """P z = first D rows of H G Pi H B z / (norm of G * sqrt(D)), over the whole flat vector.

    z is padded with zeros to N, the power of two above D. B are random signs, Pi a permutation,
    G normal numbers, H the Hadamard matrix of size N; as in the code of Li et al. (2018) there is
    no scaling matrix S, and the norms are 1 in expectation, exact only where D = N (the norm of a
    column of all N rows is always the same, and the first D rows hold D / N of its square on the
    mean; making them exact would cost d transforms).
    """

    kind: ClassVar[str] = "fastfood"
    has_exact_norms: ClassVar[bool] = False

    def __init__(self, *, D: int, d: int, seed: int, dtype: torch.dtype) -> None:
        """Draw N signs, N places and N normal numbers."""
        super().__init__(D=D, d=d, seed=seed, dtype=dtype)
        N = padded(D)
        self._signs = Stream(seed, "fastfood/1/signs").signs(N)[:d].copy()
        permutation = Stream(seed, "fastfood/1/permutation").permutation(N)
        self._permutation = torch.from_numpy(permutation.astype(np.int32))
        self._inverse = torch.from_numpy(np.argsort(permutation).astype(np.int32))
        normal = Stream(seed, "fastfood/1/normal").normal(N)
        normal /= np.sqrt(np.sum(normal * normal) * D)
        self._normal = normal.astype(numpy_dtype(dtype))

    @classmethod
    def peak_bytes(cls, D: int, d: int, itemsize: int) -> int:
        """Return the permutation with its inverse while they are sorted, and four vectors."""
        return padded(D) * (4 * 8 + 4 * itemsize)

    @property
    def nbytes(self) -> int:
        """At most 16 bytes per padded weight."""
        return self._signs.nbytes + self._permutation.nbytes * 2 + self._normal.nbytes

    def _expand(self, z: Tensor) -> Tensor:
        out = torch.empty(len(z), self.D, dtype=self.dtype)
        for rows, target in _groups(z, out, len(self._normal)):
            x = np.zeros((len(rows), len(self._normal)), dtype=rows.dtype)
            np.multiply(rows, self._signs, out=x[:, : self.d])
            hadamard.transform(x)
            x = _select(x, self._permutation)
            x *= self._normal
            hadamard.transform(x)
            target[:] = x[:, : self.D]
        return out

    def _reduce(self, g: Tensor) -> Tensor:
        out = torch.empty(len(g), self.d, dtype=self.dtype)
        for rows, target in _groups(g, out, len(self._normal)):
            x = np.zeros((len(rows), len(self._normal)), dtype=rows.dtype)
            x[:, : self.D] = rows
            hadamard.transform(x)
            x *= self._normal
            x = _select(x, self._inverse)
            hadamard.transform(x)
            np.multiply(x[:, : self.d], self._signs, out=target)
        return out


def padded(D: int) -> int:
    """Return the smallest power of two that is at least D."""
    return 1 << (D - 1).bit_length()


def _groups(x: Tensor, out: Tensor, N: int) -> list[tuple[Array, Array]]:
    """Return pairs of rows of x and of out, as many as are transformed together."""
    step = max(1, hadamard.PIECE // N)
    return [
        (x[i : i + step].numpy(), out[i : i + step].numpy()) for i in range(0, len(x), step)
    ]


def _select(x: Array, index: Tensor) -> Array:
    """Return x[:, index]; torch takes 32-bit places as they are, numpy would copy them."""
    rows: Array = np.empty_like(x)
    for row, target in zip(x, rows, strict=True):
        torch.index_select(torch.from_numpy(row), 0, index, out=torch.from_numpy(target))
    return rows
