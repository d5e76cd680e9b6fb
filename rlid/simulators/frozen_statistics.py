"""Observations scaled by the mean and spread that a random policy saw, frozen before any training.

Running statistics, the usual way (Salimans et al. 2017), change while z is searched and depend on
the search. Frozen ones are part of the task: every trial has the same. They are numbers that a
solution needs besides z, two for each entry of an observation, and are counted as such.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from rlid.random_stream import role_seed
from rlid.simulators.actions import sample
from rlid.task import Task
from rlid.world import Simulator, World

SEED = 2**33
"""Of the random policy's episodes; trials and references have seeds below."""
EPISODES = 10
LEAST_SPREAD = 1e-6
"""What spreads less counts as constant, and is centred only."""
LIMIT = 10.0
"""Scaled observations are clipped to it, as by SB3's VecNormalize: an entry that random actions
hardly move would swamp the others otherwise."""


def hidden_state(task: Task, world: World) -> dict[str, int]:
    """Return how many numbers besides z a policy of this task needs, by name."""
    if task.observation != "frozen":
        return {}
    size = cast(Simulator, world).observation_size
    return {"observation_mean": size, "observation_spread": size}


class FrozenStatistics:
    """A simulator whose observations are centred and scaled; see `rlid.task.Simulator`."""

    def __init__(self, simulator: Simulator, episode_cap: int) -> None:
        """The random policy runs when the first episodes are to start, not before."""
        self._simulator, self._episode_cap = simulator, episode_cap
        self._statistics: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None
        self.observation_size = simulator.observation_size
        self.action_space = simulator.action_space
        self.merges, self.max_slots = simulator.merges, simulator.max_slots

    def prepare(self, observation: Any) -> NDArray[np.float32]:
        """Return an observation as the environment gives it, as a network's inputs (size,)."""
        prepare = getattr(self._simulator, "prepare", np.ravel)
        self._ready()
        return self._scaled(prepare(observation))

    def start(self, seeds: Sequence[int]) -> NDArray[np.float32]:
        """Begin one episode per seed."""
        self._ready()
        return self._scaled(self._simulator.start(seeds))

    def restart(self, slots: NDArray[np.intp], seeds: Sequence[int]) -> NDArray[np.float32]:
        """Begin new episodes in some slots."""
        return self._scaled(self._simulator.restart(slots, seeds))

    def step(
        self, actions: NDArray[Any], active: NDArray[np.bool_]
    ) -> tuple[NDArray[np.float32], NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_]]:
        """Step the active slots."""
        observations, rewards, terminated, truncated = self._simulator.step(actions, active)
        return self._scaled(observations), rewards, terminated, truncated

    def close(self) -> None:
        """Release what the simulator holds."""
        self._simulator.close()

    def _ready(self) -> None:
        if self._statistics is None:
            self._statistics = statistics_of(self._simulator, self._episode_cap)

    def _scaled(self, observations: NDArray[np.float32]) -> NDArray[np.float32]:
        assert self._statistics is not None
        mean, spread = self._statistics
        # NaN stays NaN, for whoever watches over what an environment gives.
        return ((observations - mean) / spread).clip(-LIMIT, LIMIT).astype(np.float32)


def statistics_of(
    simulator: Simulator, episode_cap: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean and standard deviation (size,) of what EPISODES of random actions show.

    Raises:
        EnvironmentFault: the environment failed.
    """
    rng = np.random.default_rng(role_seed(SEED, "observation"))
    observations = simulator.start(rng.integers(0, 2**31, EPISODES).tolist())
    seen, active = [observations.astype(np.float64)], np.ones(EPISODES, bool)
    for _ in range(episode_cap):
        actions = sample(simulator.action_space, rng, EPISODES)
        observations, _, terminated, truncated = simulator.step(actions, active)
        seen.append(observations[active].astype(np.float64))
        active &= ~(terminated | truncated)
        if not active.any():
            break
    rows = np.concatenate(seen)
    spread = rows.std(0)
    return rows.mean(0), np.where(spread < LEAST_SPREAD, 1.0, spread)
