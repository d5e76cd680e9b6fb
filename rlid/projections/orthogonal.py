"""Orthonormal columns: the QR decomposition of the columns of dense, for d up to a few thousand."""

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
    """P^T P = I, and the span is that of dense with the same seed.

    Column i depends on columns 0 to i only (Gram-Schmidt), so the columns nest; the QR is done in
    float64, and they agree to 1e-6 between two d and between machines, not to the last bit.
    """

    kind: ClassVar[str] = "orthogonal"

    def __init__(self, *, D: int, d: int, seed: int, dtype: torch.dtype) -> None:
        """Draw D * d normal numbers and orthonormalise them in O(D d^2)."""
        super().__init__(D=D, d=d, seed=seed, dtype=dtype)
        columns = np.empty((D, d), order="F")
        for i in range(d):
            columns[:, i] = gaussian_column(seed, D, i)
        basis, triangle = np.linalg.qr(columns)
        # QR leaves the sign of a column open; Gram-Schmidt has a positive diagonal.
        basis *= np.sign(np.diag(triangle))
        self._rows = np.ascontiguousarray(basis.T, dtype=numpy_dtype(dtype))

    @classmethod
    def peak_bytes(cls, D: int, d: int, itemsize: int) -> int:
        """Return the size of P, and of the three copies in float64 that the QR works on."""
        return D * d * (itemsize + 3 * 8)

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
