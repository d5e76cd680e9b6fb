"""The fast Walsh-Hadamard transform, in additions alone: the same bits for any batch or threads."""

from __future__ import annotations

import numpy as np
import torch

from rlid.projections.projection import Array

# Numbers that are transformed together: two such pieces just fit into a second-level cache of
# 1 MB, and smaller ones take more calls.
PIECE = 2**17
# Larger digits make inner loops short; smaller ones take more passes over memory.
_MOST_BITS = 7


def transform(x: Array) -> Array:
    """Return H x for each row of x (n, N), N a power of two; H is in natural order.

    H is the Kronecker product of smaller ones, one for each digit of the index. Each pass
    transforms the leading digit and then moves it to the end, which keeps inner loops long; after
    all passes the digits are back in their places.
    """
    n, N = x.shape
    if n > 1:
        x = np.ascontiguousarray(x.T)
    bits = N.bit_length() - 1
    passes = -(-bits // _MOST_BITS)
    for i in range(passes):
        radix = 1 << ((bits + i) // passes)
        x = _transform_leading_digit(x.reshape(radix, -1))
    return x.reshape(n, N)


def _transform_leading_digit(x: Array) -> Array:
    """Return the transform of x (R, M) along its first axis, transposed: (M, R)."""
    radix, columns = x.shape
    out = np.empty((columns, radix), dtype=x.dtype)
    width = min(columns, PIECE // radix)
    buffers = np.empty((2, radix * width), dtype=x.dtype)
    for start in range(0, columns, width):
        piece = x[:, start : start + width]
        done = _butterflies(piece, buffers[:, : piece.size])
        # torch transposes in blocks, numpy number by number.
        torch.from_numpy(out[start : start + width]).copy_(torch.from_numpy(done).t())
    return out


def _butterflies(source: Array, buffers: Array) -> Array:
    """Return the transform of source (R, M) along its first axis, in one of two buffers."""
    shape = source.shape
    stride, turn = 1, 0
    while stride < shape[0]:
        old = source.reshape(shape[0] // (2 * stride), 2, -1)
        new = buffers[turn].reshape(old.shape)
        np.add(old[:, 0], old[:, 1], out=new[:, 0])
        np.subtract(old[:, 0], old[:, 1], out=new[:, 1])
        source = buffers[turn]
        stride, turn = 2 * stride, 1 - turn
    return source.reshape(shape)
