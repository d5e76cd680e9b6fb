"""Agents with the settings that a task's protocol asks of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields

from rlid import agent as agents
from rlid.agent import Agent
from rlid.errors import InputError
from rlid.task import Task


def recipe(task: Task, agent: str) -> list[str]:
    """Return the settings that a task's protocol asks of an agent, as assignments."""
    kind = agents.AGENTS[agent]
    for name in (agent, *kind.recipes_of):
        if name in task.recipes:
            own = {field.name for field in fields(kind)}
            wanted = task.recipes[name].items()
            return [f"{field}={value}" for field, value in wanted if name == agent or field in own]
    return []


def agent_of(name: str, task: Task, settings: Sequence[str]) -> Agent:
    """Return an agent with the recipe of a task, then with `settings` ("name=value").

    Raises:
        InputError: the agent is unknown, does not take the task, or has no such setting.
    """
    agent = agents.configure(name, [*recipe(task, name), *settings])
    if task.kind not in agent.kinds:
        raise InputError(
            f"agent {name!r} takes {' and '.join(agent.kinds)} tasks, "
            f"but {task.name!r} is of kind {task.kind!r}"
        )
    return agent
