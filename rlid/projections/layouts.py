"""The random order of the weights of onehot: permuted one by one, or in tiles that stay in order.

Reading z at a million random places and adding a million weights at random places costs twenty
copies of the weights. So large D has its own random structure, made of shifted copies of one short
random word: the products then touch memory in order.
"""

from __future__ import annotations

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
    """Return the layout of D weights in d groups; which of the two depends on D alone."""
    signs = Stream(seed, "onehot/1/signs").signs(D).astype(dtype)
    layout: type[Permuted] | type[Tiled] = Permuted if D < _SMALLEST_TILED else Tiled
    return layout(seed, d, signs)


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


class Tiled:
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

    def __init__(self, seed: int, d: int, signs: Array) -> None:
        """`signs` (D,) are -1.0 or 1.0."""
        self.signs = signs
        self._d = d
        length = self._length = 1 << ((len(signs) // _FEWEST_BLOCKS).bit_length() - 1)
        self._blocks, self._left = divmod(len(signs), length)
        # Groups are residues of the rank modulo `span`: below L they depend on the word alone,
        # above it on the place of the block modulo `classes` instead.
        span = 2 << (d.bit_length() - 1)
        self._classes = max(1, span // length)
        self._word = np.arange(length)
        if d < length:
            first = Stream(seed, "onehot/1/word").permutation(self._left)
            rest = Stream(seed, "onehot/1/rest").permutation(length - self._left)
            self._word = np.concatenate([first, rest + self._left])
        self._groups = torch.from_numpy(linear_hash(self._word, d).astype(np.int32))
        self._inverse_word = torch.from_numpy(np.argsort(self._word).astype(np.int32))
        self._places = Stream(seed, "onehot/1/places").permutation(self._blocks)
        self._shifts = Stream(seed, "onehot/1/shifts").integers(self._blocks, length)
        kinds = self._places & (self._classes - 1)
        # A slice of one axis is made faster than one of two, so words lie in a row.
        starts = (2 * length * kinds + self._shifts).tolist()
        self._windows = [slice(start, start + length) for start in starts]
        self._end = length * self._blocks
        self._block_signs = list(signs[: self._end].reshape(-1, length))
        self._tensor_signs = [torch.from_numpy(part) for part in self._block_signs]
        self._tail_signs = signs[self._end :]
        start = 2 * length * (self._blocks & (self._classes - 1))
        self._tail_window = slice(start, start + self._left)
        # A product takes one out and puts it back, so that threads never share one. With several
        # classes they are large, and dear to keep.
        self._scratch = [self._new_scratch()] if self._classes == 1 else []

    @property
    def nbytes(self) -> int:
        """Bytes that it holds."""
        held = [self.signs, self._word, self._places, self._shifts]
        held += [scratch.words for scratch in self._scratch]
        gathered = self._groups.nbytes + self._inverse_word.nbytes
        return sum(array.nbytes for array in held) + gathered

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
            self._read_words(row, scratch.words)
            blocks = target[: self._end].reshape(-1, self._length)
            plan = zip(scratch.arrays, self._block_signs, blocks, strict=True)
            for window, signs, block in plan:
                np.multiply(window, signs, block)
            tail = scratch.words[self._tail_window]
            np.multiply(tail, self._tail_signs, target[self._end :])
        self._put_back(scratch)
        return out

    def reduce(self, g: Array) -> Array:
        """Return the sum of sign * g over each group: (..., D) -> (..., d)."""
        out = np.empty((*g.shape[:-1], self._d), dtype=g.dtype)
        scratch = self._take_scratch()
        for row, target in zip(_rows(g), _rows(out), strict=True):
            target[:] = self._reduce_row(row, scratch)
        self._put_back(scratch)
        return out

    def _read_words(self, z: Array, words: Array) -> None:
        """Write each class's word twice in a row, so that a shift is a slice: (C * 2L,)."""
        twice = words.reshape(self._classes, 2, self._length)
        if self._d < self._length:
            _gather(z, self._groups, twice[0, 0])
        else:
            twice[:, 0] = unfold(z).reshape(self._classes, self._length)
        twice[:, 1] = twice[:, 0]

    def _reduce_row(self, g: Array, scratch: _Scratch) -> Array:
        scratch.words.fill(0)
        # Nothing here outlives the call, so it goes without autograd's counters.
        with torch.inference_mode():
            blocks = torch.from_numpy(g[: self._end]).view(-1, self._length).unbind()
            # One call for all blocks, and one pass over each where numpy would take two.
            torch._foreach_addcmul_(scratch.tensors, blocks, self._tensor_signs)
        halves = scratch.words.reshape(self._classes, 2, self._length)
        sums = halves[:, 0]
        sums += halves[:, 1]
        last = sums[self._blocks & (self._classes - 1), : self._left]
        last += g[self._end :] * self._tail_signs
        if self._d < self._length:
            ordered = np.empty_like(g, shape=self._length)
            _gather(sums[0], self._inverse_word, ordered)
            return fold(ordered, self._d)
        return fold(sums.ravel(), self._d)

    def _take_scratch(self) -> _Scratch:
        try:
            return self._scratch.pop()
        except IndexError:
            return self._new_scratch()

    def _put_back(self, scratch: _Scratch) -> None:
        if self._classes == 1:
            self._scratch.append(scratch)

    def _new_scratch(self) -> _Scratch:
        words = np.empty(self._classes * 2 * self._length, dtype=self.signs.dtype)
        return _Scratch(words, self._windows)


class _Scratch:
    """Room for each class's word twice in a row (C * 2L,), and each block's window in it (L,)."""

    def __init__(self, words: Array, windows: list[slice]) -> None:
        self.words = words
        self._windows = windows

    @cached_property
    def arrays(self) -> list[Array]:
        return [self.words[window] for window in self._windows]

    @cached_property
    def tensors(self) -> list[torch.Tensor]:
        return [torch.from_numpy(self.words[window]) for window in self._windows]


def _gather(x: Array, places: torch.Tensor, out: Array) -> None:
    """Write x[places]; torch takes 32-bit places as they are, numpy would copy them."""
    torch.index_select(torch.from_numpy(x), 0, places, out=torch.from_numpy(out))


def _rows(x: Array) -> Array:
    """Return x (..., m) as (n, m), a view."""
    return x.reshape(-1, x.shape[-1])
