"""How long a worker has said nothing, and when that is too long: the same rule in every engine."""

from __future__ import annotations

import time

POLL = 0.5
"""Seconds between two looks at silent workers."""
LONGEST_STEP = 2.0
"""Seconds that one look may add to a silence: more means that this process itself stood still."""
START_GRACE = 60.0
"""Seconds a worker may take to import what it needs, on top of the task's patience."""


class Silence:
    """The silence of one worker.

    Attributes:
        seconds: how long it has lasted.
        limit: how long it may last, in seconds.
    """

    def __init__(self, patience: float) -> None:
        """Start with a worker that must import what it needs; `patience` is in seconds."""
        self.seconds, self.limit = 0.0, patience + START_GRACE

    def end(self, patience: float) -> None:
        """Note a sign of life; from now on the silence may last `patience` seconds."""
        self.seconds, self.limit = 0.0, patience

    @property
    def is_too_long(self) -> bool:
        """Whether the worker counts as hung."""
        return self.seconds > self.limit

    @property
    def reason(self) -> str:
        """Why a hung worker is ended, for the record."""
        return f"no sign of life for {self.limit:g} s"


class Looks:
    """The time between two looks at the workers."""

    def __init__(self) -> None:
        """Start the clock."""
        self._last = time.monotonic()

    def step(self) -> float:
        """Return the seconds since the last look, as far as they count for a silence."""
        now = time.monotonic()
        step, self._last = min(now - self._last, LONGEST_STEP), now
        return step
