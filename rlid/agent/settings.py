"""An agent's settings: its fields as plain data, from "name=value" texts, and checked."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Sequence
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from rlid.agent.protocol import AGENTS, Agent
from rlid.errors import InputError, first_line, guarded, named_line
from rlid.records import Value
from rlid.registry import typed_value, unknown

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
        InputError: unknown agent or field, a value that is not of the field's type, or a class that
            cannot be made of plain settings.
    """
    cls = AGENTS[name]
    hints = hints_of(cls)
    fields = {each.name: hints[each.name] for each in dataclasses.fields(cls)}
    values: dict[str, Any] = {}
    for assignment in assignments:
        field, equals, text = assignment.partition("=")
        if not equals:
            raise InputError(f"--set takes NAME=VALUE, not {assignment!r}")
        if field not in fields:
            raise InputError(unknown(f"setting of {name}", field, fields))
        values[field] = typed_value(f"--set {assignment}", text, fields[field])
    for each in dataclasses.fields(cls):
        missing = dataclasses.MISSING
        is_required = each.init and each.default is missing and each.default_factory is missing
        if is_required and each.name not in values:
            raise InputError(
                f"agent {name!r} has no default for {each.name!r}: use --set {each.name}=VALUE, or "
                "give the field a default"
            )
    with guarded(f"agent {name!r}", InputError):
        try:
            agent: Agent = cls(**values)
        except InputError:
            raise
        except ValueError as error:
            # The class refuses its settings, and says why.
            raise InputError(f"agent {name!r}: {first_line(error)}") from error
    _check_plain(name, settings(agent))
    return agent


def hints_of(cls: type[Any]) -> dict[str, Any]:
    """Return the types of the fields of an agent's class.

    Raises:
        InputError: an annotation names what is not there.
    """
    try:
        return typing.get_type_hints(cls)
    except Exception as error:
        raise InputError(
            f"the annotations of agent class {cls.__name__} cannot be read: {named_line(error)}"
        ) from error


def _check_plain(name: str, values: dict[str, Any]) -> None:
    """Refuse settings that no record can hold.

    Raises:
        InputError: the message names the first of them.
    """
    for field, value in values.items():
        try:
            _value().validate_python(value)
        except ValidationError:
            raise InputError(
                f"agent {name!r}: {field} is {value!r:.80}, which no record can hold: a setting is "
                "a text, a truth value, a whole or finite number, or None"
            ) from None


@cache
def _value() -> TypeAdapter[Any]:
    return TypeAdapter(Value)
