"""Gymnasium's own environments, one object per slot: works for any environment there is."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlid.errors import EnvironmentFault, InputError, first_line, named_line

MAX_SLOTS = 128
"""Environments held at once: more would cost memory and save nothing, since each steps alone."""


class GymnasiumSimulator:
    """Any environment of gymnasium's registry; observations are flattened to one vector."""

    merges = False
    max_slots = MAX_SLOTS

    def __init__(
        self, env: str, options: dict[str, Any], episode_cap: int, is_scaled: bool = False
    ) -> None:
        """Make one environment, to learn its spaces.

        Raises:
            InputError: it cannot be made, or its observations cannot be flattened.
        """
        self._make_arguments = (env, options, episode_cap)
        self._pool: list[Any] = [self._make()]
        self._envs: list[Any] = []
        self.action_space = self._pool[0].action_space
        space = self._pool[0].observation_space
        self.observation_size = math.prod(space.shape)
        if is_scaled and not (np.isfinite(space.low) & np.isfinite(space.high)).any():
            raise InputError(f"observations of {env} have no bounds to scale by; use frozen")
        self._middle, self._half = _centre(space, is_scaled)

    def _make(self) -> Any:
        import gymnasium

        env, options, episode_cap = self._make_arguments
        try:
            made = gymnasium.make(
                env, max_episode_steps=episode_cap, disable_env_checker=True, **options
            )
            self._raw_space = space = made.observation_space
            if not (isinstance(space, gymnasium.spaces.Box) and len(space.shape) == 1):
                made = gymnasium.wrappers.FlattenObservation(made)
            if len(made.observation_space.shape or ()) != 1:
                raise InputError(f"its observations, {space}, cannot be flattened to one vector")
        except (Exception, SystemExit) as error:
            raise InputError(f"environment {env!r} cannot be made: {first_line(error)}") from error
        return made

    def prepare(self, observation: Any) -> NDArray[np.float32]:
        """Return an observation as the environment gives it, as a network's inputs (size,)."""
        from gymnasium.spaces import flatten

        flat = np.asarray(flatten(self._raw_space, observation))
        return ((flat - self._middle) / self._half).astype(np.float32)

    def start(self, seeds: Sequence[int]) -> NDArray[np.float32]:
        """Begin one episode per seed; return observations (n, size)."""
        while len(self._pool) < len(seeds):
            self._pool.append(self._make())
        self._envs = self._pool[: len(seeds)]
        self._observations = np.zeros((len(seeds), self.observation_size), np.float32)
        self._rewards = np.zeros(len(seeds))
        self._terminated = np.zeros(len(seeds), bool)
        self._truncated = np.zeros(len(seeds), bool)
        self.restart(np.arange(len(seeds)), seeds)
        return self._observations.copy()

    def restart(self, slots: NDArray[np.intp], seeds: Sequence[int]) -> NDArray[np.float32]:
        """Begin new episodes in some slots; return their observations."""
        for slot, seed in zip(slots, seeds, strict=True):
            try:
                observation, _ = self._envs[slot].reset(seed=int(seed))
            except (Exception, SystemExit) as error:
                raise _fault("reset", error) from error
            self._observe("reset", slot, observation)
        return self._observations[slots]

    def step(
        self, actions: NDArray[Any], active: NDArray[np.bool_]
    ) -> tuple[NDArray[np.float32], NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_]]:
        """Step the active slots, one after the other."""
        for slot in active.nonzero()[0]:
            try:
                observation, reward, terminated, truncated, _ = self._envs[slot].step(actions[slot])
                self._rewards[slot] = reward
                self._terminated[slot] = terminated
                self._truncated[slot] = truncated
            except (Exception, SystemExit) as error:
                raise _fault("step", error) from error
            self._observe("step", slot, observation)
        return (
            self._observations.copy(),
            self._rewards.copy(),
            self._terminated.copy(),
            self._truncated.copy(),
        )

    def _observe(self, call: str, slot: np.intp, observation: Any) -> None:
        shape = np.shape(observation)
        if shape != (self.observation_size,):
            raise EnvironmentFault(
                f"{call} gave an observation of shape {shape}, not ({self.observation_size},)"
            )
        self._observations[slot] = (np.asarray(observation) - self._middle) / self._half

    def close(self) -> None:
        """Close every environment; one that fails at it has cost no result."""
        for env in self._pool:
            with contextlib.suppress(Exception):
                env.close()
        self._pool, self._envs = [], []


def _centre(space: Any, is_scaled: bool) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return middle and half-width of a box, or 0 and 1 where it is unbounded or not scaled."""
    low, high = space.low.astype(np.float64), space.high.astype(np.float64)
    is_bounded = is_scaled & np.isfinite(low) & np.isfinite(high) & (high > low)
    low, high = np.where(is_bounded, low, -1.0), np.where(is_bounded, high, 1.0)
    return (low + high) / 2, (high - low) / 2


def _fault(call: str, error: BaseException) -> EnvironmentFault:
    return EnvironmentFault(f"{call} raised {named_line(error)}")
