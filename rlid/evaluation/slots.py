"""What is known of a simulator's slots: in which an episode is under way, and what it earned."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

SCATTERED = 0.9
"""Where a smaller share of the slots up to the last active one is active, they can close ranks."""


class Slots:
    """The slots (S,) of one simulator, and the steps that it has made.

    Attributes:
        active: where an episode is under way.
        totals: what the slot's last episode earned so far.
        steps: how many steps it took, once it is over.
        rows: the row that the slot is or was of last, if any.
        free: the slots that belong to no row, in order.
        observations, actions: the last ones, (S, inputs) and (S, ...).
        now: steps so far.
    """

    def __init__(self, number: int, episode_cap: int) -> None:
        """All of them are free; an episode ends after `episode_cap` steps at the latest."""
        self._cap = self._due = episode_cap
        self.active = np.zeros(number, bool)
        self.totals, self.steps = np.zeros(number), np.zeros(number, np.int64)
        # Of `now`, when the slot's episode began.
        self._began, self.now = np.zeros(number, np.int64), 0
        self.observations: NDArray[Any] = np.empty(0)
        self.actions: NDArray[Any] = np.empty(0)
        self.rows = np.empty(number, object)
        self.free = list(range(number))

    def __len__(self) -> int:
        """Return their number."""
        return len(self.active)

    def begin(self, taken: NDArray[np.intp]) -> None:
        """Take note that episodes begin in these."""
        self.active[taken] = True
        self.totals[taken], self._began[taken] = 0.0, self.now

    def end(self, ended: NDArray[np.bool_]) -> None:
        """Take note of where (S,) an episode that was under way is over."""
        self.active ^= ended
        self.steps[ended] = self.now - self._began[ended]

    def at_cap(self) -> NDArray[np.bool_] | None:
        """Return where an episode has come to the cap (S,), or None where none can have.

        Those that begin later come to it later.
        """
        if self.now < self._due:
            return None
        at_cap = self.now - self._began >= self._cap
        under_way = self.active & ~at_cap
        if under_way.any():
            self._due = int(self._began[under_way].min()) + self._cap
        return at_cap

    def release(self, slots: list[int]) -> None:
        """Make these free again."""
        # The lowest first: those at the end cost some simulators nothing while they idle.
        self.free = sorted(self.free + slots)

    def take(self, number: int) -> NDArray[np.intp]:
        """Return so many free slots, which are free no longer."""
        taken, self.free = np.array(self.free[:number], np.intp), self.free[number:]
        return taken

    def closer(self) -> NDArray[np.intp] | None:
        """Return an order (S,) of the slots with the active ones first, or None if they are close.

        Free slots come next, and those at last that idle until their rows are over.
        """
        active = self.active.nonzero()[0]
        if len(active) == 0 or len(active) >= SCATTERED * (active[-1] + 1):
            return None
        idle = ~self.active
        idle[self.free] = False
        return np.concatenate([active, np.array(self.free, np.intp), idle.nonzero()[0]])

    def reorder(self, order: NDArray[np.intp]) -> NDArray[np.intp]:
        """Have slot i be what order[i] was; return the place (S,) of what each slot was."""
        place = np.empty(len(order), np.intp)
        place[order] = np.arange(len(order))
        self.active, self.totals = self.active[order], self.totals[order]
        self.steps, self._began = self.steps[order], self._began[order]
        self.observations, self.rows = self.observations[order], self.rows[order]
        if len(self.actions) > 0:
            self.actions = self.actions[order]
        self.free = sorted(place[self.free].tolist())
        return place
