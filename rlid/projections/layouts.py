"""The random order of the weights of onehot: a permutation for small D, shifted tiles for large D.

Reading z at a million random indices, or adding a million weights at random indices, takes as long
as copying the weights twenty times. For large D the order is therefore made of shifted copies of
one short random word, so that products read and write memory in sequence.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch

from rlid.projections.kernels import Runs
from rlid.projections.order import Integers, fold, linear_hash, unfold
from rlid.projections.projection import Array
from rlid.random_stream import Stream

Signs = npt.NDArray[np.int8]

# Below this D a plain gather is fast, because all arrays fit into the first-level caches.
_SMALLEST_TILED = 2**16
# More blocks cost more calls per product; fewer blocks repeat a longer part of one word.
_FEWEST_BLOCKS = 24


class Layout(Protocol):
    """Reads z into the weights and sums weights into z, along one random order of the weights."""

    signs: Array
    """-1 or 1 for each weight, (D,)."""

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays that are held."""

    def ranks(self) -> Integers:
        """Return the rank of each weight in the order, (D,)."""

    def expand(self, z: Array, start: Array | None = None) -> Array:
        """Return sign * z[group] for each weight, plus `start` (D,): (..., d) -> (..., D)."""

    def reduce(self, g: Array) -> Array:
        """Return the sum of sign * g over each group: (..., D) -> (..., d)."""


def draw_layout(seed: int, D: int, d: int, dtype: type[np.floating]) -> Layout:
    """Return the layout of D weights in d groups.

    The order depends on D and the seed alone. For small D it is drawn weight by weight, for large
    D block by block; d decides how the order is read.
    """
    signs = Stream(seed, "onehot/1/signs").signs(D)
    if D < _SMALLEST_TILED:
        return Permuted(seed, d, signs.astype(dtype))
    kind = TiledWord if d < tile_length(D) else TiledEntries
    return kind(seed, d, signs, dtype)


