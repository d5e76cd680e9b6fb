"""Orthonormal columns from the QR decomposition of dense, for d up to a few thousand."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from rlid.projections.dense import expand_rows, gaussian_column, reduce_rows
from rlid.projections.projection import Projection, numpy_dtype
from rlid.random_stream import Stream


class Orthogonal(Projection):
    """P^T P = I; the columns span the same subspace as those of `dense` with the same seed.

    Column i depends on columns 0 to i of `dense` only (Gram-Schmidt), so the columns nest. The QR
    runs in float64; columns for two d, or from two machines, agree to 1e-6, not to the last bit.
    """

    kind: ClassVar[str] = "orthogonal"

    def __init__(self, *, D: int, d: int, seed: int, dtype: torch.dtype) -> None:
        """Draw D * d normal numbers and orthonormalise them in O(D d^2)."""
        super().__init__(D=D, d=d, seed=seed, dtype=dtype)
        columns = np.empty((D, d), order="F")
        for i in range(d):
            columns[:, i] = gaussian_column(seed, D, i)
        basis, triangle = np.linalg.qr(columns)
        # QR fixes a column up to its sign; Gram-Schmidt gives a positive diagonal.
        basis *= np.sign(np.diag(triangle))
        self._rows = np.ascontiguousarray(basis.T, dtype=numpy_dtype(dtype))

    @classmethod
    def peak_bytes(cls, D: int, d: int, itemsize: int) -> int:
        """Return the size of P and of the three float64 copies that the QR needs."""
        return D * d * (itemsize + 3 * 8)

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
