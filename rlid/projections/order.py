"""How onehot splits its groups as d grows: linear hashing (Litwin 1980) of a random order.

Every weight i has a rank u(i), a permutation of 0 to D - 1 that does not depend on d (tiles rename
the groups once, see `layouts.Tiled`). Its group is the linear hash of its rank: with
2**k <= d < 2**(k + 1),

    h = u mod 2**(k + 1);   group = h if h < d else h - 2**k.

From d to d + 1 exactly one group splits, group d - 2**k into itself and group d. So groups split
breadth first, and since the sizes of groups at one depth are D // 2**k + 1 for the first of them
and D // 2**k for the rest, the largest first; the largest is at most 2 * smallest + 1.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rlid.projections.projection import Array

Integers = npt.NDArray[np.int64]


def group_sizes(D: int, d: int) -> Integers:
    """Return the number of weights in each group, (d,)."""
    depth = 1 << (d.bit_length() - 1)
    sizes = _count(D, 2 * depth, d)
    sizes[d - depth : depth] += _count(D, 2 * depth, 2 * depth)[d:]
    return sizes


def _count(D: int, modulus: int, n: int) -> Integers:
    """Return how many ranks of [0, D) have the residue 0, 1, ... n - 1."""
    return (D - np.arange(n, dtype=np.int64) + modulus - 1) // modulus


def linear_hash(ranks: Integers, d: int) -> Integers:
    """Return the group in [0, d) of each rank, same shape."""
    depth = 1 << (d.bit_length() - 1)
    hashed = ranks & (2 * depth - 1)
    return np.where(hashed < d, hashed, hashed - depth)


def unfold(z: Array) -> Array:
    """Return the entry of z that each residue reads: (..., d) -> (..., 2**(k + 1))."""
    d = z.shape[-1]
    depth = 1 << (d.bit_length() - 1)
    return np.concatenate([z, z[..., d - depth : depth]], axis=-1)


def fold(y: Array, d: int) -> Array:
    """Return the sum over each group of y, whose entry u has rank u: (..., m) -> (..., d).

    Sums are halvings, elementwise: accurate, and the same for every batch. y is overwritten.
    """
    depth = 1 << (d.bit_length() - 1)
    width = y.shape[-1]
    while width > 2 * depth:
        half = 1 << ((width - 1).bit_length() - 1)
        y[..., : width - half] += y[..., half:width]
        width = half
    groups = y[..., :d].copy()
    groups[..., d - depth : width - depth] += y[..., d:width]
    return groups
