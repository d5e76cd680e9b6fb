"""`--config FILE.yaml`: settings of an agent from a file, joined with the options beside it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def joined(
    path: Path | None,
    task: str,
    agent: str | None,
    *,
    network: str | None,
    budget: int | None,
    observation: str | None,
    settings: Sequence[str],
    imports: Sequence[str],
) -> dict[str, Any]:
    """Return arguments of `plan`: what the options say, and else what the file says.

    What the file says that rlid does otherwise is printed to standard error.

    Raises:
        InputError: the file cannot be used for this agent and task.
    """
    options = {"network": network, "budget": budget, "observation": observation}
    if path is None:
        return {**options, "settings": settings}
    from rlid.agent import read_settings
    from rlid.registry import import_packages
    from rlid.task import resolve

    import_packages(imports)
    known = resolve(task)
    file = read_settings(path, agent or known.agent, known)
    for note in file.notes:
        print(f"--config {path}: {note}", file=sys.stderr)
    return {
        **{
            name: getattr(file, name) if value is None else value for name, value in options.items()
        },
        "settings": [*file.settings, *settings],
    }
