"""Fastfood: a Gaussian matrix made of Hadamard products (Le, Sarlos & Smola 2013), flat in d."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from rlid.projections import hadamard, kernels
from rlid.projections.projection import Array, Projection, numpy_dtype
from rlid.random_stream import Stream

# Weights are made in blocks of at most this many: a longer transform does not fit into the caches.
_LARGEST_BLOCK = 2**20


class Fastfood(Projection):
    """P z = (S H G Pi H B z) / (norm of G * sqrt(D)), cut to D rows, over the whole flat vector.

    H is the Hadamard matrix of size N, the smallest power of two that is at least D, but at most
    2**20. For larger D, blocks of N weights are stacked, each with its own G and Pi, as in section
    3 of the paper. B and S are random signs, Pi is a permutation, G holds normal numbers. Without
    S, P would be singular on runs of weights whose length is a power of two, because few numbers of
    G act on such a run. As in the code of Li et al. (2018) the columns have norm 1 in expectation,
    and exactly only where D is a multiple of N: with all N rows of a block every column has the
    same norm, of which the rows that are kept hold a share. Exact norms would cost d transforms.

    Only the first d entries that the first H transforms are not zero. With n the smallest power of
    two that is at least d, its result repeats with period n, so that a transform of size n is
    enough. Where d > N, z is cut into pieces of N, and block b reads piece c with the G and Pi of
    block b + c.
    """

    kind: ClassVar[str] = "fastfood"
    has_exact_norms: ClassVar[bool] = False

    def __init__(self, *, D: int, d: int, seed: int, dtype: torch.dtype) -> None:
        """Draw d + D signs and, for each block, N indices and N normal numbers."""
        super().__init__(D=D, d=d, seed=seed, dtype=dtype)
        self._size = min(_padded(D), _LARGEST_BLOCK)
        self._period = min(_padded(d), self._size)
        blocks = -(-D // self._size)
        self._inner_signs = Stream(seed, "fastfood/1/inner").signs(d)
        self._outer_signs = Stream(seed, "fastfood/1/outer").signs(D)
        self._indices = np.empty((blocks, self._size), dtype=np.int32)
        self._normal = np.empty((blocks, self._size), dtype=numpy_dtype(dtype))
        for b in range(blocks):
            indices = Stream(seed, f"fastfood/1/permutation/{b}").permutation(self._size)
            self._indices[b] = indices & (self._period - 1)
            normal = Stream(seed, "fastfood/1/normal").normal(self._size, b * self._size)
            self._normal[b] = normal / np.sqrt(np.sum(normal * normal) * D)

    @classmethod
    def peak_bytes(cls, D: int, d: int, itemsize: int) -> int:
        """Return the size of the indices, the numbers, the signs and one block as it is drawn."""
        size = min(_padded(D), _LARGEST_BLOCK)
        return -(-D // size) * size * (4 + itemsize) + size * 32 + 2 * D

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays: about 9 for each padded weight in float32, and d."""
        signs = self._inner_signs.nbytes + self._outer_signs.nbytes
        return signs + self._indices.nbytes + self._normal.nbytes

    def integers(self) -> tuple[npt.NDArray[np.integer], ...]:
        """Return both signs, the indices, and the 64-bit words behind the normal numbers."""
        words = Stream(self.seed, "fastfood/1/normal").bits(self._normal.size)
        return self._inner_signs, self._outer_signs, self._indices, words

    def _expand(self, z: Tensor) -> Tensor:
        out = torch.empty(len(z), self.D, dtype=self.dtype)
        blocks = len(self._normal)
        for rows, target in self._groups(z, out):
            pieces = [
                kernels.transform(_pad(signed, self._period))
                for signed in _cut(rows * self._inner_signs, self._size)
            ]
            outer = _cut(self._outer_signs[None], self._size)
            for b, kept in enumerate(_cut(target, self._size)):
                y = self._middle(pieces[0], b)
                for c, piece in enumerate(pieces[1:], 1):
                    y += self._middle(piece, (b + c) % blocks)
                np.multiply(kernels.transform(y)[:, : kept.shape[1]], outer[b], out=kept)
        return out

    def _reduce(self, g: Tensor) -> Tensor:
        out = torch.empty(len(g), self.d, dtype=self.dtype)
        blocks = len(self._normal)
        for rows, target in self._groups(g, out):
            kept = _cut(target, self._size)
            sums = np.zeros((len(kept), len(rows), self._period), dtype=rows.dtype)
            for b, part in enumerate(_cut(rows * self._outer_signs, self._size)):
                y = kernels.transform(_pad(part, self._size))
                for c, piece in enumerate(sums):
                    k = (b + c) % blocks
                    piece += kernels.add_up(y, self._indices[k], self._normal[k], self._period)
            for piece, part in zip(sums, kept, strict=True):
                part[:] = kernels.transform(piece)[:, : part.shape[1]]
            target *= self._inner_signs
        return out

    def _middle(self, x: Array, b: int) -> Array:
        """Return G Pi x for the G and Pi of block b: (m, n) -> (m, N)."""
        return kernels.read(x, self._indices[b], self._normal[b])

    def _groups(self, x: Tensor, out: Tensor) -> list[tuple[Array, Array]]:
        """Return pairs of slices of x and out, each with the rows that one transform takes."""
        step = max(1, hadamard.PIECE // self._size)
        starts = range(0, len(x), step)
        return [(x[i : i + step].numpy(), out[i : i + step].numpy()) for i in starts]


def _cut(x: Array, width: int) -> list[Array]:
    """Return views of x (m, n), each of at most `width` columns."""
    return [x[:, i : i + width] for i in range(0, x.shape[1], width)]


def _pad(x: Array, width: int) -> Array:
    """Return a copy of x (m, n) padded with zeros to (m, width)."""
    padded = np.zeros((len(x), width), dtype=x.dtype)
    padded[:, : x.shape[1]] = x
    return padded


def _padded(n: int) -> int:
    """Return the smallest power of two that is at least n."""
    return 1 << (n - 1).bit_length()
