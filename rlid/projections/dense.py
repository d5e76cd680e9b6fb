"""Gaussian columns scaled to norm 1 (Li et al. 2018): the standard that others are held to."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from rlid.projections.projection import Array, Projection, numpy_dtype
from rlid.random_stream import Stream


class Dense(Projection):
    """Holds all of P, in rows of one column each, so that the first d are those of any larger d."""

    kind: ClassVar[str] = "dense"

    def __init__(self, *, D: int, d: int, seed: int, dtype: torch.dtype) -> None:
        """Draw D * d normal numbers."""
        super().__init__(D=D, d=d, seed=seed, dtype=dtype)
        self._rows = np.empty((d, D), dtype=numpy_dtype(dtype))
        for i in range(d):
            column = gaussian_column(seed, D, i)
            self._rows[i] = column / np.sqrt(np.sum(column * column))

    @classmethod
    def peak_bytes(cls, D: int, d: int, itemsize: int) -> int:
        """Return the size of P and of one column in float64."""
        return D * d * itemsize + 16 * D

    @property
    def nbytes(self) -> int:
        """The size of P."""
        return self._rows.nbytes

    def integers(self) -> tuple[npt.NDArray[np.integer], ...]:
        """Return the words behind the normal numbers, (D * d,)."""
        return (Stream(self.seed, "dense/1").bits(self.D * self.d),)

    def _expand(self, z: Tensor) -> Tensor:
        return expand_rows(self._rows, z)

    def _reduce(self, g: Tensor) -> Tensor:
        return reduce_rows(self._rows, g)


def gaussian_column(seed: int, D: int, i: int) -> npt.NDArray[np.float64]:
    """Return the standard normal numbers that column i is made of, (D,)."""
    return Stream(seed, "dense/1").normal(D, start=i * D)


def expand_rows(rows: Array, z: Tensor) -> Tensor:
    """Return z @ rows for rows (d, D) and z (n, d), one row at a time.

    BLAS would be no faster for one z (both wait for memory), and its last digits depend on the
    number of threads and on the row's place in the batch; einsum without BLAS depends on neither.
    """
    out = np.empty((z.shape[0], rows.shape[1]), dtype=rows.dtype)
    for one, target in zip(z.numpy(), out, strict=True):
        np.einsum("k,kj->j", one, rows, out=target)
    return torch.from_numpy(out)


def reduce_rows(rows: Array, g: Tensor) -> Tensor:
    """Return g @ rows.T for rows (d, D) and g (n, D), one row at a time, see `expand_rows`."""
    out = np.empty((g.shape[0], rows.shape[0]), dtype=rows.dtype)
    for one, target in zip(g.numpy(), out, strict=True):
        np.einsum("kj,j->k", rows, one, out=target)
    return torch.from_numpy(out)
