"""When fresh episodes show that a policy reaches a score: tests in parts, and races.

A trial ends early when three tests of one policy agree, each on episodes of its own: a look during
the search, a confirmation, and a scoring. Nothing here runs an episode: each function decides from
returns, so that a simulation of the rule and a trial share it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
ROUNDING = 1e-9


@dataclass(frozen=True)
class SequentialTest:
    """A test of whether the mean return of a policy is at least `stop`, run in parts.

    Attributes:
        ends: shares of the episodes after which it may be decided; the last is 1.
        least: episodes of the first part, at least.
        passes_by: standard errors by which the mean of all episodes must be at or above `stop`.
        fails_by: standard errors by which a mean below `stop` ends the test before its last part.
        is_sure_by: standard errors by which a mean above `stop` does, or infinity.
    """

    ends: tuple[float, ...]
    least: int
    passes_by: float
    fails_by: float
    is_sure_by: float = math.inf

    def parts(self, episodes: int) -> list[int]:
        """Return how many of `episodes` belong to each part, in order."""
        return parts_of(self.ends, self.least, episodes)

    def verdict(self, values: Values, episodes: int, stop: float | None) -> bool | None:
        """Return whether the test is passed, or None where it goes on.

        `values` (m,) are the returns so far, of the `episodes` that are planned. Without a `stop`
        the test runs to its end, and is not passed.
        """
        is_over = len(values) >= episodes
        if stop is None:
            return False if is_over else None
        mean, error = float(values.mean()), standard_error(values)
        if is_over:
            return mean - self.passes_by * error >= stop
        if mean + self.fails_by * error < stop:
            return False
        return True if mean - self.is_sure_by * error >= stop else None


FIRST_EDITION_LOOK = SequentialTest((1 / 3, 2 / 3, 1), least=1, passes_by=1, fails_by=1)
"""The look of the first edition, which ended a trial by itself."""
LOOK = SequentialTest((1 / 6, 1 / 2, 1), least=5, passes_by=1, fails_by=1, is_sure_by=4)
"""A look during the search: most candidates are hopeless, and cost one part only."""
CONFIRMATION = SequentialTest(
    (1 / 10, 1 / 4, 1 / 2, 1), least=10, passes_by=2, fails_by=0, is_sure_by=4
)
"""A failed confirmation costs little: the search goes on, and the next look may be confirmed."""
GATE = SequentialTest((1,), least=1, passes_by=0, fails_by=0)
"""The scoring that decides; its mean return is the deciding score."""

SECOND_LOOK_ENDS = (1 / 10, 1 / 4, 1 / 2, 1)
"""Shares of the episodes of second looks after which policies drop out."""
SECOND_LOOK_LEAST = 10
"""Episodes of the first part of second looks."""
DROPS_BY = 2.0
"""Standard errors by which a policy falls short when it drops out of second looks."""


def parts_of(ends: Sequence[float], least: int, episodes: int) -> list[int]:
    """Return how many of `episodes` lie in each part, where parts end after these shares of them.

    The first part has at least `least`, or all.
    """
    # Products such as 3 * (1 / 3) must not be rounded up to the next whole number.
    rounded = [math.ceil(share * episodes - ROUNDING) for share in ends]
    counts = np.diff([0, *(min(max(end, least), episodes) for end in rounded)])
    return [int(count) for count in counts if count > 0]


def still_racing(values: list[Values], stop: float | None) -> list[int]:
    """Return the policies that may be the best, or may reach `stop`, given their returns so far.

    `values` holds an array (m,) for each policy. One drops out when it is clearly below the leader,
    or clearly below `stop`; where all are below `stop`, nobody is left.
    """
    means = [float(each.mean()) for each in values]
    errors = [standard_error(each) for each in values]
    leader = int(np.argmax(means))

    def is_in(index: int) -> bool:
        apart = math.hypot(errors[index], errors[leader])
        if stop is not None and means[index] + DROPS_BY * errors[index] < stop:
            return False
        return index == leader or means[leader] - means[index] <= DROPS_BY * apart

    return [index for index in range(len(values)) if is_in(index)]


def standard_error(values: Values) -> float:
    """Return the standard error of the mean of values (n,), or 0 for a single value."""
    return float(values.std(ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else 0.0
