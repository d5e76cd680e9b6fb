"""rlid measures how hard a problem is with one number: its intrinsic dimension."""

from __future__ import annotations

import importlib
import importlib.metadata
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rlid import projections as projections
    from rlid.agent import AGENTS as AGENTS
    from rlid.api import Measurement as Measurement
    from rlid.api import StoredResults as StoredResults
    from rlid.api import compare as compare
    from rlid.api import load as load
    from rlid.api import measure as measure
    from rlid.errors import InputError as InputError
    from rlid.networks import NETWORKS as NETWORKS
    from rlid.policies import Policy as Policy
    from rlid.projections import PROJECTIONS as PROJECTIONS
    from rlid.subspace import Subspace as Subspace
    from rlid.task import TASKS as TASKS
    from rlid.task import Task as Task
    from rlid.wrapping import SubspaceModule as SubspaceModule
    from rlid.wrapping import wrap as wrap

__all__ = [
    "AGENTS",
    "NETWORKS",
    "PROJECTIONS",
    "TASKS",
    "InputError",
    "Measurement",
    "Policy",
    "StoredResults",
    "Subspace",
    "SubspaceModule",
    "Task",
    "compare",
    "load",
    "measure",
    "projections",
    "wrap",
]

# Looked up on first use: the command line must not pay for torch before it is needed.
_HOMES = {
    "AGENTS": "rlid.agent",
    "InputError": "rlid.errors",
    "Measurement": "rlid.api",
    "NETWORKS": "rlid.networks",
    "PROJECTIONS": "rlid.projections",
    "Policy": "rlid.policies",
    "StoredResults": "rlid.api",
    "Subspace": "rlid.subspace",
    "SubspaceModule": "rlid.wrapping",
    "TASKS": "rlid.task",
    "Task": "rlid.task",
    "compare": "rlid.api",
    "load": "rlid.api",
    "measure": "rlid.api",
    "wrap": "rlid.wrapping",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return importlib.metadata.version("rlid")
    if name == "projections":
        return importlib.import_module("rlid.projections")
    if name not in _HOMES:
        raise AttributeError(f"module 'rlid' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
