"""A task: what is to be solved, with its whole protocol, as plain data."""

from __future__ import annotations

import dataclasses
import importlib
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from rlid.registry import Registry
from rlid.registry import unknown as unknown

Scalar = str | int | float | bool | None
Part = Literal["search", "validation", "scoring"]

OBSERVATIONS = ("raw", "scaled", "frozen")
"""What may be asked for in place of a task's own rule."""
BACKENDS = ("gymnasium", "mujoco", "envpool")

TASKS = Registry("task", package="rlid.envs", group="rlid.tasks")


@dataclass(frozen=True, kw_only=True)
class Task:
    """What is to be solved, and how its score is taken.

    Steps are environment steps (after any frame skip), scores are mean returns.

    Attributes:
        version: rises when anything that changes a score changes.
        kind: "rl", "supervised" or "synthetic".
        env: the environment's id in its library, such as "CartPole-v1".
        options: keyword arguments of the environment, part of the protocol.
        episode_cap: steps after which an episode is cut, whether or not the environment does so.
        observation: "raw", "scaled" to [-1, 1] by the bounds of the observation space, "frozen":
            centred and scaled by statistics of random actions, or "pixels": bytes, which the
            network divides by 255.
        action: how a network's outputs become a continuous action: "clip" to the bounds, or
            "squash" by tanh onto them. Discrete actions are always the argmax.
        activation: between the network's layers, "tanh" or "relu".
        network: the default network.
        agent: the default agent.
        budget: steps that one trial may search; validation and scoring are not counted in it.
            A step of a task without an environment is one loss (a minibatch) or one evaluation.
        search_episodes: episodes a gradient-free agent gets for each z it asks about.
        validation_episodes: fresh episodes that decide whether a candidate is final.
        scoring_episodes: fresh episodes of the one final scoring.
        ceiling: the highest score there can be, where there is one.
        floor: what direct training must reach to count as having worked, where that is known.
        floor_source: where `floor` comes from.
        baseline: the score that `--baseline global` takes for full performance, whatever the
            network, where the literature has one.
        recipes: settings of some agents by name, where their defaults do not suit the task.
        patience: seconds without a sign of life after which a trial counts as hung.
        backend: which simulator steps the environment: "gymnasium" for its environments one by
            one, "mujoco" for its planar MuJoCo tasks stepped directly, "envpool" for EnvPool's
            copies of these, or the name of `world`.
        world: makes the simulator or objective; None for what `backend` names.
        name: how the registry knows the task; set by `resolve`.
    """

    version: int
    kind: Literal["rl", "supervised", "synthetic"] = "rl"
    env: str
    options: Mapping[str, Scalar] = field(default_factory=dict)
    episode_cap: int
    observation: Literal["raw", "scaled", "frozen", "pixels"] = "raw"
    action: Literal["clip", "squash"] = "squash"
    activation: Literal["tanh", "relu"] = "tanh"
    network: str = "mlp:20x20"
    agent: str = "cmaes"
    budget: int
    search_episodes: int = 4
    validation_episodes: int = 30
    scoring_episodes: int = 100
    ceiling: float | None = None
    floor: float | None = None
    floor_source: str = ""
    baseline: float | None = None
    recipes: Mapping[str, Mapping[str, Scalar]] = field(default_factory=dict)
    patience: float = 60.0
    backend: str = "gymnasium"
    world: Callable[[], Simulator | Objective] | None = field(
        default=None, repr=False, compare=False
    )
    name: str = ""

    def protocol(self) -> dict[str, Scalar]:
        """Return every field that a score depends on, flat and ready for JSON.

        The back end, the budget, the agent and the network stand in a trial's spec by themselves;
        what only judges a score (ceiling, floor, baseline) or a trial's health (patience) is no
        part of the protocol.
        """
        return {
            "env": self.env,
            **{f"env.{name}": value for name, value in sorted(self.options.items())},
            "episode_cap": self.episode_cap,
            "observation": self.observation,
            "action": self.action,
            "activation": self.activation,
            "search_episodes": self.search_episodes,
            "validation_episodes": self.validation_episodes,
            "scoring_episodes": self.scoring_episodes,
        }


class EnvironmentFault(Exception):
    """The environment raised, or gave what no environment may give; `status` names which."""

    def __init__(self, reason: str, status: Literal["error", "nonfinite"] = "error") -> None:
        """`reason` is one line for the record."""
        super().__init__(reason)
        self.reason = reason
        self.status = status


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
            ValueError: in one line, what would be right.
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


def resolve(text: str) -> Task:
    """Return the task named by `text`: a registered name, with a parameter after a colon.

    Raises:
        ValueError: no such task, or one that takes no such parameter.
    """
    name, colon, parameter = text.partition(":")
    factory = TASKS[name]
    takes_parameter = factory.__code__.co_argcount > 0
    if colon and not takes_parameter:
        raise ValueError(f"task {name!r} takes no parameter, but {text!r} gives {parameter!r}")
    if takes_parameter and not parameter and not factory.__defaults__:
        what = factory.__code__.co_varnames[0]
        raise ValueError(f"task {name!r} needs a parameter: {name}:{what.upper()}")
    task: Task = factory(parameter) if parameter else factory()
    return dataclasses.replace(task, name=text)


def adapt(task: Task, *, observation: str | None = None, backend: str | None = None) -> Task:
    """Return the task with another observation rule or back end, where these are given.

    Raises:
        ValueError: an unknown name, or a task that cannot be had so.
    """
    observation, backend = observation or task.observation, backend or task.backend
    if (observation, backend) == (task.observation, task.backend):
        return task
    for option, value, known in (
        ("--observation", observation, OBSERVATIONS),
        ("--backend", backend, (*BACKENDS, task.backend)),
    ):
        if value not in known:
            raise ValueError(f"{option} {value}: use one of {', '.join(dict.fromkeys(known))}")
    if task.kind != "rl" or task.observation == "pixels":
        raise ValueError(f"task {task.name!r} takes neither --observation nor --backend")
    if task.world is not None and (backend != task.backend or observation == "scaled"):
        raise ValueError(
            f"task {task.name!r} has a simulator of its own: leave out --backend, and use "
            "--observation raw or frozen"
        )
    return dataclasses.replace(task, observation=observation, backend=backend)  # type: ignore[arg-type]


def import_packages(packages: Sequence[str]) -> None:
    """Import the packages that register a user's own environments, tasks or agents.

    The current folder is searched too, as it is for `python -m`.

    Raises:
        ValueError: one of them cannot be imported.
    """
    if packages and "" not in sys.path:
        sys.path.insert(0, "")
    for package in packages:
        try:
            importlib.import_module(package)
        except (Exception, SystemExit) as error:
            raise ValueError(
                f"--import {package}: {type(error).__name__}: {error}".splitlines()[0]
            ) from error
