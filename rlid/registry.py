"""Registries: mappings from names to tasks, agents and projections, which plug-ins fill."""

from __future__ import annotations

import contextlib
import difflib
import importlib
import math
import os
import pkgutil
import sys
import types
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from rlid.errors import InputError, UnknownName, guarded


@dataclass(frozen=True)
class Entry:
    """One registered name.

    Attributes:
        name: the key.
        summary: one line for `rlid list`.
        tags: words to filter by.
        load: returns what is registered; it may import a module for that.
        example: a parameter to try it with, where the name takes one (`sum_constraints:10`).
        home: the module that defines what is registered.
    """

    name: str
    summary: str
    tags: tuple[str, ...]
    load: Callable[[], Any]
    example: str = ""
    home: str = ""


class Registry(Mapping[str, Any]):
    """A mapping from names to what is registered under them.

    The first look-up imports every module of `package`, so that a new file there is all that a new
    task or agent needs, and then reads the entry points of `group`, by which other distributions
    add names.
    """

    def __init__(self, noun: str, *, package: str | None = None, group: str | None = None) -> None:
        """Start an empty registry; `noun` is its word in messages, such as "task"."""
        self.noun = noun
        self._package = package
        self._group = group
        self._entries: dict[str, Entry] = {}
        self._promised: set[str] = set()
        self._is_loaded = package is None and group is None
        _REGISTRIES.append(self)

    def add(self, *tags: str, name: str | None = None, example: str = "") -> Callable[[Any], Any]:
        """Return a decorator that registers a function or class.

        The key is `name`, or else the object's own name; the summary is the first line of its
        docstring; `example` is a parameter to try it with, where it takes one.

        Raises:
            InputError: the name is taken.
        """

        def register(value: Any) -> Any:
            key = name or value.__name__
            lines = (value.__doc__ or "").strip().splitlines()
            summary, home = lines[0] if lines else "", getattr(value, "__module__", "")
            self._insert(Entry(key, summary, tags, lambda: value, example, home))
            return value

        return register

    def add_lazy(self, name: str, target: str, *tags: str, summary: str = "") -> None:
        """Register `target`, a string "module:attribute" that is imported on its first look-up.

        Raises:
            InputError: the name is taken.
        """
        home = target.partition(":")[0]
        self._insert(Entry(name, summary, tags, lambda: import_target(target), home=home))

    def _insert(self, entry: Entry) -> None:
        # A module that an entry point names registers the same name when it is imported.
        is_kept_promise = entry.name in self._promised
        self._promised.discard(entry.name)
        if entry.name in self._entries and not is_kept_promise:
            raise InputError(f"{self.noun} {entry.name!r} is already registered; use another name")
        self._entries[entry.name] = entry

    def entries(self) -> list[Entry]:
        """Return all entries, sorted by name, without loading any."""
        self._load_plugins()
        return [self._entries[name] for name in sorted(self._entries)]

    def entry(self, name: str) -> Entry:
        """Return the entry for `name`.

        Raises:
            UnknownName: no such name; the message gives the nearest match.
        """
        self._load_plugins()
        if name not in self._entries:
            raise UnknownName(unknown(self.noun, name, self._entries))
        return self._entries[name]

    def __getitem__(self, name: str) -> Any:
        """Return what is registered under `name`.

        Raises:
            UnknownName: no such name; the message gives the nearest match.
        """
        return self.entry(name).load()

    def __contains__(self, name: object) -> bool:
        self._load_plugins()
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        self._load_plugins()
        return iter(sorted(self._entries))

    def __len__(self) -> int:
        self._load_plugins()
        return len(self._entries)

    def _load_plugins(self) -> None:
        if self._is_loaded:
            return
        self._is_loaded = True
        if self._package is not None:
            package = importlib.import_module(self._package)
            for module in pkgutil.iter_modules(package.__path__):
                importlib.import_module(f"{self._package}.{module.name}")
        if self._group is not None:
            for point in entry_points(group=self._group):
                # The module may have been imported, and have registered the name, before.
                if point.name not in self._entries:
                    summary = f"from {point.dist.name}" if point.dist else ""
                    load = partial(_load_point, f"{self.noun} {point.name!r} {summary}", point)
                    entry = Entry(point.name, summary, ("plug-in",), load, home=point.module)
                    self._insert(entry)
                    self._promised.add(point.name)


