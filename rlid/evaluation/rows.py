"""What a batch of episodes is made of: jobs, their rows, and groups of rows that act together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from rlid.evaluation.policies import Policies


@dataclass(eq=False)
class EvaluationJob:
    """Weights Theta (n, D) to be run through episodes `seeds` (n, E), and the results so far.

    Attributes:
        key: names the job in its result.
        values: returns (n, E) of the episodes that are over.
        steps: environment steps (n,) that they took.
        left: rows that are not over.
    """

    key: int
    Theta: torch.Tensor
    seeds: NDArray[np.int64]
    values: NDArray[np.float64] = field(init=False)
    steps: NDArray[np.int64] = field(init=False)
    left: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        """Start without results."""
        self.values = np.zeros(self.seeds.shape)
        self.steps = np.zeros(len(self.seeds), np.int64)

    def rows(self, most: int) -> Iterator[Row]:
        """Yield the job's rows: one for each policy, or several where it has over `most` episodes.

        Which episodes a row has decides the shape of its batched product, and so the last bits of
        its outputs.
        """
        episodes = self.seeds.shape[1]
        parts = [slice(at, min(at + most, episodes)) for at in range(0, episodes, most)]
        self.left = len(self.seeds) * len(parts)
        for index in range(len(self.seeds)):
            for part in parts:
                yield Row(self, index, part)


@dataclass(eq=False)
class Row:
    """Some episodes of one policy: row `index` of its job.

    Attributes:
        episodes: which of the policy's episodes.
        slots: where in the simulator each episode runs (E,), once the row is admitted.
        left: how many of the episodes are not over.
    """

    job: EvaluationJob
    index: int
    episodes: slice
    slots: NDArray[np.intp] = field(default_factory=lambda: np.empty(0, np.intp))
    left: int = field(init=False)

    def __post_init__(self) -> None:
        """Start with every episode to be run."""
        self.left = len(self)

    def __len__(self) -> int:
        """Return the number of episodes."""
        return self.episodes.stop - self.episodes.start  # type: ignore[no-any-return]

    @property
    def seeds(self) -> NDArray[np.int64]:
        """Seeds of the row's episodes (E,)."""
        seeds: NDArray[np.int64] = self.job.seeds[self.index, self.episodes]
        return seeds

    @property
    def theta(self) -> torch.Tensor:
        """Weights of the row's policy (D,)."""
        return self.job.Theta[self.index]


class Group:
    """Rows that one batch of policies acts for."""

    def __init__(self, policies: Policies, episodes: int) -> None:
        """Take policies without rows, for rows of `episodes` episodes."""
        self._policies, self._episodes = policies, episodes
        self.rows: list[Row] = []
        self._slots = self._ends = np.empty(0, np.intp)

    def takes(self, row: Row) -> bool:
        """Return whether the row can act beside the rows of this group."""
        return self._policies.mixes or len(row) == self._episodes

    def act(
        self, observations: NDArray[Any], active: NDArray[np.bool_], actions: NDArray[Any]
    ) -> NDArray[Any]:
        """Write the group's actions into the slots of its rows; see `Policies.act`."""
        return self._policies.act(observations, self._slots, self._ends, active, actions)

    def put(self, fresh: list[Row]) -> None:
        """Put new rows in the positions of rows that are over, and at the end."""
        gaps = [position for position, row in enumerate(self.rows) if row.left == 0]
        held = len(self.rows)
        if not fresh and not gaps:
            return
        end = held + len(fresh) - len(gaps)
        # Where more rows ended than came, the last rows fill the gaps.
        last = [row for row in self.rows[end:] if row.left > 0]
        positions = [position for position in [*gaps, *range(held, end)] if position < end]
        moved = fresh + last
        for position, row in zip(positions, moved, strict=True):
            self.rows[position : position + 1] = [row]
        del self.rows[end:]
        self._slots = np.concatenate([row.slots for row in self.rows]) if end else self._slots[:0]
        self._ends = np.cumsum([len(row) for row in self.rows], dtype=np.intp)
        self._policies.put(np.array(positions, np.intp), [row.theta for row in moved], end)

    def move(self, slot_of: NDArray[np.intp]) -> None:
        """Let rows go on in other slots: slot s becomes slot_of[s]."""
        self._slots = slot_of[self._slots]
        for row in self.rows:
            row.slots = slot_of[row.slots]
