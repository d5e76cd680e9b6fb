"""The random order of the weights of onehot: permuted one by one, or in tiles that stay in order.

Reading z at a million random places and adding a million weights at random places costs twenty
copies of the weights. So large D has its own random structure, made of shifted copies of one short
random word: the products then touch memory in order.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

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
        self._length = 1 << ((len(signs) // _FEWEST_BLOCKS).bit_length() - 1)
        self._blocks, self._left = divmod(len(signs), self._length)
        # Groups are residues of the rank modulo `span`: below L they depend on the word alone,
        # above it on the place of the block modulo `classes` instead.
        self._span = 2 << (d.bit_length() - 1)
        self._classes = max(1, self._span // self._length)
        self._word = np.arange(self._length)
        if d < self._length:
            first = Stream(seed, "onehot/1/word").permutation(self._left)
            rest = Stream(seed, "onehot/1/rest").permutation(self._length - self._left)
            self._word = np.concatenate([first, rest + self._left])
        self._inverse_word = np.argsort(self._word)
        self._places = Stream(seed, "onehot/1/places").permutation(self._blocks)
        self._shifts = Stream(seed, "onehot/1/shifts").integers(self._blocks, self._length)
        classes = self._places & (self._classes - 1)
        self._plan = list(
            zip(classes.tolist(), self._shifts.tolist(), self._cut(signs), strict=True)
        )

    @property
    def nbytes(self) -> int:
        """Bytes that it holds."""
        held = (self.signs, self._word, self._inverse_word, self._places, self._shifts)
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
        words = self._read_words(unfold(z))
        out = np.empty((*z.shape[:-1], len(self.signs)), dtype=z.dtype)
        length = self._length
        for (kind, shift, signs), block in zip(self._plan, self._cut(out), strict=True):
            np.multiply(words[kind][..., shift : shift + length], signs, block)
        start = length * self._blocks
        last = words[self._blocks & (self._classes - 1)][..., : self._left]
        np.multiply(last, self.signs[start:], out[..., start:])
        return out

    def reduce(self, g: Array) -> Array:
        """Return the sum of sign * g over each group: (..., D) -> (..., d)."""
        length = self._length
        words = np.zeros((self._classes, *g.shape[:-1], 2 * length), dtype=g.dtype)
        product = np.empty((*g.shape[:-1], length), dtype=g.dtype)
        for (kind, shift, signs), block in zip(self._plan, self._cut(g), strict=True):
            np.multiply(block, signs, product)
            window = words[kind][..., shift : shift + length]
            np.add(window, product, window)
        sums = words[..., :length] + words[..., length:]
        start = length * self._blocks
        last = sums[self._blocks & (self._classes - 1)][..., : self._left]
        last += g[..., start:] * self.signs[start:]
        if self._d < length:
            sums = np.take(sums, self._inverse_word, axis=-1)
        return fold(np.moveaxis(sums, 0, -2).reshape(*g.shape[:-1], -1), self._d)

    def _cut(self, x: Array) -> list[Array]:
        """Return views of x (..., D), one for each block, (..., L)."""
        length = self._length
        return [x[..., i : i + length] for i in range(0, length * self._blocks, length)]

    def _read_words(self, residues: Array) -> Array:
        """Return each class's word twice in a row, so that a shift is a slice: (C, ..., 2L)."""
        if self._d < self._length:
            residues = np.take(residues, self._word & (self._span - 1), axis=-1)
        words = residues.reshape(*residues.shape[:-1], self._classes, self._length)
        words = np.moveaxis(words, -2, 0)
        return np.concatenate([words, words], axis=-1)
