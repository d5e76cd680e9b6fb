"""Standardisation of a table's columns by the mean and standard deviation of its training rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Scale:
    """The mean and standard deviation of each column, (columns,), or of one column, ()."""

    centre: NDArray[np.float64]
    spread: NDArray[np.float64]

    @classmethod
    def of(cls, values: NDArray[Any]) -> Scale:
        """Return the scale of values (n, columns) or (n,); a constant column keeps its unit."""
        spread = np.asarray(values.std(0))
        return cls(np.asarray(values.mean(0)), np.where(spread > 0, spread, 1.0))

    def standardise(self, values: NDArray[Any]) -> NDArray[np.float32]:
        """Return values in units of the spread, from the centre."""
        return ((values - self.centre) / self.spread).astype(np.float32)

    def restore(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """Return standardised values in the units of the data."""
        return values.astype(np.float64) * self.spread + self.centre


@dataclass(frozen=True)
class Scales:
    """The scales of a table's inputs, and of its target where that is a number."""

    inputs: Scale
    target: Scale
