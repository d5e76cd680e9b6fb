"""Frozen random streams: raw Philox4x64-10 bits (Salmon et al. 2011) through fixed transforms.

The draws stay the same for ever. They do not use numpy's `Generator` distributions, whose streams
may change between releases, and they neither read nor write a global generator.
"""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

# The index of a role is its spawn key: append new roles, never reorder or remove one.
ROLES = (
    "theta0",
    "projection",
    "training",
    "validation",
    "scoring",
    "optimizer",
    "task",
    "observation",
    "export",
    "play",
    "confirmation",
    "gate",
    "second_look",
    "reporting",
)

_WORDS_PER_BLOCK = 4
_BITS_PER_WORD = 64
_MANTISSA_BITS = 53
_MAX_BOUND = 2**32

Words = npt.NDArray[np.uint64]


def role_seed(seed: int, role: str) -> int:
    """Return the seed (0 <= seed < 2**64) of one role in the trial with seed `seed`.

    Raises:
        ValueError: the role is not in `ROLES`, or the seed is negative.
    """
    if role not in ROLES:
        raise ValueError(f"unknown role {role!r}; known: {', '.join(ROLES)}")
    if seed < 0:
        raise ValueError(f"seed must be at least 0, not {seed}")
    sequence = np.random.SeedSequence(seed, spawn_key=(ROLES.index(role),))
    return int(sequence.generate_state(1, np.uint64)[0])


def to_uniform(words: Words) -> npt.NDArray[np.float64]:
    """Return (top 53 bits + 1/2) / 2**53 of each word, never 0 or 1, in the shape of `words`."""
    top = (words >> np.uint64(_BITS_PER_WORD - _MANTISSA_BITS)).astype(np.float64)
    top += 0.5
    top *= 2.0**-_MANTISSA_BITS
    # The largest words round up to 1, where the inverse normal distribution is infinite.
    return np.minimum(top, 1.0 - 2.0**-_MANTISSA_BITS, out=top)


class Stream:
    """A random stream named by `seed` and `label`, with random access to every draw.

    The Philox key is the first 16 bytes (little endian) of SHA-256 of the text "seed/label", so
    streams with different labels are independent. A draw depends on its index alone: for each kind
    of draw, `draw(n, start)` equals `draw(start + n)[start:]`.
    """

    def __init__(self, seed: int, label: str = "") -> None:
        """Start a stream; `seed` is at least 0, and `label` says what the draws are for.

        Raises:
            ValueError: the seed is negative.
        """
        if seed < 0:
            raise ValueError(f"seed must be at least 0, not {seed}")
        self.seed = int(seed)
        self.label = label
        digest = hashlib.sha256(f"{self.seed}/{label}".encode()).digest()
        self._key = int.from_bytes(digest[:16], "little")

    def bits(self, n: int, start: int = 0) -> Words:
        """Return the raw 64-bit words `start` to `start + n - 1`, (n,)."""
        if n < 0 or start < 0:
            raise ValueError(f"n and start must be at least 0, not {n} and {start}")
        block, skip = divmod(start, _WORDS_PER_BLOCK)
        generator = np.random.Philox(key=self._key, counter=block)
        words: Words = generator.random_raw(skip + n)
        return words[skip:]

    def uniform(self, n: int, start: int = 0) -> npt.NDArray[np.float64]:
        """Return n numbers in the open interval (0, 1), as `to_uniform` makes them; (n,)."""
        return to_uniform(self.bits(n, start))

    def normal(self, n: int, start: int = 0) -> npt.NDArray[np.float64]:
        """Return n standard normal numbers, the inverse distribution function of `uniform`; (n,).

        The last digits depend on the math library: two machines agree to 1e-6.
        """
        draws = self.uniform(n, start)
        return np.asarray(ndtri(draws, out=draws))

    def signs(self, n: int, start: int = 0) -> npt.NDArray[np.int8]:
        """Return n signs, -1 or +1, one bit each (lowest bit of a word first, set means -1); (n,).

        `start` counts signs, not words.
        """
        word, skip = divmod(start, _BITS_PER_WORD)
        words = -(-(skip + n) // _BITS_PER_WORD)
        octets = self.bits(words, word).astype("<u8").view(np.uint8)
        signs = np.unpackbits(octets, count=skip + n, bitorder="little")[skip:].view(np.int8)
        signs *= -2
        signs += 1
        return signs

    def integers(self, n: int, bound: int, start: int = 0) -> npt.NDArray[np.int64]:
        """Return n integers in [0, bound): the high half of word * bound; (n,).

        The bias is at most bound / 2**64 per value (Lemire 2019, without the rejection step, so
        that each integer takes one word).

        Raises:
            ValueError: bound is not in [1, 2**32].
        """
        if not 1 <= bound <= _MAX_BOUND:
            raise ValueError(f"bound must be in [1, 2**32], not {bound}")
        words = self.bits(n, start)
        half, low_mask = np.uint64(32), np.uint64(2**32 - 1)
        factor = np.uint64(bound)
        low = ((words & low_mask) * factor) >> half
        high = (words >> half) * factor
        return ((high + low) >> half).astype(np.int64)

    def permutation(self, n: int) -> npt.NDArray[np.int64]:
        """Return a permutation of 0 to n - 1: the stable argsort of words without their low bits.

        The low ceil(log2 n) bits of each word are replaced by its index before the words are
        sorted, so that no two are equal and any sorting algorithm gives the same order.
        """
        width = max(n - 1, 0).bit_length()
        mask = np.uint64(2**width - 1)
        keys = self.bits(n)
        keys &= ~mask
        keys |= np.arange(n, dtype=np.uint64)
        keys.sort()
        keys &= mask
        return keys.view(np.int64)
