"""The random order of the weights of onehot: permuted one by one, or in tiles that stay in order.

Reading z at a million random places and adding a million weights at random places costs twenty
copies of the weights. So large D has its own random structure, made of shifted copies of one short
random word: the products then touch memory in order.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Protocol

import numpy as np
import torch

from rlid.projections.order import Integers, fold, linear_hash, unfold
from rlid.projections.projection import Array
from rlid.stream import Stream

# Below, a plain gather is quick: everything stays in the first caches.
_SMALLEST_TILED = 2**16
# More blocks cost more calls per product; fewer make longer shifted copies of one word.
_FEWEST_BLOCKS = 24


class Layout(Protocol):
    """Reads z into the weights and sums weights into z, along one random order of the weights."""

    signs: Array
    """-1.0 or 1.0 for each weight, (D,)."""

    @property
    def nbytes(self) -> int:
        """Bytes that it holds."""

    def ranks(self) -> Integers:
        """Return the rank of each weight in the order, (D,)."""

    def expand(self, z: Array) -> Array:
        """Return sign * z[group] for each weight: (..., d) -> (..., D)."""

    def reduce(self, g: Array) -> Array:
        """Return the sum of sign * g over each group: (..., D) -> (..., d)."""


def draw_layout(seed: int, D: int, d: int, dtype: type[np.floating]) -> Layout:
    """Return the layout of D weights in d groups; the order depends on D, and how it is read on d.

    The order of a small D is drawn weight by weight, that of a large one block by block.
    """
    signs = Stream(seed, "onehot/1/signs").signs(D).astype(dtype)
    if D < _SMALLEST_TILED:
        return Permuted(seed, d, signs)
    return TiledWord(seed, d, signs) if d < tile_length(D) else TiledEntries(seed, d, signs)


def tile_length(D: int) -> int:
    """Return the weights in a block of large D, a power of two."""
    return 1 << ((D // _FEWEST_BLOCKS).bit_length() - 1)


class Permuted:
    """A uniformly random permutation, read by a gather: for small D."""

    def __init__(self, seed: int, d: int, signs: Array) -> None:
        """`signs` (D,) are -1.0 or 1.0."""
        self.signs = signs
        self._seed, self._d = seed, d
        ranks = self.ranks()
        self._groups = linear_hash(ranks, d).astype(np.int32)
        self._weights = np.argsort(ranks).astype(np.int32)

    @property
    def nbytes(self) -> int:
        """Bytes that it holds."""
        return self.signs.nbytes + self._groups.nbytes + self._weights.nbytes

    def ranks(self) -> Integers:
        """Return the rank of each weight, (D,)."""
        return Stream(self._seed, "onehot/1/ranks").permutation(len(self.signs))

    def expand(self, z: Array) -> Array:
        """Return sign * z[group] for each weight: (..., d) -> (..., D)."""
        out = np.take(z, self._groups, axis=-1)
        out *= self.signs
        return out

    def reduce(self, g: Array) -> Array:
        """Return the sum of sign * g over each group: (..., D) -> (..., d)."""
        return fold(np.take(g * self.signs, self._weights, axis=-1), self._d)


class Tiled(ABC):
    """Shifted copies of one random word, one for each block of weights: for large D.

    The weights are cut into F blocks of L = 2**k and a tail of m < L. Block b has a random place
    r(b) among the blocks and a random shift s(b) of [0, L). Weight j of it reads entry
    p = (j + s(b)) mod L of the word; weight j of the tail reads p = j, and its place is r = F.
    Ranks are

        u = word[p] + L * r   for d < L,        u = p + L * r   from there on,

    where `word` is a random permutation that maps the p < m among themselves. (At d = L the groups
    are the entries p; renaming them costs nothing, and saves a gather.) So a group has weights at
    unrelated places of every block, each with a random sign of its own, while a block reads one
    stretch of memory.
    """

    _width: int
    """Numbers that blocks read, or add to."""
    _windows: Sequence[slice]
    """Those of each block, or part of a block."""

    def __init__(self, seed: int, d: int, signs: Array) -> None:
        """`signs` (D,) are -1.0 or 1.0."""
        self.signs = signs
        self._d = d
        length = self._length = tile_length(len(signs))
        self._blocks, self._left = divmod(len(signs), length)
        self._word = np.arange(length)
        if d < length:
            first = Stream(seed, "onehot/1/word").permutation(self._left)
            rest = Stream(seed, "onehot/1/rest").permutation(length - self._left)
            self._word = np.concatenate([first, rest + self._left])
        self._places = Stream(seed, "onehot/1/places").permutation(self._blocks)
        self._shifts = Stream(seed, "onehot/1/shifts").integers(self._blocks, length)
        self._end = length * self._blocks
        # A product takes one out and puts it back, so that threads never share one.
        self._scratch: list[_Scratch] = []

    @property
    def nbytes(self) -> int:
        """Bytes that it holds."""
        held = [self.signs, self._word, self._places, self._shifts]
        held += [scratch.entries for scratch in self._scratch]
        return sum(array.nbytes for array in held)

    def ranks(self) -> Integers:
        """Return the rank of each weight, (D,)."""
        blocks = [
            np.roll(self._word, -shift) + self._length * place
            for shift, place in zip(self._shifts.tolist(), self._places.tolist(), strict=True)
        ]
        return np.concatenate([*blocks, self._word[: self._left] + self._length * self._blocks])

    def expand(self, z: Array) -> Array:
        """Return sign * z[group] for each weight: (..., d) -> (..., D)."""
        out = np.empty((*z.shape[:-1], len(self.signs)), dtype=z.dtype)
        scratch = self._take_scratch()
        for row, target in zip(_rows(z), _rows(out), strict=True):
            self._expand_row(row, scratch, target)
        self._scratch.append(scratch)
        return out

    def reduce(self, g: Array) -> Array:
        """Return the sum of sign * g over each group: (..., D) -> (..., d)."""
        out = np.empty((*g.shape[:-1], self._d), dtype=g.dtype)
        scratch = self._take_scratch()
        for row, target in zip(_rows(g), _rows(out), strict=True):
            target[:] = self._reduce_row(row, scratch)
        self._scratch.append(scratch)
        return out

    @abstractmethod
    def _expand_row(self, z: Array, scratch: _Scratch, out: Array) -> None:
        """Write sign * z[group] of each weight into out (D,)."""

    @abstractmethod
    def _reduce_row(self, g: Array, scratch: _Scratch) -> Array:
        """Return the sum of sign * g over each group, (d,)."""

    def _new_scratch(self) -> _Scratch:
        return _Scratch(np.empty(self._width, dtype=self.signs.dtype), self._windows)

    def _take_scratch(self) -> _Scratch:
        try:
            return self._scratch.pop()
        except IndexError:
            return self._new_scratch()


class TiledWord(Tiled):
    """For d < L: the word is written twice in a row, so that each block is one slice of it."""

    def __init__(self, seed: int, d: int, signs: Array) -> None:
        """`signs` (D,) are -1.0 or 1.0."""
        super().__init__(seed, d, signs)
        self._groups = torch.from_numpy(linear_hash(self._word, d).astype(np.int32))
        self._inverse_word = torch.from_numpy(np.argsort(self._word).astype(np.int32))
        self._block_signs = list(signs[: self._end].reshape(-1, self._length))
        self._tensor_signs = [torch.from_numpy(part) for part in self._block_signs]
        self._tail_signs = signs[self._end :]
        self._width = 2 * self._length
        self._windows = [slice(shift, shift + self._length) for shift in self._shifts.tolist()]
        self._scratch.append(self._new_scratch())

    @property
    def nbytes(self) -> int:
        """Bytes that it holds."""
        return super().nbytes + self._groups.nbytes + self._inverse_word.nbytes

    def _expand_row(self, z: Array, scratch: _Scratch, out: Array) -> None:
        halves = scratch.entries.reshape(2, -1)
        _gather(z, self._groups, halves[0])
        halves[1] = halves[0]
        blocks = out[: self._end].reshape(-1, self._length)
        for window, signs, block in zip(scratch.arrays, self._block_signs, blocks, strict=True):
            np.multiply(window, signs, block)
        np.multiply(halves[0, : self._left], self._tail_signs, out[self._end :])

    def _reduce_row(self, g: Array, scratch: _Scratch) -> Array:
        scratch.entries.fill(0)
        # Nothing here outlives the call, so it goes without autograd's counters.
        with torch.inference_mode():
            blocks = torch.from_numpy(g[: self._end]).view(-1, self._length).unbind()
            # One call for all blocks, and one pass over each where numpy would take two.
            torch._foreach_addcmul_(scratch.tensors, blocks, self._tensor_signs)
        sums, second = scratch.entries.reshape(2, -1)
        sums += second
        sums[: self._left] += g[self._end :] * self._tail_signs
        ordered = np.empty_like(sums)
        _gather(sums, self._inverse_word, ordered)
        return fold(ordered, self._d)


class TiledEntries(Tiled):
    """For d >= L: a block reads entries of z as they lie, from its shift on and then up to it.

    Groups are residues of the rank modulo a multiple of L, so that blocks whose places have the
    same residue read the same L of them. Written twice in a row, they would be as long as theta.
    """

    def __init__(self, seed: int, d: int, signs: Array) -> None:
        """`signs` (D,) are -1.0 or 1.0."""
        super().__init__(seed, d, signs)
        self._width = 2 << (d.bit_length() - 1)
        self._spans, self._windows = zip(*self._pieces(), strict=True)
        self._sign_arrays = [signs[span] for span in self._spans]
        self._sign_tensors = [torch.from_numpy(part) for part in self._sign_arrays]
        self._scratch.append(self._new_scratch())

    def _pieces(self) -> Iterator[tuple[slice, slice]]:
        """Yield runs of weights, and the run of residues that each of them reads."""
        length = self._length
        last = self._width // length - 1
        plan = zip(self._places.tolist(), self._shifts.tolist(), strict=True)
        for b, (place, shift) in enumerate(plan):
            start, first = b * length, (place & last) * length
            turn = start + length - shift
            yield slice(start, turn), slice(first + shift, first + length)
            if shift:
                yield slice(turn, start + length), slice(first, first + shift)
        first = (self._blocks & last) * length
        yield slice(self._end, None), slice(first, first + self._left)

    def _expand_row(self, z: Array, scratch: _Scratch, out: Array) -> None:
        scratch.entries[:] = unfold(z)
        for window, signs, span in zip(scratch.arrays, self._sign_arrays, self._spans, strict=True):
            np.multiply(window, signs, out[span])

    def _reduce_row(self, g: Array, scratch: _Scratch) -> Array:
        scratch.entries.fill(0)
        with torch.inference_mode():
            weights = torch.from_numpy(g)
            parts = [weights[span] for span in self._spans]
            torch._foreach_addcmul_(scratch.tensors, parts, self._sign_tensors)
        return fold(scratch.entries, self._d)


class _Scratch:
    """Room for what blocks read, or add to, and the window of each."""

    def __init__(self, entries: Array, windows: Sequence[slice]) -> None:
        self.entries = entries
        self._windows = windows

    @cached_property
    def arrays(self) -> list[Array]:
        return [self.entries[window] for window in self._windows]

    @cached_property
    def tensors(self) -> list[torch.Tensor]:
        return [torch.from_numpy(self.entries[window]) for window in self._windows]


def _gather(x: Array, places: torch.Tensor, out: Array) -> None:
    """Write x[places]; torch takes 32-bit places as they are, numpy would copy them."""
    torch.index_select(torch.from_numpy(x), 0, places, out=torch.from_numpy(out))


def _rows(x: Array) -> Array:
    """Return x (..., m) as (n, m), a view."""
    return x.reshape(-1, x.shape[-1])
