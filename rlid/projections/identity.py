"""The identity, d = D: direct training of all weights, which gives the reference score."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt
from torch import Tensor

from rlid.projections.projection import Projection


class Identity(Projection):
    """P = I; the seed is ignored."""

    kind: ClassVar[str] = "identity"
    is_generic: ClassVar[bool] = False
    is_square: ClassVar[bool] = True

    @classmethod
    def peak_bytes(cls, D: int, d: int, itemsize: int) -> int:
        """Return 0: no array is made."""
        return 0

    @property
    def nbytes(self) -> int:
        """Bytes that are held: none."""
        return 0

    def integers(self) -> tuple[npt.NDArray[np.integer], ...]:
        """Return an empty tuple: no number is drawn."""
        return ()

    def norms(self) -> npt.NDArray[np.float64]:
        """Return ones, (d,)."""
        return np.ones(self.d)

    def condition_number(self) -> float:
        """Return 1."""
        return 1.0

    def _expand(self, z: Tensor) -> Tensor:
        return z.clone()

    def _reduce(self, g: Tensor) -> Tensor:
        return g.clone()
