"""How onehot splits its groups as d grows: linear hashing (Litwin 1980) of a random order.

Weight i has a rank u(i), a permutation of 0 to D - 1 that does not depend on d (except that tiles
rename the groups at one d, see `layouts.Tiled`). The group of a weight is the linear hash of its
rank: with 2**k <= d < 2**(k + 1),

    h = u mod 2**(k + 1);   group = h if h < d else h - 2**k.

From d to d + 1 exactly one group splits: group d - 2**k becomes itself and group d. Groups split
breadth first, and the largest first, because at one depth the first groups have D // 2**k + 1
weights and the others D // 2**k. The largest size is at most twice the smallest plus one.
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
    """Return how many ranks in [0, D) have residue 0, 1, ..., n - 1 modulo `modulus`, (n,)."""
    return (D - np.arange(n, dtype=np.int64) + modulus - 1) // modulus


def linear_hash(ranks: Integers, d: int) -> Integers:
    """Return the group in [0, d) of each rank, in the shape of `ranks`."""
    depth = 1 << (d.bit_length() - 1)
    hashed = ranks & (2 * depth - 1)
    return np.where(hashed < d, hashed, hashed - depth)


def unfold(z: Array) -> Array:
    """Return the entry of z that each residue reads: (..., d) -> (..., 2**(k + 1))."""
    d = z.shape[-1]
    depth = 1 << (d.bit_length() - 1)
    return np.concatenate([z, z[..., d - depth : depth]], axis=-1)


def fold(y: Array, d: int) -> Array:
    """Return the sums of y over the groups, where entry u of y has rank u: (..., m) -> (..., d).

    y is halved again and again by elementwise sums, which are accurate and give the same bits in
    every batch. y is overwritten.
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
