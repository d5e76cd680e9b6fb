"""The fast Walsh-Hadamard transform, in additions alone: the same bits for any batch or threads."""

from __future__ import annotations

import numpy as np

from rlid.projections.projection import Array

# Numbers that are transformed together: two such pieces fit into a second-level cache.
PIECE = 2**16


def transform(x: Array) -> None:
    """Replace each row of x (n, N), N a power of two, by H x with H = [[1, 1], [1, -1]]^(x log N).

    H is the Kronecker product of two smaller ones, so a row is seen as a matrix (R, C) and
    transformed along one side and then the other, in pieces whose inner loops are long.
    """
    N = x.shape[1]
    R = 1 << (N.bit_length() // 2)
    group = max(1, PIECE // N)
    for first in range(0, len(x), group):
        matrix = x[first : first + group].reshape(-1, R, N // R)
        _along_first(matrix.transpose(1, 0, 2))
        _along_first(matrix.transpose(2, 0, 1))


def _along_first(view: Array) -> None:
    """Transform view (R, m, C) in place along its first axis."""
    size = view.shape[0]
    width = max(1, PIECE // (size * view.shape[1]))
    for start in range(0, view.shape[2], width):
        piece = view[:, :, start : start + width]
        view[:, :, start : start + width] = _butterflies(piece.reshape(size, -1)).reshape(
            piece.shape
        )


def _butterflies(source: Array) -> Array:
    """Return the transform of source (R, M) along its first axis."""
    size = len(source)
    source = np.array(source, order="C")
    target = np.empty_like(source)
    stride = 1
    while stride < size:
        old = source.reshape(size // (2 * stride), 2, -1)
        new = target.reshape(old.shape)
        np.add(old[:, 0], old[:, 1], out=new[:, 0])
        np.subtract(old[:, 0], old[:, 1], out=new[:, 1])
        source, target = target, source
        stride *= 2
    return source
