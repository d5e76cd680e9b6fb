"""Very sparse random projections of density 1/sqrt(D) (Li, Hastie & Church 2006)."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import scipy.sparse
import torch
from torch import Tensor

from rlid.projections.order import Integers
from rlid.projections.projection import Array, Projection, numpy_dtype
from rlid.random_stream import Stream, to_uniform

# The number of entries in a column has a standard deviation of D**(1/4); beyond twelve of them
# (probability below 1e-30) a column would be cut short.
_SPARE_DEVIATIONS = 12
_SPARE_WORDS = 16
# Columns are drawn in batches of about this many words.
_BATCH_WORDS = 2_000_000


class Sparse(Projection):
    """Each entry is nonzero with probability 1/sqrt(D); all of a column have one absolute value.

    A column is drawn as gaps between its nonzero entries, which are geometric, from a fixed number
    of words, so that the columns nest. A column that would be empty (only for D below about 1000)
    gets one entry at a random row.
    """

    kind: ClassVar[str] = "sparse"

    def __init__(self, *, D: int, d: int, seed: int, dtype: torch.dtype) -> None:
        """Draw about sqrt(D) * d nonzero entries."""
        super().__init__(D=D, d=d, seed=seed, dtype=dtype)
        rows, signs, counts = draw_entries(seed, D, d)
        starts = np.concatenate([[0], np.cumsum(counts)])
        index = np.int32 if max(D, int(starts[-1])) < 2**31 else np.int64
        values: Array = (signs / np.sqrt(np.repeat(counts, counts))).astype(numpy_dtype(dtype))
        indices: Array = rows.astype(index)
        ends: Array = starts.astype(index)
        self._matrix = scipy.sparse.csc_array((values, indices, ends), shape=(D, d))
        self._transpose = self._matrix.T

    @classmethod
    def peak_bytes(cls, D: int, d: int, itemsize: int) -> int:
        """Return the size of the entries as drawn (row, sign, value, 64 bits each) and as held."""
        return int(math.sqrt(D) * d * (3 * 8 + 4 + itemsize)) + 64 * _BATCH_WORDS

    @property
    def nbytes(self) -> int:
        """About sqrt(D) * d * 8 bytes in float32."""
        matrix = self._matrix
        return int(matrix.data.nbytes + matrix.indices.nbytes + matrix.indptr.nbytes)

    def integers(self) -> tuple[npt.NDArray[np.integer], ...]:
        """Return the rows of the entries, their signs, and their number in each column."""
        return draw_entries(self.seed, self.D, self.d)

    def _expand(self, z: Tensor) -> Tensor:
        # Row by row: scipy may round the product with a matrix otherwise than with a vector.
        out = torch.empty(len(z), self.D, dtype=self.dtype)
        for row, target in zip(z.numpy(), out.numpy(), strict=True):
            target[:] = self._matrix @ row
        return out

    def _reduce(self, g: Tensor) -> Tensor:
        out = torch.empty(len(g), self.d, dtype=self.dtype)
        for row, target in zip(g.numpy(), out.numpy(), strict=True):
            target[:] = self._transpose @ row
        return out


def draw_entries(seed: int, D: int, d: int) -> tuple[Integers, Integers, Integers]:
    """Return (rows, signs, counts) of the nonzero entries, column by column.

    rows and signs have one number for each entry, counts (d,) one for each column.
    """
    mean = math.isqrt(D) + 1
    words_per_column = mean + _SPARE_DEVIATIONS * (math.isqrt(mean) + 1) + _SPARE_WORDS
    stream = Stream(seed, "sparse/1")
    step = max(1, _BATCH_WORDS // words_per_column)
    rows, signs, counts = [], [], []
    for first in range(0, d, step):
        n = min(step, d - first)
        words = stream.bits(n * words_per_column, first * words_per_column)
        words = words.reshape(n, words_per_column)
        candidates = _rows(to_uniform(words[:, :-1]), D)
        is_kept = candidates < D
        # Where a column has no entry, its last word gives one.
        is_empty = ~is_kept[:, 0]
        is_kept[:, 0] = True
        stand_in = np.floor(to_uniform(words[:, -1]) * D).astype(np.int64)
        candidates[:, 0] = np.where(is_empty, stand_in, candidates[:, 0])
        rows.append(candidates[is_kept])
        signs.append(1 - 2 * (words[:, :-1][is_kept] & np.uint64(1)).astype(np.int64))
        counts.append(is_kept.sum(axis=1))
    return np.concatenate(rows), np.concatenate(signs), np.concatenate(counts)


def _rows(uniform: np.ndarray[tuple[int, int], np.dtype[np.float64]], D: int) -> Integers:
    """Return candidate rows (n, m) from uniform numbers (n, m); those of D and above do not exist.

    A row is a cumulative sum of gaps that are geometric with mean sqrt(D).
    """
    if D == 1:
        return np.arange(uniform.shape[1], dtype=np.int64)[None].repeat(len(uniform), axis=0)
    gaps = np.floor(np.log(uniform) / math.log1p(-1 / math.sqrt(D)))
    # A gap beyond D ends the column; clipping it there keeps the sums exact.
    return np.cumsum(np.minimum(gaps, D).astype(np.int64) + 1, axis=1) - 1
