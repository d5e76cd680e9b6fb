"""Each weight reads one entry of z with a random sign: P^T P = I in O(D) (as in Uni-LoRA 2025).

Uni-LoRA draws the groups anew for each d. Here they split as d grows, along one random order of
all weights, so that the subspaces of one seed nest. `order.py` defines the groups, `layouts.py`
makes the products fast.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from rlid.projections.layouts import draw_layout
from rlid.projections.order import Integers, group_sizes, linear_hash
from rlid.projections.projection import Projection, numpy_dtype


class OneHot(Projection):
    """Column k is sign / sqrt(group size) on the weights of group k, and 0 elsewhere."""

    kind: ClassVar[str] = "onehot"
    nesting: ClassVar[Literal["columns", "subspaces", "none"]] = "subspaces"

    def __init__(self, *, D: int, d: int, seed: int, dtype: torch.dtype) -> None:
        """Draw the order of the weights and their signs."""
        super().__init__(D=D, d=d, seed=seed, dtype=dtype)
        self._layout = draw_layout(seed, D, d, numpy_dtype(dtype))
        self._scale = (1 / np.sqrt(group_sizes(D, d))).astype(numpy_dtype(dtype))

    @classmethod
    def peak_bytes(cls, D: int, d: int, itemsize: int) -> int:
        """Return a bound: 16 bytes per weight, and 8 more for the words while they are sorted."""
        return 24 * D

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays: at most 16 per weight."""
        return self._layout.nbytes + self._scale.nbytes

    def groups(self) -> Integers:
        """Return the group in [0, d) of each weight, (D,)."""
        return linear_hash(self._layout.ranks(), self.d)

    def norms(self) -> npt.NDArray[np.float64]:
        """Return the norms of the columns, (d,): sqrt(group size) times the scale."""
        sizes = np.bincount(self.groups(), minlength=self.d)
        return np.sqrt(sizes) * self._scale.astype(np.float64)

    def condition_number(self) -> float:
        """Return the largest over the smallest norm: the columns have disjoint supports."""
        norms = self.norms()
        return float(norms.max() / norms.min())

    def integers(self) -> tuple[npt.NDArray[np.integer], ...]:
        """Return the rank of each weight in the order of splits, and its sign."""
        return self._layout.ranks(), self._layout.signs.astype(np.int8)

    def _expand(self, z: Tensor) -> Tensor:
        return torch.from_numpy(self._layout.expand(z.numpy() * self._scale))

    def _expand_onto(self, start: Tensor, z: Tensor) -> Tensor:
        entries, origin = z.numpy() * self._scale, start.detach().contiguous().numpy()
        return torch.from_numpy(self._layout.expand(entries, origin))

    def _reduce(self, g: Tensor) -> Tensor:
        sums = self._layout.reduce(g.numpy())
        sums *= self._scale
        return torch.from_numpy(sums)

    # Layouts accept a single row, which is faster than a batch of one.
    _expand_one = _expand
    _reduce_one = _reduce
