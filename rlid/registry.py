"""A name-to-thing mapping that plug-ins fill: tasks, agents and projections are found by name."""

from __future__ import annotations

import difflib
import importlib
import os
import pkgutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Any

from rlid.errors import InputError, UnknownName, guarded


@dataclass(frozen=True)
class Entry:
    """One registered name: what it is in one line, its tags, and how to get the thing itself.

    `example` is a parameter to try it with, for what takes one.
    """

    name: str
    summary: str
    tags: tuple[str, ...]
    load: Callable[[], Any]
    example: str = ""


class Registry(Mapping[str, Any]):
    """A mapping from names to what was registered under them.

    Iterating or looking up first imports every module of `package`, so that a new file there is
    enough to add a thing, and then asks the entry-point `group` for what other distributions bring.
    """

    def __init__(self, noun: str, *, package: str | None = None, group: str | None = None) -> None:
        """`noun` is the word used in messages, such as "task"."""
        self.noun = noun
        self._package = package
        self._group = group
        self._entries: dict[str, Entry] = {}
        self._promised: set[str] = set()
        self._is_loaded = package is None and group is None

    def add(self, *tags: str, name: str | None = None, example: str = "") -> Callable[[Any], Any]:
        """Return a decorator that registers a function or class.

        The key is `name`, or else the object's own name; the summary is the first line of its
        docstring; `example` is a parameter to try it with, for what takes one.

        Raises:
            ValueError: the name is taken.
        """

        def register(thing: Any) -> Any:
            key = name or thing.__name__
            lines = (thing.__doc__ or "").strip().splitlines()
            self._insert(Entry(key, lines[0] if lines else "", tags, lambda: thing, example))
            return thing

        return register

    def add_lazy(self, name: str, target: str, *tags: str, summary: str = "") -> None:
        """Register `target`, a string "module:attribute" that is imported when it is looked up."""
        self._insert(Entry(name, summary, tags, lambda: _import_target(target)))

    def _insert(self, entry: Entry) -> None:
        # What an entry point names registers itself when its module is imported at last.
        is_kept_promise = entry.name in self._promised
        self._promised.discard(entry.name)
        if entry.name in self._entries and not is_kept_promise:
            raise ValueError(f"{self.noun} {entry.name!r} is already registered")
        self._entries[entry.name] = entry

    def entries(self) -> list[Entry]:
        """Return every entry, sorted by name, without loading what is registered lazily."""
        self._load_plugins()
        return [self._entries[name] for name in sorted(self._entries)]

    def entry(self, name: str) -> Entry:
        """Return the entry for `name`, or raise UnknownName."""
        self._load_plugins()
        if name not in self._entries:
            raise UnknownName(unknown(self.noun, name, self._entries))
        return self._entries[name]

    def __getitem__(self, name: str) -> Any:
        """Return what is registered under `name`.

        Raises:
            UnknownName: (a ValueError) nothing is.
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
                # A distribution may list what its module has registered on import already.
                if point.name not in self._entries:
                    summary = f"from {point.dist.name}" if point.dist else ""
                    self._insert(Entry(point.name, summary, ("plug-in",), point.load))
                    self._promised.add(point.name)


def unknown(noun: str, name: str, known: Mapping[str, Any] | list[str]) -> str:
    """Return the one-line message for an unknown name, with the nearest match first."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return f"unknown {noun} {name!r}: {hint}known: {', '.join(names)}"


def _import_target(target: str) -> Any:
    module, _, attribute = target.partition(":")
    return getattr(importlib.import_module(module), attribute)


def import_packages(packages: Sequence[str]) -> None:
    """Import the packages that register a user's own environments, tasks or agents.

    The current folder is searched too, as it is for `python -m`.

    Raises:
        InputError: one of them cannot be imported.
    """
    # By its full path: a package may change the working folder while it is imported.
    if packages and not {"", os.getcwd()} & set(sys.path):
        sys.path.insert(0, os.getcwd())
    for package in packages:
        with guarded(f"--import {package}", InputError):
            importlib.import_module(package)
