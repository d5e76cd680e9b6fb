"""The fast Walsh-Hadamard transform; neither the batch nor the number of threads changes a bit."""

from __future__ import annotations

import numpy as np
import torch

from rlid.projections.projection import Array

# Numbers that are transformed together: two such pieces just fit into a second-level cache of
# 1 MB, and smaller pieces need more calls.
PIECE = 2**17
# Bits of the largest digit: larger digits shorten the inner loops, smaller ones need more passes.
_MOST_BITS = 7


def transform(x: Array) -> Array:
    """Return H x for each row of x (n, N), N a power of two; H is in natural order.

    H is the Kronecker product of smaller Hadamard matrices, one for each digit of the index. A pass
    transforms the leading digit and moves it to the end, which keeps inner loops long; after all
    passes the digits are in their original order.
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
        transformed = _butterflies(piece, buffers[:, : piece.size])
        # torch transposes in blocks, numpy number by number.
        torch.from_numpy(out[start : start + width]).copy_(torch.from_numpy(transformed).t())
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
