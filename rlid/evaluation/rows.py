"""What a batch of episodes is made of: questions, their rows, and groups of rows of one shape."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from rlid.evaluation.policies import Policies


@dataclass(eq=False)
class EvaluationJob:
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


@dataclass(eq=False)
class Row:
    """One policy under way: row `index` of its question, in slots (E,) of the simulator.

    `left` is how many of its episodes are under way.
    """

    question: EvaluationJob
    index: int
    slots: NDArray[np.intp]
    left: int = field(init=False)

    def __post_init__(self) -> None:
        """All of its episodes are."""
        self.left = len(self.slots)

    @property
    def seeds(self) -> NDArray[np.int64]:
        """Those of its episodes (E,)."""
        seeds: NDArray[np.int64] = self.question.seeds[self.index]
        return seeds


class Group:
    """Rows that one batch of policies acts for."""

    def __init__(self, policies: Policies, episodes: int) -> None:
        """`policies` has no rows yet; the first will have so many episodes."""
        self._policies, self._episodes = policies, episodes
        self.rows: list[Row] = []
        self._slots = self._ends = np.empty(0, np.intp)

    def takes(self, row: Row) -> bool:
        """Whether the row can act beside those that are there."""
        return self._policies.mixes or len(row.slots) == self._episodes

    def act(
        self, observations: NDArray[Any], active: NDArray[np.bool_], actions: NDArray[Any]
    ) -> NDArray[Any]:
        """Write the group's actions where they belong; see `Policies.act`."""
        return self._policies.act(observations, self._slots, self._ends, active, actions)

    def put(self, fresh: list[Row]) -> None:
        """Put new rows in the places of those that are over, and at the end."""
        gaps, held = [at for at, row in enumerate(self.rows) if row.left == 0], len(self.rows)
        if not fresh and not gaps:
            return
        end = held + len(fresh) - len(gaps)
        # Where more went than came, the last ones fill the gaps.
        last = [row for row in self.rows[end:] if row.left > 0]
        places = [at for at in [*gaps, *range(held, end)] if at < end]
        moved = fresh + last
        for at, row in zip(places, moved, strict=True):
            self.rows[at : at + 1] = [row]
        del self.rows[end:]
        self._slots = np.concatenate([row.slots for row in self.rows]) if end else self._slots[:0]
        self._ends = np.cumsum([len(row.slots) for row in self.rows], dtype=np.intp)
        thetas = [row.question.Theta[row.index] for row in moved]
        self._policies.put(np.array(places, np.intp), thetas, end)

    def move(self, place: NDArray[np.intp]) -> None:
        """Have rows go on in other slots: slot s is place[s] from now on."""
        self._slots = place[self._slots]
        for row in self.rows:
            row.slots = place[row.slots]
