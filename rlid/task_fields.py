"""Checks a task's fields: a wrong one would be run as something else than the record states."""

from __future__ import annotations

import math
import types
from numbers import Integral, Real
from typing import Any, cast, get_args, get_type_hints

from rlid.errors import InputError

CHOICES = ("kind", "observation", "action", "activation")
"""Fields whose annotations name the values that they may have."""
COUNTS = (
    "version",
    "episode_cap",
    "budget",
    "search_episodes",
    "validation_episodes",
    "scoring_episodes",
)
OPTIONAL_COUNTS = ("confirmation_episodes", "dmax", "max_envs")
SCORES = ("ceiling", "floor", "baseline")
TEXTS = ("env", "network", "agent", "backend")


def check_fields(task: Any, backends: tuple[str, ...]) -> None:
    """Refuse a task of which a field has a value that rlid could not run as it stands.

    Args:
        task: the task.
        backends: what a task without a `world` of its own may name as its back end.

    Raises:
        InputError: in one line, the field, its value and what would be right.
    """
    for field in TEXTS:
        value = getattr(task, field)
        if not (isinstance(value, str) and value):
            _refuse(task, field, "must be a name")
    hints = get_type_hints(type(task))
    for field in CHOICES:
        _check_choice(task, field, get_args(hints[field]))
    if task.world is None:
        _check_choice(task, "backend", backends)
    for field in (*COUNTS, *OPTIONAL_COUNTS):
        value = getattr(task, field)
        if value is None and field in OPTIONAL_COUNTS:
            continue
        if not _is_count(value, field):
            _refuse(task, field, "must be a whole number from 1 on")
    for field in SCORES:
        value = getattr(task, field)
        if value is not None and not (isinstance(value, Real) and math.isfinite(value)):
            _refuse(task, field, "must be a finite number")
    if not (isinstance(task.patience, Real) and float(task.patience) > 0):
        _refuse(task, "patience", "must be seconds above 0")


def factory_code(name: str, factory: Any) -> types.CodeType:
    """Return the code of a registered task's function, whose arguments say what the task takes.

    Raises:
        InputError: what is registered is no plain function.
    """
    code = getattr(factory, "__code__", None)
    if not callable(factory) or code is None:
        raise InputError(
            f"task {name!r} is registered as a {type(factory).__name__}: register a function, "
            "written with def, that returns a Task"
        )
    return cast(types.CodeType, code)


def _is_count(value: Any, field: str) -> bool:
    if isinstance(value, bool):
        return False
    if field == "budget" and isinstance(value, float):
        # Records hold a budget such as 1e5 as a whole number; other counts are used as they stand.
        return value.is_integer() and value >= 1
    return isinstance(value, Integral) and int(value) >= 1


def _check_choice(task: Any, field: str, choices: tuple[str, ...]) -> None:
    if getattr(task, field) not in choices:
        _refuse(task, field, f"use one of {', '.join(choices)}")


def _refuse(task: Any, field: str, remedy: str) -> None:
    value = getattr(task, field)
    text = value if isinstance(value, str) and value else repr(value)
    raise InputError(f"task {task.name or task.env!r}: {field} {text:.60}: {remedy}")
