"""Gaussian columns scaled to norm 1 (Li et al. 2018): all other kinds are compared with it."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from rlid.projections.projection import Array, Projection, numpy_dtype
from rlid.random_stream import Stream


class Dense(Projection):
    """The full matrix P; its columns for d are the first d columns for any larger d."""

    kind: ClassVar[str] = "dense"

    def __init__(self, *, D: int, d: int, seed: int, dtype: torch.dtype) -> None:
        """Draw D * d normal numbers."""
        super().__init__(D=D, d=d, seed=seed, dtype=dtype)
        self._rows = self._draw_rows()

    def _draw_rows(self) -> Array:
        """Return the columns of P as rows, (d, D)."""
        rows = np.empty((self.d, self.D), dtype=numpy_dtype(self.dtype))
        for i in range(self.d):
            column = gaussian_column(self.seed, self.D, i)
            rows[i] = column / np.sqrt(np.sum(column * column))
        return rows

    @classmethod
    def peak_bytes(cls, D: int, d: int, itemsize: int) -> int:
        """Return the size of P and of two columns in float64."""
        return D * d * itemsize + 16 * D

    @property
    def nbytes(self) -> int:
        """Bytes of P."""
        return self._rows.nbytes

    def integers(self) -> tuple[npt.NDArray[np.integer], ...]:
        """Return the 64-bit words that the normal numbers are made from, (D * d,)."""
        return (Stream(self.seed, "dense/1").bits(self.D * self.d),)

    def _expand(self, z: Tensor) -> Tensor:
        return expand_rows(self._rows, z)

    def _reduce(self, g: Tensor) -> Tensor:
        return reduce_rows(self._rows, g)


def gaussian_column(seed: int, D: int, i: int) -> npt.NDArray[np.float64]:
    """Return column i before it is scaled: standard normal numbers, (D,)."""
    return Stream(seed, "dense/1").normal(D, start=i * D)


def expand_rows(rows: Array, z: Tensor) -> Tensor:
    """Return z @ rows (n, D) for rows (d, D) and z (n, d), one row of z at a time.

    The last digits of BLAS depend on the number of threads and on the position of a row in the
    batch; those of einsum without BLAS depend on neither. For one row BLAS would be no faster,
    since both are limited by memory.
    """
    out = np.empty((z.shape[0], rows.shape[1]), dtype=rows.dtype)
    for row, target in zip(z.numpy(), out, strict=True):
        np.einsum("k,kj->j", row, rows, out=target)
    return torch.from_numpy(out)


def reduce_rows(rows: Array, g: Tensor) -> Tensor:
    """Return g @ rows.T (n, d) for rows (d, D) and g (n, D), row by row as `expand_rows` does."""
    out = np.empty((g.shape[0], rows.shape[0]), dtype=rows.dtype)
    for row, target in zip(g.numpy(), out, strict=True):
        np.einsum("kj,j->k", rows, row, out=target)
    return torch.from_numpy(out)
