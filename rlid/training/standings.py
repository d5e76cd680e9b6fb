"""Tells now and then where the trials of a cell stand, at a sign of life of theirs."""

from __future__ import annotations

import time
from collections.abc import Callable

from rlid.records import Standing

INTERVAL = 10.0
"""Seconds between two reports; a trial that takes less is never told of."""

Tell = Callable[[tuple[Standing, ...]], None]


class Standings:
    """A sign of life that also tells where trials stand, every INTERVAL seconds."""

    def __init__(self, beat: Callable[[], None], tell: Tell | None) -> None:
        """Start the clock.

        Args:
            beat: called at every sign of life.
            tell: hears where the trials stand; None where nobody listens.
        """
        self._beat, self._tell = beat, tell
        self._look: Callable[[], tuple[Standing, ...]] | None = None
        self._told = time.monotonic()

    def of(self, look: Callable[[], tuple[Standing, ...]]) -> None:
        """Say how to look at where the trials stand."""
        self._look = look

    def __call__(self) -> None:
        """Pass on a sign of life; report where the trials stand, if that is due."""
        self._beat()
        if self._tell is None or self._look is None:
            return
        now = time.monotonic()
        if now - self._told >= INTERVAL:
            self._told = now
            if standings := self._look():
                self._tell(standings)
