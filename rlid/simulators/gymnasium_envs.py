"""Gymnasium's own environments, one object per slot: works for any environment there is."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlid.errors import InputError, fault, first_line, guarded
from rlid.simulators.images import WRAP, wrap
from rlid.simulators.log_files import keep_logs_off_disk
from rlid.simulators.observations import Observations
from rlid.world import Beat, Simulator, Steps, no_beat

MAX_SLOTS = 128
"""Environments held at once: more would cost memory and save nothing, since each steps alone."""
RESET = "reset."
"""How the options of a task begin that are options of `reset`, not arguments of the environment."""

RESERVED = frozenset({"id", "max_episode_steps", "disable_env_checker"})
"""Arguments of `gymnasium.make` that are no arguments of the environment."""


def make_env(env: str, options: Mapping[str, Any], episode_cap: int) -> Any:
    """Return an environment as a task means it: cut at the cap, in the wrappers that it names.

    Args:
        env: its id in gymnasium's registry.
        options: keyword arguments of the environment, "reset.NAME" for options of every reset, and
            what `rlid.simulators.images.wrap` takes.
        episode_cap: steps after which an episode is truncated.

    Raises:
        InputError: it cannot be made.
    """
    import gymnasium

    for name in RESERVED & options.keys():
        instead = "use --episode-cap" if name == "max_episode_steps" else "leave it out"
        raise InputError(f"--env-arg {name}: is set by rlid for every environment; {instead}")
    others = (RESET, WRAP)
    arguments = {name: value for name, value in options.items() if not name.startswith(others)}
    resets = {name[len(RESET) :]: options[name] for name in options if name.startswith(RESET)}
    try:
        made = gymnasium.make(
            env, max_episode_steps=episode_cap, disable_env_checker=True, **arguments
        )
        keep_logs_off_disk()
        made = wrap(made, options)
        return _reset_by(made, resets) if resets else made
    except (InputError, KeyboardInterrupt):
        raise
    except BaseException as error:
        reason = first_line(error) or type(error).__name__
        raise InputError(f"environment {env!r} cannot be made: {reason}") from error


class GymnasiumSimulator(Simulator):
    """Any environment of gymnasium's registry; observations are flattened to one vector."""

    merges = False
    max_slots = MAX_SLOTS

    def __init__(
        self,
        env: str,
        options: Mapping[str, Any],
        episode_cap: int,
        observation: str = "raw",
        beat: Beat = no_beat,
    ) -> None:
        """Make one environment, to learn its spaces.

        Args:
            env: its id in gymnasium's registry.
            options: see `make_env`.
            episode_cap: steps after which an episode is truncated.
            observation: a task's observation rule, "raw", "scaled" or "pixels".
            beat: called after each environment that is made.

        Raises:
            InputError: it cannot be made, or its observations cannot be shown by this rule.
        """
        self._make_arguments = (env, options, episode_cap)
        self._beat = beat
        self._pool: list[Any] = [self.plain()]
        beat()
        self._envs: list[Any] = []
        try:
            with guarded(f"a space of {env}", InputError):
                self.action_space = self._pool[0].action_space
                self._shown = Observations(self._pool[0].observation_space, observation, env)
        except InputError:
            self.close()
            raise
        self.observation_size, self.observation_shape = self._shown.size, self._shown.shape
        self.observation_type = self._shown.dtype.type
        # A number is its receiver's own; of an array it might keep a view that changes.
        self._is_array = self.action_space.shape not in ((), None)

    def plain(self) -> Any:
        """Return the environment that each slot holds one of."""
        return make_env(*self._make_arguments)

    def prepare(self, observation: Any) -> NDArray[Any]:
        """Return an observation as the environment gives it, as a network's inputs (size,)."""
        return self._shown.encode("the caller", observation)

    def start(self, seeds: Sequence[int]) -> NDArray[Any]:
        """Begin one episode per seed; return observations (n, size)."""
        while len(self._pool) < len(seeds):
            self._pool.append(self.plain())
            self._beat()
        n = len(seeds)
        self._envs = self._pool[:n]
        self._observations = np.zeros((n, self.observation_size), self._shown.dtype)
        self._rewards, self._ended = np.zeros(n), np.zeros((2, n), bool)
        return self.restart(np.arange(n), seeds)

    def restart(self, slots: NDArray[np.intp], seeds: Sequence[int]) -> NDArray[Any]:
        """Begin new episodes in some slots; return their observations."""
        for slot, seed in zip(slots, seeds, strict=True):
            try:
                observation, _ = self._envs[slot].reset(seed=int(seed))
                self._observations[slot] = self._shown.encode("reset", observation)
            except BaseException as error:
                raise fault("reset", error) from error
        observations: NDArray[Any] = self._observations[slots]
        self._shown.watch(observations)
        return observations

    def step(self, actions: NDArray[Any], active: NDArray[np.bool_]) -> Steps:
        """Step the active slots, one after the other."""
        for slot in active.nonzero()[0]:
            action = actions[slot].copy() if self._is_array else actions[slot]
            try:
                observation, reward, terminated, truncated, _ = self._envs[slot].step(action)
                self._observations[slot] = self._shown.encode("step", observation)
                self._rewards[slot] = _number(reward)
                self._ended[:, slot] = bool(terminated), bool(truncated)
            except BaseException as error:
                raise fault("step", error) from error
        self._shown.watch(self._observations)
        terminated, truncated = self._ended.copy()
        return self._observations.copy(), self._rewards.copy(), terminated, truncated

    def close(self) -> None:
        """Close every environment; one that fails at it has cost no result."""
        for env in self._pool:
            with contextlib.suppress(Exception, SystemExit):
                env.close()
        self._pool, self._envs = [], []


def _number(reward: Any) -> float:
    """Return a reward as a number: also of an array of one number; None is none, so NaN."""
    if reward is None:
        return math.nan
    if isinstance(reward, np.ndarray):
        if reward.size != 1:
            raise ValueError(f"a reward of shape {reward.shape}: must be one number")
        reward = reward.item()
    return float(reward)


def _reset_by(env: Any, options: dict[str, Any]) -> Any:
    """Return the environment with options for every reset."""
    import gymnasium

    class ResetOptions(gymnasium.Wrapper[Any, Any, Any, Any]):
        def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
            return super().reset(seed=seed, options={**fixed, **(options or {})})

    fixed = options
    return ResetOptions(env)
