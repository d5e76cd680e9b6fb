"""Where a trial under way stands: what a watcher of a run is told between its begin and its end."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Standing:
    """Where a trial stands.

    Attributes:
        key: of its spec.
        d: its dimension.
        seed: its seed.
        share: of the budget that its search has used, from 0 to 1.
        best: the best validation so far; None before the first.
    """

    key: str
    d: int
    seed: int
    share: float
    best: float | None
