"""Rows of a batched product, each from the start of a cache line: their bits depend on it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

ALIGNED = 16
"""Floats in a cache line of 64 bytes."""


def ceiling(size: int) -> int:
    """Return the size, rounded up to whole cache lines of floats."""
    return ALIGNED * math.ceil(size / ALIGNED)


def aligned(rows: torch.Tensor, n: int) -> torch.Tensor:
    """Return rows (k, size) followed by zeros, (n, size); each row begins at a cache line."""
    k, size = rows.shape
    padded = rows.new_zeros(n, ceiling(size))
    padded[:k, :size] = rows
    return padded[:, :size]
