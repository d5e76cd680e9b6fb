"""Standardisation of a table's columns by the mean and standard deviation of its training rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

LARGEST_EXPONENT = 200
"""Exponent of 2 of the largest numbers that are standardised as they are, and of the smallest.

The squares of far larger or smaller ones are no float64.
"""
MOST_SHIFTED = 1000
"""Exponent of 2 of the largest factor; a float64 ends a little above."""


@dataclass(frozen=True)
class Scale:
    """The mean and standard deviation of each column, (columns,), or of one column, ()."""

    centre: NDArray[np.float64]
    spread: NDArray[np.float64]

    @classmethod
    def of(cls, values: NDArray[Any]) -> Scale:
        """Return the scale of values (n, columns) or (n,); a constant column keeps its unit."""
        factor = _factor(np.abs(values).max(0))
        shifted = values * factor
        centre, spread = np.asarray(shifted.mean(0)), np.asarray(shifted.std(0))
        return cls(centre / factor, np.where(spread > 0, spread / factor, 1.0))

    def standardise(self, values: NDArray[Any]) -> NDArray[np.float32]:
        """Return values in units of the spread, from the centre."""
        factor = _factor(self.spread)
        distance = values * factor - self.centre * factor
        return (distance / (self.spread * factor)).astype(np.float32)

    def restore(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """Return standardised values in the units of the data."""
        return values.astype(np.float64) * self.spread + self.centre


@dataclass(frozen=True)
class Scales:
    """The scales of a table's inputs, and of its target where that is a number."""

    inputs: Scale
    target: Scale


def _factor(sizes: NDArray[Any]) -> NDArray[np.float64]:
    """Return for each size a power of two that brings it near 1; 1 for sizes that need none.

    A power of two changes no digit of what is standardised.
    """
    _, exponents = np.frexp(sizes)
    shift = np.clip(-exponents, -MOST_SHIFTED, MOST_SHIFTED)
    return np.where(np.abs(exponents) > LARGEST_EXPONENT, np.ldexp(1.0, shift), 1.0)
