"""What a task is solved in: a simulator of episodes, or an objective that is scored and followed.

These are protocols: a class fits one by having its methods, with the shapes that stand here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Part = Literal["search", "validation", "scoring"]
"""What a score is for; an objective may keep data of its own for each."""


Beat = Callable[[], None]
"""Is called now and then by what takes long, as a sign of life."""


def no_beat() -> None:
    """Give no sign of life: nobody waits for one."""


class Simulator(Protocol):
    """Independent episodes of one environment, side by side in slots.

    An episode's course depends on its seed and its actions alone, never on the other slots.
    Observations are flat, of float32 or uint8. A simulator of images has an `observation_shape`
    besides, (channels, height, width), which convolutions need. One that is slow to seed may have
    `follow(slots)` besides, as `restart` but by generators of its own that `start` has seeded:
    training may take new episodes from it. One of which a step costs the more, the further its last
    active slot is, may have `reorder(order)`: slot i from now on holds what slot order[i] held.
    """

    observation_size: int
    action_space: Any
    merges: bool
    """Whether many slots cost about as much as few, so that trials gain from sharing a batch."""
    max_slots: int

    def start(self, seeds: Sequence[int]) -> NDArray[np.float32]:
        """Begin one episode per seed in slots 0, 1, ...; return observations (n, size)."""

    def restart(self, slots: NDArray[np.intp], seeds: Sequence[int]) -> NDArray[np.float32]:
        """Begin new episodes in some slots; return their observations (len(slots), size)."""

    def step(
        self, actions: NDArray[Any], active: NDArray[np.bool_]
    ) -> tuple[NDArray[np.float32], NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_]]:
        """Step the active slots; return observations, rewards, terminated and truncated.

        What stands in the rows of inactive slots means nothing.

        Raises:
            EnvironmentFault: the environment raised or broke its interface.
        """

    def close(self) -> None:
        """Release what the environments hold."""


class Objective(Protocol):
    """What a task without an environment is: a score of theta, and a loss that gradients follow.

    An "episode" of it is one evaluation, and a step as well. One of images has an
    `observation_shape` besides, (channels, height, width), which convolutions need.
    """

    inputs: int
    outputs: int
    merges: bool

    def check(self, network: Any) -> None:
        """Refuse a network that cannot be scored.

        Raises:
            InputError: in one line, what would be right.
        """

    def scores(
        self,
        network: Any,
        Theta: Any,  # noqa: N803
        seeds: NDArray[np.int64],
        part: Part,
    ) -> NDArray[np.float64]:
        """Score weights Theta (n, D), a torch tensor, in evaluations `seeds` (n, E): (n, E).

        Row i depends on row i alone.
        """

    def loss(self, network: Any, theta: Any, rng: np.random.Generator) -> Any:
        """Return the loss of theta (D,), a torch tensor, differentiable."""

    def chance(self, seeds: Sequence[int]) -> NDArray[np.float64]:
        """Return the scores (n,) of what knows nothing of the task, one for each seed."""

    def close(self) -> None:
        """Release what is held."""


World = Simulator | Objective
