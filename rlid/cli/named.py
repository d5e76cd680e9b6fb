"""The measurements that a command names: of a store, or of the results that ship with rlid."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from rlid.cli.options import shown
from rlid.cli.terminal import say
from rlid.errors import InputError

if TYPE_CHECKING:
    from rlid.measurement import Summary

PUBLISHED = "published:"
"""Begins the name of a measurement that ships with rlid."""


def measurements_of(task: str, store: Path) -> list[Summary]:
    """Return the measurements of a store (or of one task).

    Raises:
        InputError: there is no store, or no measurement in it.
    """
    from rlid.measurement import measurements
    from rlid.store import Store

    if not store.is_dir():
        raise InputError(f"no store at {shown(store)!r}: give --store, or `rlid run` first")
    summaries = measurements(Store(store, partial(say, error=True)), task or None)
    if not summaries:
        of_task = f" of {task}" if task else ""
        raise InputError(f"no measurement{of_task} in the store {shown(store)!r}: `rlid run` first")
    return summaries


def looked_up(name: str, store: Path) -> tuple[list[Summary], bool]:
    """Return the measurements of a task, or the one of a name, and whether it is one.

    The name of a task may have slashes of its own, as those of environments in a namespace and of
    files in a folder have; it may be typed as it is, or as a table shows it.

    Raises:
        InputError: there is no store, or no such measurement.
    """
    from rlid.measurement import as_name

    if is_published(name):
        return named(store, name), True
    if "/" not in name and "_" not in name:
        return measurements_of(name, store), False
    of_task = [
        summary
        for summary in measurements_of("", store)
        if name in (summary.spec.task, *as_name((summary.spec.task,)))
    ]
    if of_task or "/" not in name:
        return of_task or measurements_of(name, store), False
    return named(store, name), True


def named(store: Path, *names: str) -> list[Summary]:
    """Return the measurements of names: task/agent/network/projection/digest, or the first parts.

    Args:
        store: the folder of records, which is read once, and only where a name asks for it.
        names: those that begin with PUBLISHED are of the results that ship with rlid.

    Raises:
        InputError: there is no such measurement, or several are named so.
    """
    from rlid.leaderboard import peers
    from rlid.measurement import select

    shipped = peers.published_folder()
    own = [] if all(map(is_published, names)) else measurements_of("", store)
    return [
        peers.published_named(shipped, name.removeprefix(PUBLISHED))
        if is_published(name)
        else select(own, name)
        for name in names
    ]


def is_published(name: str) -> bool:
    """Whether a name is of the results that ship with rlid."""
    return name.startswith(PUBLISHED)


def yardsticks(store: Path) -> list[Summary]:
    """Return the measurements of MNIST that others are held against: the store's and the shipped.

    Raises:
        StoreError: the store cannot be read.
    """
    from rlid.leaderboard import peers, yardstick
    from rlid.measurement import measurements
    from rlid.store import Store

    own = measurements(Store(store), yardstick.TASK) if store.is_dir() else []
    return own or peers.published_of_task(peers.published_folder(), yardstick.TASK)
