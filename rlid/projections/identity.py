"""The identity, d = D: training the weights directly, as every reference score does."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from rlid.projections.projection import Projection


class Identity(Projection):
    """P = I. It draws nothing; the seed is ignored."""

    kind: ClassVar[str] = "identity"
    is_generic: ClassVar[bool] = False

    def __init__(self, *, D: int, d: int, seed: int, dtype: torch.dtype) -> None:
        """Refuse any d but D.

        Raises:
            ValueError: d is not D.
        """
        if d != D:
            raise ValueError(f"projection 'identity' has d = D = {D}, not {d}; choose another kind")
        super().__init__(D=D, d=d, seed=seed, dtype=dtype)

    @classmethod
    def peak_bytes(cls, D: int, d: int, itemsize: int) -> int:
        """Return 0: nothing is held."""
        return 0

    @property
    def nbytes(self) -> int:
        """Nothing is held."""
        return 0

    def _expand(self, z: Tensor) -> Tensor:
        return z.clone()

    def _reduce(self, g: Tensor) -> Tensor:
        return g.clone()
