"""Classic control from gymnasium (Barto, Sutton and Anderson 1983; Sutton 1996; Moore 1990)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlid.task import TASKS, Task
from rlid.world import Simulator, Steps

SOLVED = "gymnasium's reward_threshold of the environment"
CARTPOLE_CAP = 500
CARTPOLE_START = 0.05
"""Half-width of the uniform distribution that CartPole's four state variables start from."""


@TASKS.add("classic", "easy", "fast")
def cartpole() -> Task:
    """Balance a pole on a cart: CartPole-v1, 500 steps."""
    return Task(
        version=1,
        env="CartPole-v1",
        episode_cap=CARTPOLE_CAP,
        budget=200_000,
        dmax=64,
        ceiling=500.0,
        floor=475.0,
        floor_source=SOLVED,
        backend="gymnasium-vector",
        world=CartPoleSimulator,
    )


@TASKS.add("classic", "easy")
def acrobot() -> Task:
    """Swing a two-link arm above the line: Acrobot-v1, -1 a step, 500 steps."""
    return Task(
        version=1,
        env="Acrobot-v1",
        episode_cap=500,
        budget=400_000,
        dmax=64,
        search_episodes=2,
        floor=-100.0,
        floor_source=SOLVED,
    )


@TASKS.add("classic")
def mountaincar() -> Task:
    """Rock a car out of a valley: MountainCar-v0 (discrete), -1 a step, 200 steps."""
    return Task(
        version=1,
        env="MountainCar-v0",
        episode_cap=200,
        # Raw velocities are within 0.07: a network of ordinary start hardly sees them.
        observation="scaled",
        budget=1_000_000,
        dmax=64,
        search_episodes=2,
        floor=-110.0,
        floor_source=SOLVED,
        recipes={"cmaes": {"sigma0": 0.5}},
    )


@TASKS.add("classic")
def mountaincar_continuous() -> Task:
    """Rock a car out of a valley at little force: MountainCarContinuous-v0, 999 steps."""
    return Task(
        version=1,
        env="MountainCarContinuous-v0",
        episode_cap=999,
        observation="scaled",
        budget=300_000,
        dmax=64,
        search_episodes=2,
        floor=90.0,
        floor_source=SOLVED,
        # Direct training reaches most so; with raw velocities it does not reach the floor.
        recipes={"cmaes": {"sigma0": 0.5}},
    )


@TASKS.add("classic")
def pendulum() -> Task:
    """Swing a pendulum up and hold it: Pendulum-v1, torque squashed to [-2, 2], 200 steps."""
    return Task(
        version=1,
        env="Pendulum-v1",
        episode_cap=200,
        observation="scaled",
        budget=1_000_000,
        dmax=100,
        search_episodes=2,
        ceiling=0.0,
        floor=-230.42,
        floor_source="SB3's published PPO agent, sb3/ppo-Pendulum-v1 on huggingface.co",
        recipes={"cmaes": {"sigma0": 0.5}, "batched_ppo": {"gamma": 0.9}},
    )


class CartPoleSimulator(Simulator):
    """Gymnasium's native vector CartPole, with each slot's start drawn from its own seed.

    The vector environment draws all starts from one shared generator; here slot i starts as
    `gymnasium.make("CartPole-v1").reset(seed=seeds[i])` would, and steps as that one does.
    """

    merges = True
    max_slots = 4096
    reorders = True
    observation_size = 4

    def __init__(self) -> None:
        """Make nothing yet but the action space."""
        from gymnasium.spaces import Discrete

        self.action_space = Discrete(2)

    def plain(self) -> Any:
        """Return gymnasium's own environment."""
        import gymnasium

        return gymnasium.make("CartPole-v1", max_episode_steps=CARTPOLE_CAP)

    def start(self, seeds: Sequence[int]) -> NDArray[np.float32]:
        """Begin one episode per seed; return observations (n, 4)."""
        from gymnasium.envs.classic_control.cartpole import CartPoleVectorEnv

        n = len(seeds)
        self._env = CartPoleVectorEnv(n, max_episode_steps=CARTPOLE_CAP)
        self._env.action_space = _Unchecked()  # type: ignore[assignment]
        # The environment resets finished slots itself, with draws that nothing reads.
        self._env.reset(seed=0)
        self._state, self._steps = np.zeros((4, n)), np.zeros(n, np.int32)
        self._is_over, self._n = np.zeros(n, bool), n
        return self.restart(np.arange(n), seeds)

    def restart(self, slots: NDArray[np.intp], seeds: Sequence[int]) -> NDArray[np.float32]:
        """Begin new episodes in slots (k,); return observations (k, 4)."""
        starts = {seed: _cartpole_start(seed) for seed in set(seeds)}
        # Hold all slots: the next step drops the idle ones at the end.
        self._narrow(len(self._steps))
        self._state[:, slots] = np.stack([starts[seed] for seed in seeds], axis=1)
        self._steps[slots], self._is_over[slots] = 0, False
        return np.ascontiguousarray(self._state.T[slots], dtype=np.float32)

    def step(self, actions: NDArray[Any], active: NDArray[np.bool_]) -> Steps:
        """Step every slot up to the last active one at once."""
        slots, n = len(active), self._n
        if not active[n - 1]:
            n = slots - int(active[::-1].argmax())
            self._narrow(n)
        moved, reward, terminated, truncated, _ = self._env.step(actions[:n])
        observations, rewards = np.zeros((slots, 4), np.float32), np.zeros(slots)
        ended = np.zeros((2, slots), bool)
        observations[:n], rewards[:n] = moved, reward
        ended[0, :n], ended[1, :n] = terminated, truncated
        return observations, rewards, ended[0], ended[1]

    def _narrow(self, n: int) -> None:
        """Let the environment hold the first n slots, and keep the others here."""
        env = self._env
        self._state[:, : self._n], self._is_over[: self._n] = env.state, env.prev_done
        env.state = self._state[:, :n]  # type: ignore[assignment]
        env.steps, env.prev_done = self._steps[:n], self._is_over[:n]
        self._n = n

    def reorder(self, order: NDArray[np.intp]) -> None:
        """Let slot i hold what slot order[i] held: slots after the last active one cost nothing."""
        self._narrow(0)
        self._state, self._steps = self._state[:, order], self._steps[order]
        self._is_over = self._is_over[order]
        self._narrow(len(order))

    def close(self) -> None:
        """Nothing is held outside Python."""


class _Unchecked:
    """Takes any actions: to look at each one again would cost a quarter of a step."""

    def contains(self, _: object) -> bool:
        """Say yes."""
        return True


def _cartpole_start(seed: int) -> NDArray[np.float64]:
    # The generator that gymnasium.utils.seeding makes of a seed.
    generator = np.random.Generator(np.random.PCG64(seed))
    return generator.uniform(-CARTPOLE_START, CARTPOLE_START, 4)
