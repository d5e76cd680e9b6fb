"""EnvPool's copies of gymnasium's planar MuJoCo tasks (Weng et al. 2022), where it is installed.

EnvPool seeds an environment when it is made and never again, so episodes that begin together get a
pool of their own: a seed is good for one episode, whose course depends on it and the actions alone.
Its generator is not gymnasium's: a seed starts another episode here than there, of the same
distribution. Ant and Humanoid are left out: from one state the two libraries differ within steps.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlid.errors import InputError
from rlid.simulators.mujoco_envs import OUTCOMES
from rlid.world import Simulator, Steps

MAX_SLOTS = 256
"""Episodes held at once, as many as where gymnasium's environments are stepped directly."""


OFFERED = tuple(sorted(name for name, planar in OUTCOMES.items() if planar.is_in_envpool))


class EnvpoolSimulator(Simulator):
    """Steps EnvPool's copies of the environments in `mujoco_envs.OUTCOMES`."""

    merges = True
    max_slots = MAX_SLOTS

    def __init__(self, env: str, options: Mapping[str, Any], episode_cap: int) -> None:
        """Make a pool of one, to learn its spaces.

        Raises:
            InputError: EnvPool is not installed, or does not offer this environment.
        """
        if env not in OFFERED or options:
            raise InputError(
                f"back end 'envpool' steps {', '.join(OFFERED)} as they are, not {env}"
                f"{' with options' if options else ''}; use the back end 'gymnasium'"
            )
        self._env, self._cap = env, episode_cap
        pool = self._make([0])
        self.action_space = pool.action_space
        self.observation_size = pool.observation_space.shape[0]
        pool.close()
        self._pools: list[Any] = []

    def _make(self, seeds: Sequence[int]) -> Any:
        try:
            envpool: Any = importlib.import_module("envpool")
        except ImportError:
            raise InputError(
                "back end 'envpool' is not installed: pip install 'rlid[fast]'"
            ) from None
        return envpool.make(
            self._env,
            env_type="gymnasium",
            num_envs=len(seeds),
            num_threads=1,
            seed=[int(seed) for seed in seeds],
            max_episode_steps=self._cap,
        )

    def start(self, seeds: Sequence[int]) -> NDArray[np.float32]:
        """Begin one episode per seed; return observations (n, size)."""
        self.close()
        # Where each slot lives: the pool, and its place there.
        self._pool_of, self._place = np.zeros(len(seeds), int), np.zeros(len(seeds), np.int32)
        return self.restart(np.arange(len(seeds)), seeds)

    def restart(self, slots: NDArray[np.intp], seeds: Sequence[int]) -> NDArray[np.float32]:
        """Begin new episodes in some slots; return their observations."""
        if len(slots) == 0:
            return np.zeros((0, self.observation_size), np.float32)
        pool = self._make(seeds)
        observations, info = pool.reset()
        ordered = np.zeros((len(slots), self.observation_size), np.float32)
        ordered[info["env_id"]] = observations
        self._pools.append(pool)
        self._pool_of[slots] = len(self._pools) - 1
        self._place[slots] = np.arange(len(slots))
        self._drop_unused()
        return ordered

    def step(self, actions: NDArray[Any], active: NDArray[np.bool_]) -> Steps:
        """Step the active slots, pool by pool."""
        n = len(self._place)
        observations, rewards = np.zeros((n, self.observation_size), np.float32), np.zeros(n)
        terminated, truncated = np.zeros(n, bool), np.zeros(n, bool)
        for index, pool in enumerate(self._pools):
            rows = np.flatnonzero(active & (self._pool_of == index))
            if len(rows) == 0:
                continue
            places = self._place[rows]
            seen, earned, ended, cut, info = pool.step(actions[rows], places)
            # What comes back is in the order of EnvPool's queue.
            slot_at = np.zeros(places.max() + 1, int)
            slot_at[places] = rows
            order = slot_at[info["env_id"]]
            observations[order], rewards[order] = seen, earned
            terminated[order], truncated[order] = ended, cut
        return observations, rewards, terminated, truncated

    def _drop_unused(self) -> None:
        used = np.unique(self._pool_of)
        for index, pool in enumerate(self._pools):
            if index not in used:
                pool.close()
        self._pools = [self._pools[index] for index in used]
        self._pool_of = np.searchsorted(used, self._pool_of)

    def close(self) -> None:
        """Close every pool."""
        for pool in self._pools:
            pool.close()
        self._pools = []
