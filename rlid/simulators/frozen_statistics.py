"""Observations scaled by the mean and spread that a random policy saw, frozen before any training.

Running statistics, the usual way (Salimans et al. 2017), change while z is searched and depend on
the search. Frozen statistics are part of the task: every trial has the same. They are numbers that
a solution needs besides z, two for each entry of an observation, and are counted as such.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from rlid.random_stream import role_seed
from rlid.simulators.actions import sample
from rlid.task import Task
from rlid.world import Beat, DrawSeeds, Simulator, Steps, World, no_beat

SEED = 2**33
"""Seed of the random policy's episodes; trials and references have smaller seeds."""
EPISODES = 10
LEAST_SPREAD = 1e-6
"""Entries that spread less count as constant, and are centred only."""
LIMIT = 10.0
"""Scaled observations are clipped to it, as by SB3's VecNormalize: an entry that random actions
hardly move would swamp the others otherwise."""


def hidden_state(task: Task, world: World) -> dict[str, int]:
    """Return how many numbers besides z a policy of this task needs, by name."""
    if task.observation != "frozen":
        return {}
    size = cast(Simulator, world).observation_size
    return {"observation_mean": size, "observation_spread": size}


class FrozenStatistics(Simulator):
    """A simulator around another one, whose observations it centres and scales."""

    def __init__(self, simulator: Simulator, episode_cap: int, beat: Beat = no_beat) -> None:
        """Take over a simulator; the random policy runs when the first episodes are to start."""
        self._simulator, self._episode_cap, self._beat = simulator, episode_cap, beat
        self._statistics: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None
        self.observation_size = simulator.observation_size
        self.observation_shape = simulator.observation_shape
        self.observation_type = np.float32
        self.action_space = simulator.action_space
        self.merges, self.max_slots = simulator.merges, simulator.max_slots
        self.reorders, self.own_slots = simulator.reorders, simulator.own_slots

    def prepare(self, observation: Any) -> NDArray[np.float32]:
        """Return an observation as the environment gives it, as a network's inputs (size,)."""
        self._ready()
        return self._scaled(self._simulator.prepare(observation))

    def plain(self) -> Any:
        """Return the environment; its observations are those that `prepare` takes."""
        return self._simulator.plain()

    def start(self, seeds: Sequence[int]) -> NDArray[np.float32]:
        """Begin one episode per seed; return observations (n, size)."""
        self._ready()
        return self._scaled(self._simulator.start(seeds))

    def restart(self, slots: NDArray[np.intp], seeds: Sequence[int]) -> NDArray[np.float32]:
        """Begin new episodes in slots (k,); return observations (k, size)."""
        return self._scaled(self._simulator.restart(slots, seeds))

    def follow(self, slots: NDArray[np.intp], draw: DrawSeeds) -> NDArray[np.float32]:
        """Begin new episodes in slots (k,) as the simulator does in training."""
        return self._scaled(self._simulator.follow(slots, draw))

    def reorder(self, order: NDArray[np.intp]) -> None:
        """Let slot i hold what slot order[i] held."""
        self._simulator.reorder(order)

    def step(self, actions: NDArray[Any], active: NDArray[np.bool_]) -> Steps:
        """Step the active slots; return observations (n, size), rewards and ends (n,)."""
        observations, rewards, terminated, truncated = self._simulator.step(actions, active)
        return self._scaled(observations), rewards, terminated, truncated

    def close(self) -> None:
        """Release what the simulator holds."""
        self._simulator.close()

    def _ready(self) -> None:
        if self._statistics is None:
            self._statistics = statistics_of(self._simulator, self._episode_cap, self._beat)

    def _scaled(self, observations: NDArray[Any]) -> NDArray[np.float32]:
        assert self._statistics is not None
        mean, spread = self._statistics
        # NaN stays NaN, for the check of all that an environment gives.
        return ((observations - mean) / spread).clip(-LIMIT, LIMIT).astype(np.float32)


def statistics_of(
    simulator: Simulator, episode_cap: int, beat: Beat = no_beat
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean and standard deviation (size,) of the observations in EPISODES random episodes.

    They do not depend on how many episodes the simulator can hold at once.

    Raises:
        EnvironmentFault: the environment failed.
    """
    rng = np.random.default_rng(role_seed(SEED, "observation"))
    seeds = rng.integers(0, 2**31, EPISODES).tolist()
    drawn: list[NDArray[Any]] = []
    seen: list[list[NDArray[np.float64]]] = [[]]
    for first in range(0, EPISODES, simulator.max_slots):
        part = slice(first, first + simulator.max_slots)
        observations = simulator.start(seeds[part])
        active = np.ones(len(observations), bool)
        seen[0].append(observations.astype(np.float64))
        for step in range(episode_cap):
            if step == len(drawn):
                drawn.append(sample(simulator.action_space, rng, EPISODES))
                seen.append([])
            beat()
            observations, _, terminated, truncated = simulator.step(drawn[step][part], active)
            seen[step + 1].append(observations[active].astype(np.float64))
            active &= ~(terminated | truncated)
            if not active.any():
                break
    # In the order of the steps, as if all episodes had run at once: sums depend on it.
    rows = np.concatenate([part for parts in seen for part in parts])
    spread = rows.std(0)
    return rows.mean(0), np.where(spread < LEAST_SPREAD, 1.0, spread)
