"""What must hold for every task, whatever its name."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Sequence
from typing import Any, cast

import numpy as np

from rlid.agent import AGENTS
from rlid.errors import EnvironmentFault, InputError
from rlid.evaluation import random_returns
from rlid.problem import Problem, make_problem
from rlid.registry import import_packages
from rlid.simulators import make_network, make_world
from rlid.task import TASKS, Task, resolve
from rlid.testing.environments import examine_env
from rlid.testing.findings import Finding, raise_failed, wrong
from rlid.world import Objective, Simulator

LARGEST_D = 3
SHORT = 200
"""Steps of an episode here: some tasks have episodes of hours."""
SEEDS = (5, 6, 7, 8)
LONGEST_SUMMARY = 100


def check_task(name: str, *, imports: Sequence[str] = (), network: str | None = None) -> None:
    """Check that a registered task can be measured.

    Args:
        name: the name of the task, with its parameter.
        imports: packages that register it.
        network: a network for it; its own by default.

    Raises:
        CheckFailed: a check failed; the message has a line for each.
    """
    try:
        import_packages(imports)
        task = resolve(name)
    except InputError as error:
        raise_failed(name, [Finding("registration", "refused", str(error))])
        return
    findings = [*_of_the_text(task), *_of_the_scores(task, network or task.network)]
    if task.kind == "rl":
        findings += examine_env(name, network=network)
    raise_failed(name, findings)


def _of_the_text(task: Task) -> Iterator[Finding]:
    summary = TASKS.entry(task.name.partition("?")[0].partition(":")[0]).summary
    if not 0 < len(summary) <= LONGEST_SUMMARY:
        yield wrong("summary", f"{len(summary)} characters", "write one line of 1 to 100")
    if task.agent not in AGENTS:
        yield wrong("agent", f"{task.agent!r} is not registered", "name a registered agent")
    if task.floor is not None and not task.floor_source:
        yield wrong("floor", f"{task.floor:g} without a source", "say where it comes from")
    try:
        is_plain = json.loads(json.dumps(task.protocol(), allow_nan=False)) == task.protocol()
    except (TypeError, ValueError):
        is_plain = False
    if not is_plain:
        yield wrong("protocol", "it is not plain JSON", "use strings, numbers, true and false")
    for agent, recipe in task.recipes.items():
        known = {field.name for field in dataclasses.fields(AGENTS[agent])}
        if unknown := set(recipe) - known:
            yield wrong("recipes", f"{agent} has no {', '.join(sorted(unknown))}", "correct them")


def _of_the_scores(task: Task, network: str) -> Iterator[Finding]:
    short = dataclasses.replace(task, episode_cap=min(task.episode_cap, SHORT))
    try:
        world = make_world(short)
    except InputError as error:
        yield Finding("making it", "refused", str(error))
        return
    try:
        shape = make_network(short, network, world)
        problem = make_problem(short, shape, "onehot", min(LARGEST_D, shape.D), 1, world)
        yield from _of_the_returns(problem)
        if task.kind == "rl":
            yield from _of_the_simulator(short, cast(Simulator, world))
        else:
            yield from _of_the_objective(problem, cast(Objective, world))
    except InputError as error:
        yield Finding("network", "refused", str(error))
    except EnvironmentFault as error:
        yield Finding("episodes", "refused", str(error), "no trial can be run with it")
    finally:
        world.close()


def _of_the_returns(problem: Problem) -> Iterator[Finding]:
    rng = np.random.default_rng(0)
    Z = rng.standard_normal((3, problem.dim))  # noqa: N806
    first, again = problem.evaluate(Z, SEEDS), problem.evaluate(Z, SEEDS)
    if not np.array_equal(first.values, again.values) or first.steps != again.steps:
        yield wrong("seeds", "the same seeds give other returns", "draw from the seed alone")
    rows = [problem.evaluate(row[None], SEEDS) for row in Z]
    if not np.array_equal(first.values, np.vstack([row.values for row in rows])):
        yield wrong("batch", "returns depend on what is scored beside", "share nothing")


def _of_the_simulator(task: Task, simulator: Simulator) -> Iterator[Finding]:
    random = random_returns(task, simulator, SEEDS[:2], np.random.default_rng(0))
    if task.ceiling is not None and (random > task.ceiling).any():
        yield wrong("ceiling", f"random actions score {random.max():g}", "raise it")
    simulator.start(SEEDS[:2])
    restarted = simulator.restart(np.array([1]), [9])
    fresh = cast(Simulator, make_world(task))
    try:
        if not np.array_equal(restarted, fresh.start([9])):
            yield wrong("restart", "it gives another start than a new simulator", "reset all")
    finally:
        fresh.close()


def _of_the_objective(problem: Problem, objective: Objective) -> Iterator[Finding]:
    import torch

    if not np.isfinite(objective.chance(SEEDS)).all():
        yield wrong("chance", "its scores are not finite", "return one number for each seed")
    z = torch.zeros(problem.dim, requires_grad=True)
    loss: Any = problem.loss(z, np.random.default_rng(0))
    loss.backward()
    if z.grad is None or not torch.isfinite(z.grad).all() or not z.grad.abs().sum() > 0:
        yield wrong("loss", "it has no gradient in z", "compute it by torch from theta")
