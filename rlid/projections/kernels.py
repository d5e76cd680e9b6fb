"""The inner loops of onehot and fastfood: in C (`kernels.c`) for float32, else in numpy and torch.

The C code is compiled at installation, where a compiler is available. Both versions give the same
bits, so that a record does not depend on which of them ran.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from types import ModuleType

import numpy as np
import numpy.typing as npt
import torch

from rlid.projections import hadamard
from rlid.projections.projection import Array

compiled: ModuleType | None
try:
    compiled = importlib.import_module("rlid.projections._kernels")
except ImportError:
    compiled = None

Indices = npt.NDArray[np.int32]

# A gradient is added up in chunks of this many numbers, to keep float32 sums short.
_CHUNK = 2**16


class Runs:
    """Runs of consecutive weights; weight i of a run reads entry i of a slice, times a sign."""

    def __init__(
        self,
        signs: npt.NDArray[np.int8],
        runs: Sequence[tuple[int, int, int]],
        dtype: type[np.floating],
    ) -> None:
        """`signs` (D,) are -1 or 1; a run is (first weight, first entry, length)."""
        self._signs = signs
        self._runs = np.array(runs, dtype=np.int64).reshape(-1, 3)
        self._compiled = compiled if dtype is np.float32 else None
        if self._compiled is None:
            self._signs = signs.astype(dtype)
            self._pieces = [
                (slice(start, start + length), slice(first, first + length))
                for start, first, length in runs
            ]

    @property
    def nbytes(self) -> int:
        """Bytes that are held besides the signs that were given."""
        copied = self._signs.nbytes if self._compiled is None else 0
        return copied + self._runs.nbytes

    def expand(self, entries: Array, out: Array, start: Array | None = None) -> None:
        """Write sign * entry for each weight into out (D,), and add `start` (D,) to it."""
        if self._compiled is not None:
            self._compiled.expand(entries, self._signs, out, self._runs, start)
            return
        for weights, read in self._pieces:
            np.multiply(entries[read], self._signs[weights], out[weights])
        if start is not None:
            out += start

    def reduce(self, g: Array, entries: Array) -> None:
        """Add sign * g of each weight, g (D,), to the entry that the weight reads, run by run."""
        if self._compiled is not None:
            self._compiled.reduce(entries, self._signs, g, self._runs)
            return
        # No tensor outlives the call, so that autograd's version counters are not needed. torch
        # takes one call for all runs and one pass over each; numpy would take two passes.
        with torch.inference_mode():
            sums, parts, signs = (torch.from_numpy(array) for array in (entries, g, self._signs))
            torch._foreach_addcmul_(
                [sums[read] for _, read in self._pieces],
                [parts[weights] for weights, _ in self._pieces],
                [signs[weights] for weights, _ in self._pieces],
            )


def transform(x: Array) -> Array:
    """Return H x for each row of x (n, N), N a power of two; H is in natural order."""
    if compiled is None or x.dtype != np.float32:
        return hadamard.transform(x)
    out = np.array(x, order="C")
    compiled.transform(out, x.shape[1])
    return out


def read(x: Array, indices: Indices, factors: Array) -> Array:
    """Return x[:, indices] * factors, x (m, n) with n a power of two: (m, N)."""
    out = np.empty((len(x), len(indices)), dtype=x.dtype)
    if compiled is not None and x.dtype == np.float32:
        for row, target in zip(x, out, strict=True):
            compiled.read(row, indices, factors, target)
        return out
    # torch reads 32-bit indices directly, numpy would copy them.
    for row, target in zip(x, out, strict=True):
        torch.index_select(
            torch.from_numpy(row), 0, torch.from_numpy(indices), out=torch.from_numpy(target)
        )
    out *= factors
    return out


def add_up(y: Array, indices: Indices, factors: Array, n: int) -> Array:
    """Return sums of y * factors over equal indices: (m, N) -> (m, n), the transpose of `read`."""
    N = len(indices)
    chunk = min(N, max(n, _CHUNK))
    sums = np.empty((len(y), n), dtype=y.dtype)
    for row, target in zip(y, sums, strict=True):
        parts = np.zeros((N // chunk, n), dtype=y.dtype)
        for k, part in enumerate(parts):
            span = slice(k * chunk, (k + 1) * chunk)
            _add_row(part, indices[span], factors[span], row[span])
        np.add.reduce(parts, axis=0, out=target)
    return sums


def _add_row(sums: Array, indices: Indices, factors: Array, y: Array) -> None:
    if compiled is not None and y.dtype == np.float32:
        compiled.add_up(sums, indices, factors, y)
        return
    torch.from_numpy(sums).index_add_(0, torch.from_numpy(indices), torch.from_numpy(y * factors))
