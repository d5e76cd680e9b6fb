"""The settings of an agent in words: names, types, defaults, and what they mean."""

from __future__ import annotations

import dataclasses
import inspect
import re
import types
import typing
from dataclasses import dataclass
from typing import Any

from rlid.agent.settings import hints_of

_ENTRY = re.compile(r"^    (\w+): (.*)$")


@dataclass(frozen=True)
class DescribedSetting:
    """One setting of an agent.

    Attributes:
        name: as in `--set name=value`.
        type: its type, or the values that it takes, in words.
        default: its default, as `--set` would take it.
        meaning: the first sentence that the agent's documentation says of it; "" where it says
            nothing.
    """

    name: str
    type: str
    default: str
    meaning: str


def described_settings(agent: type[Any]) -> list[DescribedSetting]:
    """Return the settings of an agent's class, in their order.

    What a setting means is read from the section "Attributes" of the docstring of the class, or of
    a class that it is derived from.

    Raises:
        InputError: an annotation names what is not there.
    """
    meanings: dict[str, str] = {}
    for cls in reversed(agent.__mro__):
        meanings |= _attributes(cls.__dict__.get("__doc__") or "")
    hints = hints_of(agent)
    return [
        DescribedSetting(
            field.name,
            _type(hints[field.name]),
            _default(field),
            _first_sentence(meanings.get(field.name, "")),
        )
        for field in dataclasses.fields(agent)
    ]


def _attributes(doc: str) -> dict[str, str]:
    """Return the entries of the section "Attributes" of a docstring, each on one line."""
    _, section, text = inspect.cleandoc(doc).partition("\nAttributes:\n")
    entries: dict[str, str] = {}
    name = ""
    for line in text.splitlines() if section else []:
        if line and not line.startswith(" "):
            break
        if entry := _ENTRY.match(line):
            name = entry.group(1)
            entries[name] = entry.group(2)
        elif name and line.strip():
            entries[name] += f" {line.strip()}"
    return entries


def _first_sentence(text: str) -> str:
    return re.split(r"(?<=[a-z)\d])(?<! al)\. (?=[A-Z\d])", text)[0].rstrip(".")


def _type(hint: Any) -> str:
    origin = typing.get_origin(hint)
    if origin is typing.Literal:
        return " or ".join(map(str, typing.get_args(hint)))
    if origin in (types.UnionType, typing.Union):
        return " or ".join(map(_type, typing.get_args(hint)))
    names = {bool: "true or false", int: "whole number", float: "number", str: "text"}
    return "none" if hint is type(None) else names.get(hint, str(hint))


def _default(field: dataclasses.Field[Any]) -> str:
    if field.default is dataclasses.MISSING:
        return ""
    is_word = field.default is None or isinstance(field.default, bool)
    return str(field.default).lower() if is_word else str(field.default)
