"""Arguments in a task's name, as in "gym:MyEnv-v0?size=3&episode-cap=200".

A name with its arguments makes the task again, wherever it is written down. Values are JSON, and a
text that is no JSON stands for itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, unquote

from rlid.errors import InputError


def read_value(text: str) -> Any:
    """Return what an argument's text means: JSON where it is JSON, else the text itself."""
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except ValueError:
        return text


def read_arguments(name: str, arguments: str) -> dict[str, Any]:
    """Return the arguments in a task's name by their own names; `arguments` follows the "?".

    Raises:
        InputError: an argument that is no NAME=VALUE, or that stands there twice.
    """
    values: dict[str, Any] = {}
    for argument in filter(None, arguments.split("&")):
        key, equals, text = argument.partition("=")
        key = unquote(key)
        if not equals or not key or key in values:
            raise InputError(f"task {name!r}: {argument!r} must be NAME=VALUE, each name once")
        values[key] = read_value(unquote(text))
    return values


def write_arguments(arguments: Mapping[str, Any]) -> str:
    """Return arguments as they stand in a task's name, sorted by their own names, all ASCII."""
    written = []
    for key, value in sorted(arguments.items()):
        stands_for_itself = isinstance(value, str) and read_value(value) == value
        text = value if stands_for_itself else _compact(value)
        written.append(f"{quote(key, safe='')}={quote(text, safe=':,/')}")
    return "&".join(written)


def plain(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return keyword arguments as JSON gives them back: tuples as lists.

    Raises:
        InputError: a value that JSON does not have.
    """
    values = {}
    for name, value in options.items():
        try:
            values[name] = json.loads(json.dumps(value, allow_nan=False))
        except (TypeError, ValueError):
            raise InputError(f"--env-arg {name}={value!r}: must be a value of JSON") from None
    return values


def flat(value: Any) -> Any:
    """Return an option as one value of a protocol: lists and mappings as their JSON."""
    return _compact(value) if isinstance(value, list | tuple | Mapping) else value


def _compact(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")
