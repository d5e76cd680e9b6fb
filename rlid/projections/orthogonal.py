"""Orthonormal columns from the QR decomposition of dense, for d up to a few thousand."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from rlid.projections.dense import Dense, gaussian_column
from rlid.projections.projection import Array, numpy_dtype


class Orthogonal(Dense):
    """P^T P = I; the columns span the same subspace as those of `dense` with the same seed.

    Column i depends on columns 0 to i of `dense` only (Gram-Schmidt), so the columns nest. The QR
    runs in float64; columns for two d, or from two machines, agree to 1e-6, not to the last bit.
    """

    kind: ClassVar[str] = "orthogonal"

    def _draw_rows(self) -> Array:
        """Return the columns of P as rows (d, D), orthonormalised in O(D d^2)."""
        columns = np.empty((self.D, self.d), order="F")
        for i in range(self.d):
            columns[:, i] = gaussian_column(self.seed, self.D, i)
        basis, triangle = np.linalg.qr(columns)
        # QR fixes a column up to its sign; Gram-Schmidt gives a positive diagonal.
        basis *= np.sign(np.diag(triangle))
        return np.ascontiguousarray(basis.T, dtype=numpy_dtype(self.dtype))

    @classmethod
    def peak_bytes(cls, D: int, d: int, itemsize: int) -> int:
        """Return the size of P and of the three float64 copies that the QR needs."""
        return D * d * (itemsize + 3 * 8)
