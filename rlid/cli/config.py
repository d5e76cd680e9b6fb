"""`--config FILE.yaml`: settings of an agent from a file, joined with the options beside it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rlid.cli.terminal import say

JOINED = ("network", "budget", "observation")
"""Options that a file may give where the command line does not."""


def joined(path: Path | None, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return options of `rlid.measure` with what a settings file adds to them.

    What the file says that rlid does otherwise is printed to standard error.

    Args:
        path: the file, or None for the options as they are.
        options: by their names; those that were not given are None.

    Raises:
        InputError: the file cannot be used for this agent and task.
    """
    if path is None:
        return dict(options)
    from rlid.agent import read_settings
    from rlid.registry import import_packages
    from rlid.task import resolve

    import_packages(options["imports"] or [])
    task = resolve(options["task"])
    file = read_settings(path, options["agent"] or task.agent, task)
    for note in file.notes:
        say(f"--config {path}: {note}", error=True)
    given = {
        name: getattr(file, name) if options[name] is None else options[name] for name in JOINED
    }
    settings = [*file.settings, *(options["settings"] or [])]
    return {**options, **given, "settings": settings}
