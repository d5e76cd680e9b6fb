"""What a batch of episodes is made of: questions, their rows, and groups of rows of one shape."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from rlid.acting import Policies


@dataclass(eq=False)
class Question:
    """Weights Theta (n, D) to be run through episodes `seeds` (n, E), and what came out so far."""

    key: int
    Theta: torch.Tensor
    seeds: NDArray[np.int64]
    values: NDArray[np.float64] = field(init=False)
    steps: NDArray[np.int64] = field(init=False)
    left: int = field(init=False)

    def __post_init__(self) -> None:
        """Nothing came out so far."""
        self.values, self.left = np.zeros(self.seeds.shape), len(self.seeds)
        self.steps = np.zeros(len(self.seeds), np.int64)


@dataclass(frozen=True, eq=False)
class Row:
    """One policy under way: row `index` of its question, in slots (E,) of the simulator."""

    question: Question
    index: int
    slots: NDArray[np.intp]

    @property
    def seeds(self) -> NDArray[np.int64]:
        """Those of its episodes (E,)."""
        seeds: NDArray[np.int64] = self.question.seeds[self.index]
        return seeds


class Group:
    """Rows with equally many episodes, whose slots (n, E) one batch of policies acts in."""

    def __init__(self, policies: Policies, episodes: int) -> None:
        """`policies` has no rows yet; each will have so many episodes."""
        self._policies = policies
        self.rows: list[Row] = []
        self._slots = np.empty((0, episodes), np.intp)
        self._is_over: NDArray[np.bool_] = np.empty(0, bool)

    def act(
        self, observations: NDArray[Any], active: NDArray[np.bool_], actions: NDArray[Any]
    ) -> NDArray[Any]:
        """Write the group's actions where they belong, or where there is room for them."""
        chosen = self._policies.act(observations, self._slots, active)
        if len(actions) == 0:
            # Slots that idle are given actions too, of which nothing follows.
            actions = np.empty((len(observations), *chosen.shape[1:]), chosen.dtype)
            actions[:] = chosen[0]
        actions[self._slots.reshape(-1)] = chosen
        return actions

    def count(self, active: NDArray[np.bool_]) -> tuple[int, bool]:
        """Return how many rows are over, and whether a question is with one of them."""
        over = np.logical_not(active.take(self._slots).any(1))
        is_answered = False
        for row in np.flatnonzero(over & ~self._is_over):
            question = self.rows[row].question
            question.left -= 1
            is_answered |= question.left == 0
        self._is_over = over
        return int(over.sum()), is_answered

    @property
    def over(self) -> list[Row]:
        """The rows that were over at the last count; `put` fills their places."""
        return [self.rows[row] for row in np.flatnonzero(self._is_over)]

    def put(self, fresh: list[Row]) -> None:
        """Put new rows in the places of those that are over, and at the end."""
        gaps, held = np.flatnonzero(self._is_over).tolist(), len(self.rows)
        end = held + len(fresh) - len(gaps)
        # Where more went than came, the last ones fill the gaps.
        last = [self.rows[at] for at in range(end, held) if not self._is_over[at]]
        places = [at for at in [*gaps, *range(held, end)] if at < end]
        moved = fresh + last
        for at, row in zip(places, moved, strict=True):
            self.rows[at : at + 1] = [row]
        del self.rows[end:]
        self._slots = np.resize(self._slots, (end, self._slots.shape[1]))
        self._is_over = np.zeros(end, bool)
        if moved:
            self._slots[places] = [row.slots for row in moved]
        thetas = [row.question.Theta[row.index] for row in moved]
        self._policies.put(np.array(places, np.intp), thetas, end)
