"""An agent's settings: its fields as plain data, from "name=value" texts, and checked."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Sequence
from typing import Any

from rlid.agent.protocol import AGENTS, Agent
from rlid.errors import InputError
from rlid.registry import typed_value, unknown

PLAIN = (bool, int, float, str, type(None))
"""Types of the values that a record of a trial holds."""
LATER = {"later": True}
"""Metadata of a field that an agent got later: `x: float = field(default=0.0, metadata=LATER)`.

It is left out of the settings at its default, so that the keys of earlier trials stay valid.
"""


def settings(agent: Agent) -> dict[str, Any]:
    """Return an agent's hyper-parameters as plain data."""
    plain = typing.cast(Any, agent)
    return {
        each.name: getattr(plain, each.name)
        for each in dataclasses.fields(plain)
        if not (each.metadata.get("later") and getattr(plain, each.name) == each.default)
    }


def check_positive(agent: str, **values: float) -> None:
    """Refuse settings that must be positive and are not; integers must be at least 1.

    Raises:
        InputError: the message names the setting and its value.
    """
    for name, value in values.items():
        if isinstance(value, int) and value < 1:
            raise InputError(f"{agent}: {name} must be at least 1, not {value}")
        if value <= 0:
            raise InputError(f"{agent}: {name} must be positive, not {value}")


def check_actions(name: str, agent: Agent, task: str, kind: str) -> None:
    """Refuse a task whose actions, of `kind` as in `rlid.simulators`, the agent cannot take.

    Raises:
        InputError: the message names the kinds that the agent takes.
    """
    if agent.actions and kind not in agent.actions:
        raise InputError(
            f"agent {name!r} takes {' and '.join(agent.actions)} actions, "
            f"but those of {task!r} are {kind}"
        )


def check_shares(agent: str, **values: float) -> None:
    """Refuse settings that must be from 0 to 1 and are not.

    Raises:
        InputError: the message names the setting and its value.
    """
    for name, value in values.items():
        if not 0 <= value <= 1:
            raise InputError(f"{agent}: {name} must be from 0 to 1, not {value}")


def configure(name: str, assignments: Sequence[str] = ()) -> Agent:
    """Return the agent `name` with "field=value" assignments applied, typed by its fields.

    Raises:
        InputError: unknown agent or field, or a value that is not of the field's type, or that no
            record holds.
    """
    cls = AGENTS[name]
    hints = typing.get_type_hints(cls)
    fields = {each.name: hints[each.name] for each in dataclasses.fields(cls)}
    values: dict[str, Any] = {}
    for assignment in assignments:
        field, equals, text = assignment.partition("=")
        if not equals:
            raise InputError(f"--set takes NAME=VALUE, not {assignment!r}")
        if field not in fields:
            raise InputError(unknown(f"setting of {name}", field, fields))
        values[field] = typed_value(f"--set {assignment}", text, fields[field])
    agent: Agent = cls(**values)
    for field, value in settings(agent).items():
        if not isinstance(value, PLAIN):
            raise InputError(
                f"agent {name!r}: {field}={value!r} is a {type(value).__name__}, which no record "
                "holds: a setting is a bool, int, float, str or None"
            )
    return agent
