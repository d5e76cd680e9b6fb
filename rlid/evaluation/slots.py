"""What is known of a simulator's slots: in which an episode is under way, and what it earned."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

SCATTERED = 0.9
"""Share of active slots, among those up to the last active one, below which moving them pays."""


class Slots:
    """The slots (S,) of one simulator, and the steps that it has made.

    Attributes:
        active: in which slots an episode is under way (S,).
        totals: rewards so far of each slot's last episode (S,).
        steps: steps of each slot's last episode, once it is over (S,).
        rows: the row that each slot belongs to, or belonged to last (S,).
        free: the slots that belong to no row, in order.
        observations: the last observations (S, inputs).
        actions: the last actions (S, *action shape).
        now: steps of the simulator so far.
    """

    def __init__(self, number: int, episode_cap: int) -> None:
        """Begin with free slots; an episode ends after `episode_cap` steps at the latest."""
        self._cap = self._due = episode_cap
        self.active = np.zeros(number, bool)
        self.totals, self.steps = np.zeros(number), np.zeros(number, np.int64)
        # The value of `now` when each slot's episode began.
        self._began, self.now = np.zeros(number, np.int64), 0
        self.observations: NDArray[Any] = np.empty(0)
        self.actions: NDArray[Any] = np.empty(0)
        self.rows = np.empty(number, object)
        self.free = list(range(number))

    def __len__(self) -> int:
        """Return the number of slots."""
        return len(self.active)

    def begin(self, taken: NDArray[np.intp]) -> None:
        """Let episodes begin in the slots `taken`."""
        self.active[taken] = True
        self.totals[taken], self._began[taken] = 0.0, self.now

    def end(self, ended: NDArray[np.bool_]) -> None:
        """Let episodes that were under way be over where `ended` (S,) says so."""
        self.active ^= ended
        self.steps[ended] = self.now - self._began[ended]

    def at_cap(self) -> NDArray[np.bool_] | None:
        """Return where an episode has reached the cap (S,), or None where none can have yet.

        Episodes that began later reach it later.
        """
        if self.now < self._due:
            return None
        at_cap = self.now - self._began >= self._cap
        under_way = self.active & ~at_cap
        if under_way.any():
            self._due = int(self._began[under_way].min()) + self._cap
        return at_cap

    def release(self, slots: list[int]) -> None:
        """Make slots free again."""
        # The lowest first: idle slots at the end cost some simulators nothing.
        self.free = sorted(self.free + slots)

    def take(self, number: int) -> NDArray[np.intp]:
        """Return `number` free slots (number,), which are free no longer."""
        taken, self.free = np.array(self.free[:number], np.intp), self.free[number:]
        return taken

    def closer(self) -> NDArray[np.intp] | None:
        """Return an order (S,) of the slots with active ones first, or None if they are close.

        Free slots come next, and last the slots that idle until their rows are over.
        """
        active = self.active.nonzero()[0]
        if len(active) == 0 or len(active) >= SCATTERED * (active[-1] + 1):
            return None
        idle = ~self.active
        idle[self.free] = False
        return np.concatenate([active, np.array(self.free, np.intp), idle.nonzero()[0]])

    def reorder(self, order: NDArray[np.intp]) -> NDArray[np.intp]:
        """Let slot i be what slot order[i] was; return the new slot of each old slot (S,)."""
        slot_of = np.empty(len(order), np.intp)
        slot_of[order] = np.arange(len(order))
        self.active, self.totals = self.active[order], self.totals[order]
        self.steps, self._began = self.steps[order], self._began[order]
        self.observations, self.rows = self.observations[order], self.rows[order]
        if len(self.actions) > 0:
            self.actions = self.actions[order]
        self.free = sorted(slot_of[self.free].tolist())
        return slot_of
