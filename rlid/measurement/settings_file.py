"""A settings file of an agent, joined with the options of a measurement beside it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rlid.agent import read_settings
from rlid.registry import import_packages
from rlid.task import resolve

JOINED = ("network", "budget", "observation")
"""Options that a file may give where they are not given beside it."""


def with_settings_file(
    path: Path, options: Mapping[str, Any]
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return options of a measurement with what a settings file adds to them.

    Args:
        path: the file, see `read_settings`.
        options: by their names; those that were not given are None.

    Returns:
        The options, and what the file says that rlid does otherwise, one line each.

    Raises:
        InputError: the file cannot be used for this agent and task.
    """
    import_packages(options["imports"] or [])
    task = resolve(options["task"])
    file = read_settings(path, options["agent"] or task.agent, task)
    given = {
        name: getattr(file, name) if options[name] is None else options[name] for name in JOINED
    }
    settings = [*file.settings, *(options["settings"] or [])]
    return {**options, **given, "settings": settings}, file.notes