def tile_length(D: int) -> int:
    """Return the number of weights in a block for a large D, a power of two."""
    return 1 << ((D // _FEWEST_BLOCKS).bit_length() - 1)


class Permuted:
    """The layout for small D: a uniformly random permutation, read by a gather."""

    def __init__(self, seed: int, d: int, signs: Array) -> None:
        """`signs` (D,) are -1.0 or 1.0."""
        self.signs = signs
        self._seed, self._d = seed, d
        ranks = self.ranks()
        self._groups = linear_hash(ranks, d).astype(np.int32)
        self._weights = np.argsort(ranks).astype(np.int32)

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays that are held."""
        return self.signs.nbytes + self._groups.nbytes + self._weights.nbytes

    def ranks(self) -> Integers:
        """Return the rank of each weight, (D,)."""
        return Stream(self._seed, "onehot/1/ranks").permutation(len(self.signs))

    def expand(self, z: Array, start: Array | None = None) -> Array:
        """Return sign * z[group] for each weight, plus `start` (D,): (..., d) -> (..., D)."""
        out = np.take(z, self._groups, axis=-1)
        out *= self.signs
        if start is not None:
            out += start
        return out

    def reduce(self, g: Array) -> Array:
        """Return the sum of sign * g over each group: (..., D) -> (..., d)."""
        return fold(np.take(g * self.signs, self._weights, axis=-1), self._d)


class Tiled(ABC):
    """The layout for large D: shifted copies of one random word, one for each block of weights.

    The weights are cut into F blocks of L = 2**k and a tail of m < L. Block b has a random
    position r(b) among the blocks and a random shift s(b) in [0, L). Weight j of block b reads
    entry p = (j + s(b)) mod L of the word. Weight j of the tail reads entry p = j, and the tail has
    position r = F. The ranks are

        u = word[p] + L * r   for d < L,        u = p + L * r   for d >= L,

    where `word` is a random permutation that maps the entries p < m among themselves. (At d = L the
    groups are the entries p; dropping the permutation only renames them, and saves a gather.) A
    group therefore has weights at unrelated indices of every block, each with its own random sign,
    while a block reads one contiguous part of memory.
    """

    def __init__(self, seed: int, d: int, signs: Signs) -> None:
        """`signs` (D,) are -1 or 1."""
        self.signs = signs
        self._d = d
        length = self._length = tile_length(len(signs))
        self._blocks, self._left = divmod(len(signs), length)
        self._word = np.arange(length)
        if d < length:
            first = Stream(seed, "onehot/1/word").permutation(self._left)
            rest = Stream(seed, "onehot/1/rest").permutation(length - self._left)
            self._word = np.concatenate([first, rest + self._left])
        self._positions = Stream(seed, "onehot/1/places").permutation(self._blocks)
        self._shifts = Stream(seed, "onehot/1/shifts").integers(self._blocks, length)
        self._end = length * self._blocks

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays that are held."""
        held: list[Array] = [self.signs, self._word, self._positions, self._shifts]
        return sum(array.nbytes for array in held)

    def ranks(self) -> Integers:
        """Return the rank of each weight, (D,)."""
        blocks = [
            np.roll(self._word, -shift) + self._length * position
            for shift, position in zip(self._shifts.tolist(), self._positions.tolist(), strict=True)
        ]
        return np.concatenate([*blocks, self._word[: self._left] + self._length * self._blocks])

    def expand(self, z: Array, start: Array | None = None) -> Array:
        """Return sign * z[group] for each weight, plus `start` (D,): (..., d) -> (..., D)."""
        out = np.empty((*z.shape[:-1], len(self.signs)), dtype=z.dtype)
        for row, target in zip(_rows(z), _rows(out), strict=True):
            self._expand_row(row, target, start)
        return out

    def reduce(self, g: Array) -> Array:
        """Return the sum of sign * g over each group: (..., D) -> (..., d)."""
        out = np.empty((*g.shape[:-1], self._d), dtype=g.dtype)
        for row, target in zip(_rows(g), _rows(out), strict=True):
            target[:] = self._reduce_row(row)
        return out

    @abstractmethod
    def _expand_row(self, z: Array, out: Array, start: Array | None) -> None:
        """Write sign * z[group] of each weight into out (D,), plus `start` (D,)."""

    @abstractmethod
    def _reduce_row(self, g: Array) -> Array:
        """Return the sum of sign * g over each group, (d,)."""


class TiledWord(Tiled):
    """The tiled layout for d < L: with the word written twice in a row, a block reads one slice."""

    def __init__(self, seed: int, d: int, signs: Signs, dtype: type[np.floating]) -> None:
        """`signs` (D,) are -1 or 1."""
        super().__init__(seed, d, signs)
        self._groups = torch.from_numpy(linear_hash(self._word, d).astype(np.int32))
        self._inverse_word = torch.from_numpy(np.argsort(self._word).astype(np.int32))
        length = self._length
        runs = [(b * length, shift, length) for b, shift in enumerate(self._shifts.tolist())]
        self._runs = Runs(signs[: self._end], runs, dtype)
        self._tail = Runs(signs[self._end :], [(0, 0, self._left)], dtype)

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays that are held."""
        held = self._groups.nbytes + self._inverse_word.nbytes + self._tail.nbytes
        return super().nbytes + self._runs.nbytes + held

    def _expand_row(self, z: Array, out: Array, start: Array | None) -> None:
        twice = np.empty((2, self._length), dtype=z.dtype)
        _gather(z, self._groups, twice[0])
        twice[1] = twice[0]
        blocks, tail = (None, None) if start is None else np.split(start, [self._end])
        self._runs.expand(twice.reshape(-1), out[: self._end], blocks)
        self._tail.expand(twice[0], out[self._end :], tail)

    def _reduce_row(self, g: Array) -> Array:
        twice = np.zeros((2, self._length), dtype=g.dtype)
        self._runs.reduce(g[: self._end], twice.reshape(-1))
        sums = twice[0]
        sums += twice[1]
        self._tail.reduce(g[self._end :], sums)
        ordered = np.empty_like(sums)
        _gather(sums, self._inverse_word, ordered)
        return fold(ordered, self._d)


class TiledEntries(Tiled):
    """The tiled layout for d >= L: a block reads z in two slices, which meet at its shift.

    Groups are residues of the rank modulo a multiple of L. Blocks whose positions have the same
    residue therefore read the same L entries. Written twice in a row, as in `TiledWord`, all
    entries would take as much memory as theta.
    """

    def __init__(self, seed: int, d: int, signs: Signs, dtype: type[np.floating]) -> None:
        """`signs` (D,) are -1 or 1."""
        super().__init__(seed, d, signs)
        self._width = 2 << (d.bit_length() - 1)
        self._runs = Runs(signs, list(self._pieces()), dtype)

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays that are held."""
        return super().nbytes + self._runs.nbytes

    def _pieces(self) -> Iterator[tuple[int, int, int]]:
        """Yield (first weight, first residue that is read, length) of each run of weights."""
        length = self._length
        last = self._width // length - 1
        blocks = zip(self._positions.tolist(), self._shifts.tolist(), strict=True)
        for b, (position, shift) in enumerate(blocks):
            start, first = b * length, (position & last) * length
            yield start, first + shift, length - shift
            if shift:
                yield start + length - shift, first, shift
        yield self._end, (self._blocks & last) * length, self._left

    def _expand_row(self, z: Array, out: Array, start: Array | None) -> None:
        self._runs.expand(unfold(z), out, start)

    def _reduce_row(self, g: Array) -> Array:
        entries = np.zeros(self._width, dtype=g.dtype)
        self._runs.reduce(g, entries)
        return fold(entries, self._d)


def _gather(x: Array, indices: torch.Tensor, out: Array) -> None:
    """Write x[indices] into out; torch reads 32-bit indices directly, numpy would copy them."""
    torch.index_select(torch.from_numpy(x), 0, indices, out=torch.from_numpy(out))


def _rows(x: Array) -> Array:
    """Return a view of x (..., m) with shape (n, m)."""
    return x.reshape(-1, x.shape[-1])
