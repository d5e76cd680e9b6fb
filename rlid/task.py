"""A task: what is to be solved, with its whole protocol, as plain data."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from rlid.errors import InputError, UnknownName, brief, guarded
from rlid.registry import Registry
from rlid.registry import unknown as unknown
from rlid.task_fields import check_fields, factory_code
from rlid.task_name import flat, plain, read_arguments, write_arguments
from rlid.world import Objective, Simulator

Scalar = str | int | float | bool | None

OBSERVATIONS = ("raw", "scaled", "frozen", "pixels")
"""What may be asked for in place of a task's own rule."""
MAX_NAME, MAX_NAME_BYTES = 200, 255
"""The longest name that a record holds, and that a policy file holds."""
LOOKS = 50
"""Candidates of a trial are looked at this many times over its budget or more, promising or not."""
BEST_LOOKS = 5
"""Policies of a trial that are looked at again at the end of its budget."""
VERSIONED = re.compile(r"-v\d+$")
"""Ends an environment's id in gymnasium's registry."""
CAP_ARGUMENT = "episode-cap"
"""The argument of a task's name that sets the episode cap; no keyword argument has a hyphen."""
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
        options: keyword arguments of the environment, values as JSON has them, part of the
            protocol. For any environment of gymnasium a name that begins with "reset." is an
            option of every reset, and "wrap.gray", "wrap.resize" and "wrap.stack" put gymnasium's
            wrappers around it; see `rlid.simulators`.
        episode_cap: steps after which an episode is cut, whether or not the environment does so.
        observation: "raw", "scaled" to [-1, 1] by the bounds of the observation space, "frozen":
            centred and scaled by statistics of random actions, or "pixels": images of bytes, which
            the network divides by 255.
        action: how a network's outputs become a continuous action: "clip" to the bounds, or
            "squash" by tanh onto them. Discrete actions are always the argmax.
        activation: between the network's layers, "tanh" or "relu".
        network: the default network.
        agent: the default agent.
        budget: steps that one trial may search; validation and scoring are not counted in it.
            A step of a task without an environment is one loss (a minibatch) or one evaluation.
        dmax: the largest d that a measurement tries where none is asked for; None for tasks whose
            measurements must name it. No part of the protocol.
        search_episodes: episodes a gradient-free agent gets for each z it asks about.
        validation_episodes: fresh episodes that decide whether a candidate is final.
        scoring_episodes: fresh episodes of a scoring.
        confirmation_episodes: fresh episodes that confirm a candidate before it is scored, or None
            for as many as `scoring_episodes`.
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
        world_takes_beat: whether `world` takes a keyword argument `beat`, a function to be called
            now and then while it reads data or does something else that takes long.
        max_envs: how many instances of the environment may exist at once in one process, 1 where a
            second one would disturb the first; None for as many as are of use. No part of the
            protocol: no result depends on it.
        notes: sentences for whoever measures the task: what its protocol decides that its
            environment left open. No part of the protocol.
        name: the text that `resolve` makes this task from, arguments included; set by `resolve`.
    """

    version: int
    kind: Literal["rl", "supervised", "synthetic"] = "rl"
    env: str
    options: Mapping[str, Any] = field(default_factory=dict)
    episode_cap: int
    observation: Literal["raw", "scaled", "frozen", "pixels"] = "raw"
    action: Literal["clip", "squash"] = "squash"
    activation: Literal["tanh", "relu"] = "tanh"
    network: str = "mlp:20x20"
    agent: str = "cmaes"
    budget: int
    dmax: int | None = field(default=None, compare=False)
    search_episodes: int = 4
    validation_episodes: int = 30
    scoring_episodes: int = 100
    confirmation_episodes: int | None = None
    ceiling: float | None = None
    floor: float | None = None
    floor_source: str = ""
    baseline: float | None = None
    recipes: Mapping[str, Mapping[str, Scalar]] = field(default_factory=dict)
    patience: float = 60.0
    backend: str = "gymnasium"
    world: Callable[..., Simulator | Objective] | None = field(
        default=None, repr=False, compare=False
    )
    world_takes_beat: bool = field(default=False, repr=False)
    max_envs: int | None = field(default=None, compare=False)
    notes: tuple[str, ...] = field(default=(), compare=False)
    name: str = ""

    def __post_init__(self) -> None:
        """Check the fields.

        Raises:
            InputError: one of them has a value that could not be run as it stands.
        """
        check_fields(self, BACKENDS)

    def protocol(self) -> dict[str, Scalar]:
        """Return every field that a score depends on, flat and ready for JSON.

        The back end, the budget, the agent and the network stand in a trial's spec by themselves;
        what only judges a score (ceiling, floor, baseline) or a trial's health (patience) is no
        part of the protocol.
        """
        # A field that came later is named only where it is set, so that earlier keys stay valid.
        later: dict[str, Scalar] = {}
        if self.confirmation_episodes is not None:
            later["confirmation_episodes"] = self.confirmation_episodes
        return {
            "env": self.env,
            **{f"env.{name}": flat(value) for name, value in sorted(self.options.items())},
            "episode_cap": self.episode_cap,
            "observation": self.observation,
            "action": self.action,
            "activation": self.activation,
            "search_episodes": self.search_episodes,
            "validation_episodes": self.validation_episodes,
            "scoring_episodes": self.scoring_episodes,
            **later,
        }


def resolve(text: str) -> Task:
    """Return the task named by `text`: a registered name, with a parameter after a colon.

    Arguments may follow: "gym:MyEnv-v0?size=3&episode-cap=200" is what `adapt` makes of
    "gym:MyEnv-v0" with options {"size": 3} and that cap, and has this name.

    Raises:
        InputError: no such task, one that takes no such parameter or arguments, or one whose
            function raises or returns no task.
    """
    if not isinstance(text, str):
        raise InputError(f"a task is named by a text, such as 'cartpole', not {brief(text)}")
    if len(text) > MAX_NAME or len(text.encode(errors="replace")) > MAX_NAME_BYTES:
        raise InputError(
            f"task {text[:40]!r}...: a name has at most {MAX_NAME} characters, and "
            f"{MAX_NAME_BYTES} bytes of UTF-8, in records and policy files; register the "
            "environment under a shorter id, or with its arguments as defaults"
        )
    address, has_arguments, arguments = text.partition("?")
    name, colon, parameter = address.partition(":")
    factory = _factory(name, address)
    code = factory_code(name, factory)
    takes_parameter = code.co_argcount > 0
    if colon and not takes_parameter:
        raise InputError(f"task {name!r} takes no parameter, but {address!r} gives {parameter!r}")
    if takes_parameter and not parameter and not factory.__defaults__:
        argument = code.co_varnames[0]
        raise InputError(f"task {name!r} needs a parameter: {name}:{argument.upper()}")
    with guarded(f"the function of task {address!r}", InputError):
        task: Task = factory(parameter) if parameter else factory()
    if not isinstance(task, Task):
        raise InputError(
            f"the function of task {address!r} returns a {type(task).__name__}: return a Task"
        )
    task = dataclasses.replace(task, name=address)
    if not has_arguments:
        return task
    options = read_arguments(text, arguments)
    return adapt(task, episode_cap=options.pop(CAP_ARGUMENT, None), options=options)


def _factory(name: str, address: str) -> Any:
    """Return the function that is registered under a name.

    Raises:
        UnknownName: there is none; where the address is like an id of gymnasium, the message says
            how a task names an environment.
    """
    if name in TASKS or not VERSIONED.search(address):
        return TASKS[name]
    import gymnasium

    if address in gymnasium.registry:
        raise UnknownName(f"unknown task {address!r}: did you mean 'gym:{address}'?")
    module, _, env = address.rpartition(":")
    package = f" {module}" if module else ", followed by its package"
    raise UnknownName(
        f"unknown task {address!r}: for an environment of gymnasium write gym:{env}, and add "
        f"--import{package}"
    )


def adapt(
    task: Task,
    *,
    observation: str | None = None,
    backend: str | None = None,
    episode_cap: int | None = None,
    options: Mapping[str, Any] | None = None,
) -> Task:
    """Return the task with other rules, where these are given.

    Another cap and options become part of the task's name, so that the name alone makes the task
    again: in a worker, in a record, and from a policy file.

    Args:
        task: what `resolve` gave.
        observation: one of OBSERVATIONS.
        backend: one of BACKENDS.
        episode_cap: steps after which an episode is cut, at least 1.
        options: keyword arguments of the environment, added to those of the task; values as JSON
            has them.

    Raises:
        InputError: an unknown name, or a task that cannot be had so.
    """
    task = _with_arguments(task, episode_cap, options or {})
    observation, backend = observation or task.observation, backend or task.backend
    if (observation, backend) == (task.observation, task.backend):
        return task
    for option, value, known in (
        ("--observation", observation, OBSERVATIONS),
        ("--backend", backend, (*BACKENDS, task.backend)),
    ):
        if value not in known:
            raise InputError(f"{option} {value}: use one of {', '.join(dict.fromkeys(known))}")
    if task.kind != "rl" or (task.world is not None and task.observation == "pixels"):
        raise InputError(f"task {task.name!r} takes neither --observation nor --backend")
    if task.world is not None and (backend != task.backend or observation in ("scaled", "pixels")):
        raise InputError(
            f"task {task.name!r} has a simulator of its own: leave out --backend, and use "
            "--observation raw or frozen"
        )
    return dataclasses.replace(task, observation=observation, backend=backend)  # type: ignore[arg-type]


def _with_arguments(task: Task, episode_cap: int | None, options: Mapping[str, Any]) -> Task:
    """Return the task with another cap and more options, and with the name that says so.

    Raises:
        InputError: a cap below 1, or a task that takes no such arguments.
    """
    if episode_cap is None and not options:
        return task
    if task.kind != "rl":
        raise InputError(f"task {task.name!r} has no environment: it takes no --env-arg and no cap")
    if options and task.world is not None:
        raise InputError(
            f"task {task.name!r} has a simulator of its own, which takes no --env-arg: "
            f"use gym:{task.env} where that is an environment of gymnasium"
        )
    if episode_cap is not None and not (type(episode_cap) is int and episode_cap >= 1):
        raise InputError(f"--episode-cap {episode_cap}: must be a whole number from 1 on")
    if episode_cap is not None and task.world is not None and episode_cap > task.episode_cap:
        raise InputError(
            f"--episode-cap {episode_cap}: the simulator of task {task.name!r} ends episodes "
            f"after {task.episode_cap} steps; use a cap from 1 to {task.episode_cap}"
        )
    address, _, arguments = task.name.partition("?")
    named = read_arguments(task.name, arguments) | plain(options)
    if episode_cap is not None:
        named[CAP_ARGUMENT] = episode_cap
    return dataclasses.replace(
        task,
        options={**task.options, **plain(options)},
        episode_cap=episode_cap or task.episode_cap,
        notes=() if episode_cap is not None else task.notes,
        name=f"{address}?{write_arguments(named)}",
    )
