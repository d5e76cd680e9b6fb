"""Gymnasium's own environments, one object per slot: works for any environment there is."""

from __future__ import annotations

import contextlib
import math
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from rlid.networks import Network, parse
from rlid.simulators.actions import decoder
from rlid.simulators.frozen_statistics import FrozenStatistics
from rlid.task import EnvironmentFault, Objective, Simulator, Task, World

MAX_SLOTS = 128
"""Environments held at once: more would cost memory and save nothing, since each steps alone."""


def make_world(task: Task) -> World:
    """Return the task's own simulator or objective, or what its back end names.

    Raises:
        ValueError: the environment cannot be made, or its package is missing.
    """
    try:
        world = task.world() if task.world is not None else _make_simulator(task)
    except ImportError as error:
        raise ValueError(
            f"task {task.name!r} needs a package that is not here ({error}): see rlid doctor"
        ) from error
    if task.observation == "frozen":
        return FrozenStatistics(cast(Simulator, world), task.episode_cap)
    return world


def _make_simulator(task: Task) -> Simulator:
    if task.backend != "gymnasium" and task.observation == "scaled":
        raise ValueError(f"observations of {task.env} have no bounds to scale by; use frozen")
    if task.backend == "mujoco":
        from rlid.simulators.mujoco_envs import MujocoSimulator

        return MujocoSimulator(task.env, dict(task.options), task.episode_cap)
    if task.backend == "envpool":
        from rlid.simulators.envpool_envs import EnvpoolSimulator

        return EnvpoolSimulator(task.env, dict(task.options), task.episode_cap)
    return GymnasiumSimulator(
        task.env, dict(task.options), task.episode_cap, task.observation == "scaled"
    )


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Interrupt what takes longer by a TimeoutError in the main thread.

    Library code that holds the interpreter cannot be interrupted.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(*_: object) -> None:
        raise TimeoutError(f"no sign of life for {seconds:g} seconds")

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def make_network(task: Task, name: str, world: World) -> Network:
    """Return the network `name` with the task's inputs and outputs.

    Raises:
        ValueError: the name is not in the grammar, the task's actions are not supported, or it
            shows no images to a network that takes them.
    """
    architecture = parse(name)
    # A world that shows images says so; most have no such attribute.
    shape = getattr(world, "observation_shape", None)
    byte_scale = 1 / 255 if task.observation == "pixels" else 1.0
    if task.kind != "rl":
        objective = cast(Objective, world)
        sizes = objective.inputs, objective.outputs
        network = Network(architecture, *sizes, task.activation, shape, byte_scale)
        objective.check(network)
        return network
    simulator = cast(Simulator, world)
    outputs, _ = decoder(simulator.action_space, task.action)
    inputs = simulator.observation_size
    return Network(architecture, inputs, outputs, task.activation, shape, byte_scale)


class GymnasiumSimulator:
    """Any environment of gymnasium's registry; observations are flattened to one vector."""

    merges = False
    max_slots = MAX_SLOTS

    def __init__(
        self, env: str, options: dict[str, Any], episode_cap: int, is_scaled: bool = False
    ) -> None:
        """Make one environment, to learn its spaces.

        Raises:
            ValueError: it cannot be made, or its observations cannot be flattened.
        """
        self._make_arguments = (env, options, episode_cap)
        self._pool: list[Any] = [self._make()]
        self._envs: list[Any] = []
        self.action_space = self._pool[0].action_space
        space = self._pool[0].observation_space
        self.observation_size = math.prod(space.shape)
        if is_scaled and not (np.isfinite(space.low) & np.isfinite(space.high)).any():
            raise ValueError(f"observations of {env} have no bounds to scale by; use frozen")
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
                raise ValueError(f"its observations, {space}, cannot be flattened to one vector")
        except (Exception, SystemExit) as error:
            first_line = (str(error).splitlines() or [""])[0]
            raise ValueError(f"environment {env!r} cannot be made: {first_line}") from error
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
    first_line = (str(error).splitlines() or [""])[0]
    return EnvironmentFault(f"{call} raised {type(error).__name__}: {first_line}"[:500])
