"""The world of a task, and a network with the inputs and outputs that this world asks for."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from numbers import Integral
from typing import cast

import numpy as np

from rlid.errors import OURS, InputError, guarded, raised_line
from rlid.networks import Network, make
from rlid.simulators.actions import decoder
from rlid.simulators.frozen_statistics import FrozenStatistics
from rlid.simulators.gymnasium_envs import GymnasiumSimulator
from rlid.task import Task
from rlid.world import Beat, Objective, Simulator, World, no_beat

ENVS_VARIABLE = "RLID_ENVS"
"""The environment variable with the user's limit; `--envs` sets it for a command."""


def make_world(task: Task, beat: Beat = no_beat, most: int | None = None) -> World:
    """Return the task's own simulator or objective, or what its back end names.

    Args:
        task: what is to be solved.
        beat: called now and then by a world that takes long to make (`Task.world_takes_beat`), and
            after each instance of an environment that is built.
        most: instances of the environment that this world may hold; None for as many as the process
            may hold (`most_envs`).

    Raises:
        InputError: the environment cannot be made, its package is missing, or what the task makes
            is no simulator and no objective.
    """
    try:
        if task.world is None:
            world: World = _make_simulator(task, beat)
        else:
            world = _own_world(task, beat)
    except ImportError as error:
        raise InputError(
            f"task {task.name!r} needs a package that is not here ({error}): see rlid doctor"
        ) from error
    if not isinstance(world, Simulator if task.kind == "rl" else Objective):
        base = "Simulator" if task.kind == "rl" else "Objective"
        raise InputError(
            f"the world of task {task.name!r} is a {type(world).__name__}, which lacks what "
            f"rlid.world.{base} has: derive the class from it"
        )
    if task.kind != "rl":
        return world
    simulator = cast(Simulator, world)
    simulator.own_slots = simulator.max_slots
    limit = most_envs(task) if most is None else most
    simulator.max_slots = min(simulator.max_slots, limit or simulator.max_slots)
    if task.observation == "frozen":
        return FrozenStatistics(simulator, task.episode_cap, beat)
    return simulator


def make_training_world(task: Task, slots: int, beat: Beat = no_beat) -> Simulator:
    """Return a world for the training of so many slots, beside the world that scores.

    Where the number of instances is limited it holds no more than its slots, also while it runs the
    episodes of frozen statistics.

    Raises:
        InputError: see `make_world`.
    """
    most = None if most_envs(task) is None else slots
    return cast(Simulator, make_world(task, beat, most))


def _own_world(task: Task, beat: Beat) -> World:
    """Return what `Task.world` makes.

    Raises:
        InputError: it raised; errors of the machine and of imports have lines of their own.
    """
    assert task.world is not None
    try:
        return task.world(beat=beat) if task.world_takes_beat else task.world()
    except (KeyboardInterrupt, MemoryError, OSError, ImportError, *OURS):
        raise
    except BaseException as error:
        raise InputError(raised_line(f"the world of task {task.name!r}", error)) from error


@contextlib.contextmanager
def closing(world: World, task: Task) -> Iterator[None]:
    """Close a task's world at the end of a `with`; an error in it hides one of closing.

    Raises:
        InputError: the world raised when it was closed.
    """
    try:
        yield
    except BaseException:
        with contextlib.suppress(Exception, SystemExit):
            world.close()
        raise
    with guarded(f"closing the world of task {task.name!r}", InputError):
        world.close()


def most_envs(task: Task) -> int | None:
    """Return how many instances of a task's environment one process may hold; None for any number.

    The task and the user, by ENVS_VARIABLE, may each set a limit.
    """
    limits = [task.max_envs, int(os.environ.get(ENVS_VARIABLE) or 0) or None]
    return min((limit for limit in limits if limit is not None), default=None)


def _make_simulator(task: Task, beat: Beat) -> Simulator:
    if task.backend != "gymnasium" and task.observation == "scaled":
        raise InputError(f"observations of {task.env} have no bounds to scale by; use frozen")
    if task.backend != "gymnasium" and task.observation == "pixels":
        raise InputError(
            f"--backend {task.backend} shows no images: leave out --observation pixels"
        )
    if task.backend == "mujoco":
        from rlid.simulators.mujoco_envs import MujocoSimulator

        return MujocoSimulator(task.env, task.options, task.episode_cap)
    if task.backend == "envpool":
        from rlid.simulators.envpool_envs import EnvpoolSimulator

        return EnvpoolSimulator(task.env, task.options, task.episode_cap)
    rule = "raw" if task.observation == "frozen" else task.observation
    return GymnasiumSimulator(task.env, task.options, task.episode_cap, rule, beat)


def make_network(task: Task, name: str, world: World) -> Network:
    """Return the network `name` with the task's inputs and outputs.

    Raises:
        InputError: there is no such network, it does not fit the observations, the task's
            actions are not supported, or its objective is not as an objective must be.
    """
    shape = world.observation_shape
    if task.kind != "rl":
        objective = cast(Objective, world)
        sizes = objective.inputs, objective.outputs
        sizes_shown = f"inputs {sizes[0]!r} and outputs {sizes[1]!r}"
        if not all(isinstance(size, Integral) for size in sizes):
            raise InputError(
                f"the objective of task {task.name!r} has {sizes_shown}: both must be whole numbers"
            )
        byte_scale = 1 / 255 if task.observation == "pixels" else 1.0
        network = make(name, *sizes, task.activation, shape, byte_scale)
        with guarded(f"the check of task {task.name!r}", InputError):
            objective.check(network)
        # Bare weights have neither.
        if min(sizes) < 1 and not network.architecture.weights:
            raise InputError(
                f"the objective of task {task.name!r} has {sizes_shown}: both must be at least 1 "
                f"for the network {network.architecture.name}"
            )
        return network
    simulator = cast(Simulator, world)
    byte_scale = 1 / 255 if simulator.observation_type is np.uint8 else 1.0
    outputs, _ = decoder(simulator.action_space, task.action)
    inputs = simulator.observation_size
    return make(name, inputs, outputs, task.activation, shape, byte_scale)
