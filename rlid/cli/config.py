"""`--config FILE.yaml`: settings of an agent from a file, joined with the options beside it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rlid.cli.terminal import say


def joined(path: Path | None, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return options of a measurement with what a settings file adds to them.

    What the file says that rlid does otherwise is printed to standard error.

    Args:
        path: the file, or None for the options as they are.
        options: by their names; those that were not given are None.

    Raises:
        InputError: the file cannot be used for this agent and task.
    """
    if path is None:
        return dict(options)
    from rlid.measurement import with_settings_file

    both, notes = with_settings_file(path, options)
    for note in notes:
        say(f"--config {path}: {note}", error=True)
    return both
