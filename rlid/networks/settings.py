"""The settings of a registered network: typed by its signature, written into its name.

The name of a network holds every setting, so that a record of `mine:width=64` says what was
measured even after a default has changed.
"""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from rlid.errors import InputError
from rlid.networks.families import NETWORKS
from rlid.registry import typed_value, unknown

KINDS = (bool, int, float, str)
NAME = re.compile(r"[a-z][a-z0-9_]*")
TEXT = re.compile(r"[a-z0-9_.-]+")
"""Letters of a setting of text; the others have a meaning in a list of names or of settings."""


@dataclass(frozen=True)
class Builder:
    """A registered network with its settings: makes the module for given inputs and outputs.

    Attributes:
        name: the canonical name, with every setting in the order of the signature.
        function: what is registered, called as function(shape, outputs, **settings).
        settings: the value of each setting.
    """

    name: str
    function: Callable[..., Any] = field(repr=False)
    settings: dict[str, Any]


def builder(text: str) -> Builder:
    """Return the registered network that a name such as `mine:width=64+depth=2` stands for.

    Raises:
        InputError: no such network or setting, or a value of the wrong type.
    """
    name, colon, rest = text.partition(":")
    function = NETWORKS[name]
    kinds, settings = _signature(name, function)
    for assignment in rest.split("+") if colon else []:
        setting, equals, value = assignment.partition("=")
        if not (setting and equals and value):
            raise InputError(
                f"network {text!r}: settings are NAME=VALUE with a plus sign between, such as "
                f"{name}:width=64+depth=2, not {assignment!r}"
            )
        if setting not in kinds:
            if not kinds:
                raise InputError(f"network {text!r}: {name} has no settings")
            raise InputError(unknown(f"setting of {name}", setting, kinds))
        settings[setting] = typed_value(f"network {text!r}: {assignment}", value, kinds[setting])
    missing = [setting for setting in kinds if setting not in settings]
    if missing:
        raise InputError(f"network {text!r} needs a setting: {name}:{missing[0]}=VALUE")
    texts = [f"{key}={_text(text, key, settings[key])}" for key in kinds]
    canonical = f"{name}:{'+'.join(texts)}" if texts else name
    return Builder(canonical, function, {key: settings[key] for key in kinds})


def _signature(name: str, function: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the types of a function's settings, and the defaults of those that have one.

    Raises:
        InputError: the function does not take a shape and a number first, or a setting has a type
            that cannot be typed on a command line.
    """
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    if len(parameters) < 2 or any(each.kind not in positional for each in parameters[:2]):
        raise InputError(
            f"network {name!r}: register a function of the observation's shape and the number of "
            "outputs that returns a torch module"
        )
    kinds, defaults = dict[str, Any](), dict[str, Any]()
    for parameter in parameters[2:]:
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        kind = _kind(function, parameter)
        if not NAME.fullmatch(parameter.name):
            raise InputError(
                f"network {name!r}: setting {parameter.name!r} must have only a-z, 0-9 and _"
            )
        if not _is_typable(kind, parameter.default):
            raise InputError(
                f"network {name!r}: setting {parameter.name!r} must be an int, float, bool, str "
                "or Literal of texts, by its annotation and its default"
            )
        kinds[parameter.name] = kind
        if parameter.default is not parameter.empty:
            value = parameter.default
            defaults[parameter.name] = float(value) if kind is float else value
    return kinds, defaults


def _is_typable(kind: Any, default: Any) -> bool:
    """Return whether a value of this kind can be typed, and the default (if any) is one."""
    if typing.get_origin(kind) is typing.Literal:
        choices = typing.get_args(kind)
        is_text = all(isinstance(choice, str) for choice in choices)
        return is_text and default in (*choices, inspect.Parameter.empty)
    if kind not in KINDS:
        return False
    allowed = (int, float) if kind is float else kind
    return default is inspect.Parameter.empty or isinstance(default, allowed)


def _kind(function: Any, parameter: inspect.Parameter) -> Any:
    """Return the type of a setting: its annotation, or else the type of its default."""
    annotation = parameter.annotation
    if isinstance(annotation, str):
        scope = getattr(function, "__globals__", None) or getattr(
            function.__init__, "__globals__", {}
        )
        carrier = type("Setting", (), {"__annotations__": {"value": annotation}})
        try:
            annotation = typing.get_type_hints(carrier, globalns=scope)["value"]
        except NameError:
            annotation = parameter.empty
    if annotation is parameter.empty and parameter.default is not parameter.empty:
        return type(parameter.default)
    return annotation


def _text(name: str, setting: str, value: Any) -> str:
    """Return a setting's value as it stands in a name.

    Raises:
        InputError: a text with letters that a name cannot hold.
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        # 1e+16 is also 1e16, and a plus sign begins the next setting.
        return repr(value).replace("e+", "e")
    if isinstance(value, str) and not TEXT.fullmatch(value):
        raise InputError(
            f"network {name!r}: {setting}={value!r} may have only a-z, 0-9, '.', '_' and '-'"
        )
    return str(value)
