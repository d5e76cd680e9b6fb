"""The world of a task, and a network with the inputs and outputs that this world asks for."""

from __future__ import annotations

from typing import cast

from rlid.errors import InputError
from rlid.networks import Network, make
from rlid.simulators.actions import decoder
from rlid.simulators.frozen_statistics import FrozenStatistics
from rlid.simulators.gymnasium_envs import GymnasiumSimulator
from rlid.task import Task
from rlid.world import Beat, Objective, Simulator, World, no_beat


def make_world(task: Task, beat: Beat = no_beat) -> World:
    """Return the task's own simulator or objective, or what its back end names.

    `beat` is called now and then by a world that takes long to make (`Task.world_takes_beat`).

    Raises:
        InputError: the environment cannot be made, or its package is missing.
    """
    try:
        if task.world is None:
            world: World = _make_simulator(task)
        else:
            world = task.world(beat=beat) if task.world_takes_beat else task.world()
    except ImportError as error:
        raise InputError(
            f"task {task.name!r} needs a package that is not here ({error}): see rlid doctor"
        ) from error
    if task.observation == "frozen":
        return FrozenStatistics(cast(Simulator, world), task.episode_cap)
    return world


def _make_simulator(task: Task) -> Simulator:
    if task.backend != "gymnasium" and task.observation == "scaled":
        raise InputError(f"observations of {task.env} have no bounds to scale by; use frozen")
    if task.backend == "mujoco":
        from rlid.simulators.mujoco_envs import MujocoSimulator

        return MujocoSimulator(task.env, dict(task.options), task.episode_cap)
    if task.backend == "envpool":
        from rlid.simulators.envpool_envs import EnvpoolSimulator

        return EnvpoolSimulator(task.env, dict(task.options), task.episode_cap)
    return GymnasiumSimulator(
        task.env, dict(task.options), task.episode_cap, task.observation == "scaled"
    )


def make_network(task: Task, name: str, world: World) -> Network:
    """Return the network `name` with the task's inputs and outputs.

    Raises:
        InputError: there is no such network, it does not fit the observations, or the task's
            actions are not supported.
    """
    # A world that shows images says so; most have no such attribute.
    shape = getattr(world, "observation_shape", None)
    byte_scale = 1 / 255 if task.observation == "pixels" else 1.0
    if task.kind != "rl":
        objective = cast(Objective, world)
        sizes = objective.inputs, objective.outputs
        network = make(name, *sizes, task.activation, shape, byte_scale)
        objective.check(network)
        return network
    simulator = cast(Simulator, world)
    outputs, _ = decoder(simulator.action_space, task.action)
    inputs = simulator.observation_size
    return make(name, inputs, outputs, task.activation, shape, byte_scale)
