"""The Kronecker product of two small orthonormal maps (Lotfi et al. 2022)."""

from __future__ import annotations

import math
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from rlid.projections.projection import Array, Projection, numpy_dtype
from rlid.random_stream import Stream


class Kronecker(Projection):
    """theta = the first D entries of A Z B^T, with Z = z / norms as a matrix.

    A and B are about sqrt(D) x sqrt(d), with orthonormal columns in random directions. The norms
    are those of the columns of the product cut to D rows, so that all columns of P have norm 1.
    Maps of two d do not nest, because the shape of Z changes with d. The kind is not generic
    either: an offset of theta is a sum of few outer products, so success may depend on how theta
    is laid out.
    """

    kind: ClassVar[str] = "kronecker"
    nesting: ClassVar[Literal["columns", "subspaces", "none"]] = "none"
    is_generic: ClassVar[bool] = False

    def __init__(self, *, D: int, d: int, seed: int, dtype: torch.dtype) -> None:
        """Draw A and B."""
        super().__init__(D=D, d=d, seed=seed, dtype=dtype)
        self._long, self._short = _root(D), _root(d)
        left = _orthonormal(Stream(seed, "kronecker/1/left"), self._long, self._short)
        right = _orthonormal(Stream(seed, "kronecker/1/right"), self._long, self._short)
        self._scale = (1 / np.sqrt(_square_norms(left, right, D)[:d])).astype(numpy_dtype(dtype))
        self._left = left.astype(numpy_dtype(dtype))
        self._right = np.ascontiguousarray(right.T, dtype=numpy_dtype(dtype))

    @classmethod
    def peak_bytes(cls, D: int, d: int, itemsize: int) -> int:
        """Return the size of both factors, of their copies in the QR, and of one padded theta."""
        return _root(D) * _root(d) * (2 * itemsize + 4 * 8) + _root(D) ** 2 * itemsize

    @property
    def nbytes(self) -> int:
        """Bytes of both factors and the norms: about 8 sqrt(D d) in float32."""
        return self._left.nbytes + self._right.nbytes + self._scale.nbytes

    def integers(self) -> tuple[npt.NDArray[np.integer], ...]:
        """Return the 64-bit words that the normal numbers of A and of B are made from."""
        sides = ("left", "right")
        streams = [Stream(self.seed, f"kronecker/1/{side}") for side in sides]
        return tuple(stream.bits(self._long * self._short) for stream in streams)

    # Row by row with einsum, for the reason given in `dense.expand_rows`.
    def _expand(self, z: Tensor) -> Tensor:
        out = np.empty((len(z), self.D), dtype=self._scale.dtype)
        padded = np.zeros(self._short**2, dtype=self._scale.dtype)
        for row, target in zip(z.numpy(), out, strict=True):
            padded[: self.d] = row * self._scale
            half = np.einsum("pi,ij->pj", self._left, padded.reshape(self._short, -1))
            target[:] = np.einsum("pj,jq->pq", half, self._right).ravel()[: self.D]
        return torch.from_numpy(out)

    def _reduce(self, g: Tensor) -> Tensor:
        out = np.empty((len(g), self.d), dtype=self._scale.dtype)
        padded = np.zeros(self._long**2, dtype=self._scale.dtype)
        for row, target in zip(g.numpy(), out, strict=True):
            padded[: self.D] = row
            half = np.einsum("pq,jq->pj", padded.reshape(self._long, -1), self._right)
            target[:] = np.einsum("pi,pj->ij", self._left, half).ravel()[: self.d] * self._scale
        return torch.from_numpy(out)


def _root(n: int) -> int:
    """Return the square root of n, rounded up."""
    return math.isqrt(n - 1) + 1


def _orthonormal(stream: Stream, rows: int, columns: int) -> npt.NDArray[np.float64]:
    """Return a uniformly random matrix with orthonormal columns, (rows, columns)."""
    normal = stream.normal(rows * columns).reshape(columns, rows).T
    basis, triangle = np.linalg.qr(normal)
    return np.asarray(basis * np.sign(np.diag(triangle)))


def _square_norms(left: Array, right: Array, D: int) -> npt.NDArray[np.float64]:
    """Return the squared norms of the columns of the Kronecker product cut to D rows."""
    full, rest = divmod(D, len(right))
    squares = np.outer(np.sum(left[:full] ** 2, axis=0), np.sum(right**2, axis=0))
    if rest:
        squares += np.outer(left[full] ** 2, np.sum(right[:rest] ** 2, axis=0))
    return squares.ravel()