_REGISTRIES: list[Registry] = []


def registers_of(module: str) -> bool:
    """Whether a module defines anything that is registered, of any kind; nothing is loaded."""
    entries = [entry for registry in _REGISTRIES for entry in registry._entries.values()]
    return any(entry.home == module for entry in entries)


def _load_point(what: str, point: EntryPoint) -> Any:
    """Return what an entry point names.

    Raises:
        InputError: it cannot be imported.
    """
    with guarded(f"the import of {what.strip()}", InputError):
        return point.load()


def unknown(noun: str, name: str, known: Mapping[str, Any] | list[str]) -> str:
    """Return the one-line message for an unknown name: the nearest match, then all known names."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return f"unknown {noun} {name!r}: {hint}known: {', '.join(names)}"


def typed_value(where: str, text: str, kind: Any) -> Any:
    """Return the value of a setting from its text, as its annotation asks.

    Args:
        where: the setting in the message, such as "--set lr=0.1".
        text: the value as it was typed.
        kind: the annotation: bool, int, float, str, a Literal of such values, or a union of these
            and None.

    Raises:
        InputError: the text stands for no such value, or values of this kind cannot be typed.
    """
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        return _of_union(where, text, parts)
    if origin is typing.Literal:
        for choice in parts:
            if text == str(choice) or (_is_word(choice) and text.lower() == str(choice).lower()):
                return choice
        raise InputError(f"{where}: use one of {', '.join(map(typed_text, parts))}")
    if kind is bool:
        if text.lower() not in ("true", "false"):
            raise InputError(f"{where}: use true or false")
        return text.lower() == "true"
    if kind not in (int, float, str):
        raise InputError(
            f"{where}: a setting is a bool, int, float, str, a Literal or one of these or None, "
            f"but its annotation is {kind.__name__ if isinstance(kind, type) else kind}"
        )
    try:
        value = kind(text)
    except ValueError:
        raise InputError(f"{where}: not a number of type {kind.__name__}") from None
    if kind is float and not math.isfinite(value):
        raise InputError(f"{where}: must be finite")
    return value


def _of_union(where: str, text: str, kinds: Sequence[Any]) -> Any:
    """Return the value of a setting by the first of several annotations that takes its text.

    Raises:
        InputError: none of them does.
    """
    if type(None) in kinds and text.lower() == "none":
        return None
    others = [kind for kind in kinds if kind is not type(None)]
    # Every text is a str, so that the other kinds come first.
    *first, last = sorted(others, key=lambda kind: kind is str)
    for kind in first:
        with contextlib.suppress(InputError):
            return typed_value(where, text, kind)
    return typed_value(where, text, last)


def _is_word(value: Any) -> bool:
    return value is None or isinstance(value, bool)


def typed_text(value: Any) -> str:
    """Return a value as it is typed: true, false and none in small letters."""
    return str(value).lower() if _is_word(value) else str(value)


def each_once(option: str, assignments: Sequence[str]) -> tuple[str, ...]:
    """Return texts NAME=VALUE as they are, where no name is given twice.

    Raises:
        InputError: one is; the message begins with `option`.
    """
    names = [text.partition("=")[0].strip() for text in assignments]
    for position, name in enumerate(names):
        if name in names[:position]:
            raise InputError(f"{option} {name}: is given twice")
    return tuple(assignments)


def import_target(target: str) -> Any:
    """Return what "module:attribute" names.

    Raises:
        ImportError: the module cannot be imported.
        AttributeError: it has no such attribute.
    """
    module, _, attribute = target.partition(":")
    return getattr(importlib.import_module(module), attribute)


def import_packages(packages: str | Sequence[str]) -> None:
    """Import the packages that register a user's own environments, tasks or agents.

    The current folder is searched too, as it is for `python -m`. A text stands for one package.

    Raises:
        InputError: one of them cannot be imported.
    """
    packages = [packages] if isinstance(packages, str) else packages
    # By its full path: a package may change the working folder while it is imported.
    if packages and not {"", os.getcwd()} & set(sys.path):
        sys.path.insert(0, os.getcwd())
    for package in packages:
        module = package.removesuffix(".py").strip("./").replace("/", ".")
        if package.endswith(".py") or "/" in package:
            raise InputError(f"--import {package}: give the module's name, such as {module}")
        with guarded(f"--import {package}", InputError):
            importlib.import_module(package)
