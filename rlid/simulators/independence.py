"""Whether an environment's episodes depend on their seeds and actions alone: a probe of seconds.

An environment that shares a simulator between its instances, draws from a global generator or
ignores its seed is measured all the same, and the measurement says which of these it does.
"""

from __future__ import annotations

import random
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from rlid.errors import EnvironmentFault, EnvironmentWarning, InputError
from rlid.random_stream import role_seed
from rlid.simulators.actions import sample
from rlid.simulators.make import make_world
from rlid.task import Task
from rlid.world import Beat, Simulator, no_beat

SEED = 2**33 + 1
"""Seed of the probe's actions; trials, references and frozen statistics have other seeds."""
EPISODE, NEIGHBOUR = 7, 8
"""Seeds of the episode that is repeated, and of the episode that runs beside it."""
STEPS = 100
"""Steps that are compared, at most."""
PATIENCE = 2.0
"""Seconds after which the first episode of a slow environment is cut."""

Course = list[tuple[bytes, float, bool, bool]]
"""Observation, reward and ends of every step."""


def check_independence(task: Task, simulator: Simulator) -> None:
    """Warn of an environment whose episodes depend on more than their seeds and actions.

    Args:
        task: of kind "rl".
        simulator: its world, with no episodes under way.

    Raises:
        InputError: see `tell_of_dependence`.
    """
    tell_of_dependence(task, dependence(task, simulator))


def dependence(task: Task, simulator: Simulator, beat: Beat = no_beat) -> str:
    """Return in words what episodes depend on besides their seeds and actions, or "".

    The same seed and actions are run twice alone, and once beside another instance. Tasks with
    simulators of their own are not probed: rlid's tests do that. An environment that fails here
    fails in the trials as well, which say so in their records.

    Args:
        task: of kind "rl".
        simulator: its world, with no episodes under way.
        beat: called after each environment that is made for it.
    """
    if task.world is not None:
        return ""
    try:
        if task.observation != "frozen":
            return _problem(task.env, simulator)
        # Its statistics would take many episodes before the probe.
        raw = cast(Simulator, make_world(replace(task, observation="raw"), beat))
        try:
            return _problem(task.env, raw)
        finally:
            raw.close()
    except (EnvironmentFault, InputError):
        return ""


def tell_of_dependence(task: Task, problem: str) -> None:
    """Warn of what `dependence` has found, if anything.

    Raises:
        InputError: the task's observations are scaled by statistics of random actions, which would
            differ from one use of a policy to the next.
    """
    if problem and task.observation == "frozen":
        raise InputError(
            f"{problem}, so that frozen statistics would differ at every use: "
            "leave out --observation frozen, or correct the environment"
        )
    if problem:
        warnings.warn(
            f"{problem}; scores of one policy will differ", EnvironmentWarning, stacklevel=2
        )


def _problem(env: str, simulator: Simulator) -> str:
    """Return in words what an episode depends on that it should not, or ""."""
    rng = np.random.default_rng(role_seed(SEED, "observation"))
    actions = sample(simulator.action_space, rng, STEPS)
    first = _course(simulator, (EPISODE,), actions, PATIENCE)
    actions = actions[: len(first) - 1]
    if _course(simulator, (EPISODE,), actions) != first:
        return f"two episodes of {env} with one seed and the same actions differ: " + _cause(
            simulator, actions
        )
    if simulator.max_slots < 2:
        return ""
    if _course(simulator, (EPISODE, NEIGHBOUR), actions) != first:
        return (
            f"an episode of {env} changes when another instance runs beside it: the instances "
            "share something, such as a simulator or a global generator"
        )
    return ""


def _cause(simulator: Simulator, actions: NDArray[Any]) -> str:
    """Return in words why episodes with one seed and the same actions differ."""

    def repeats() -> bool:
        return _course(simulator, (EPISODE,), actions) == _course(simulator, (EPISODE,), actions)

    if repeats():
        return "it keeps something from one episode to the next"
    courses = []
    for _ in range(2):
        with _fixed_generators():
            courses.append(_course(simulator, (EPISODE,), actions))
    if courses[0] == courses[1]:
        return "it draws from a global generator (numpy.random or random), not from its seed"
    return "it ignores its seed"


def _course(
    simulator: Simulator, seeds: Sequence[int], actions: NDArray[Any], patience: float = np.inf
) -> Course:
    """Return the course of the first of some episodes side by side, as far as the actions go.

    Args:
        simulator: it starts anew.
        seeds: of the episodes.
        actions: of every step (steps, *action shape), the same in all episodes.
        patience: seconds after which no further step is made.
    """
    began = time.monotonic()
    observations = simulator.start(seeds)
    course: Course = [(observations[0].tobytes(), 0.0, False, False)]
    active = np.ones(len(seeds), bool)
    for action in actions:
        batch = np.repeat(np.asarray(action)[None], len(seeds), axis=0)
        observations, rewards, terminated, truncated = simulator.step(batch, active)
        ends = bool(terminated[0]), bool(truncated[0])
        course.append((observations[0].tobytes(), float(rewards[0]), *ends))
        active &= ~(terminated | truncated)
        if not active[0] or time.monotonic() - began > patience:
            break
    return course


@contextmanager
def _fixed_generators() -> Iterator[None]:
    """Set the global generators to one state, and back."""
    states = random.getstate(), np.random.get_state()  # noqa: NPY002
    random.seed(SEED)
    np.random.seed(SEED % 2**32)  # noqa: NPY002
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])  # noqa: NPY002
