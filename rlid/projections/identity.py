"""The identity, d = D: training the weights directly, as every reference score does."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt
from torch import Tensor

from rlid.projections.projection import Projection


class Identity(Projection):
    """P = I. It draws nothing; the seed is ignored."""

    kind: ClassVar[str] = "identity"
    is_generic: ClassVar[bool] = False
    is_square: ClassVar[bool] = True

    @classmethod
    def peak_bytes(cls, D: int, d: int, itemsize: int) -> int:
        """Return 0: nothing is held."""
        return 0

    @property
    def nbytes(self) -> int:
        """Nothing is held."""
        return 0

    def integers(self) -> tuple[npt.NDArray[np.integer], ...]:
        """Return nothing: nothing is drawn."""
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
