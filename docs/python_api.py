"""The page of the Python API, from the names that the packages export."""

from __future__ import annotations

import importlib
import inspect
from types import ModuleType
from typing import Any

TITLE = """# Python API

What is documented here is public. It follows the [compatibility policy](compatibility.md). `rlid/`
has more modules, whose names and signatures may change in any version.
"""
SECTIONS: tuple[tuple[str, str, str, tuple[str, ...]], ...] = (
    ("rlid", "rlid", "Names of `rlid` itself, such as `rlid.measure`.",
     ()),
    ("Statistics", "rlid.dimension", "From outcomes of trials to d_int90.",
     ("TrialOutcome", "estimate", "Estimate", "CurvePoint", "compare", "Comparison")),
    ("Agents", "rlid.agent", "What an optimizer needs ([tutorial](../tutorials/optimizer.md)).",
     ("Agent", "Ask", "Progress", "TrainingRound")),
    ("Algorithms of stable-baselines3", "rlid.sb3_bridge",
     "Base classes of agents ([how-to](../how-to-algorithms.md)).",
     ("OnPolicyAgent", "OffPolicyAgent")),
    ("Environments and objectives", "rlid.world", "What a task is made of.",
     ("Simulator", "Objective")),
    ("Checks for plug-ins", "rlid.testing",
     "rlid's own checks, for the tests of a plug-in.",
     ("check_env", "check_task", "check_agent", "check_network", "CheckFailed")),
    ("Registries", "rlid.registry", "Names of tasks, agents, networks and projections.",
     ("Registry",)),
    ("Errors", "rlid.errors", "What rlid raises on purpose.",
     ("InputError", "UnknownName", "ReferenceRefused", "TrialsFailed", "EngineError",
      "EnvironmentFault", "StoreError", "DamagedRecord", "PolicyFileError", "DataError")),
)  # fmt: skip
"""Title, package, introduction and names of each section; no names for all that it exports."""


def python_api() -> str:
    """Return the page: each function, then each class, for mkdocstrings to fill in.

    Raises:
        AttributeError: a section names what its package does not have.
    """
    page, documented = TITLE, set[str]()
    for title, package, introduction, names in SECTIONS:
        module = importlib.import_module(package)
        page += f"\n## {title}\n\n{introduction}\n"
        functions, classes = [], []
        for name in names or module.__all__:
            value = getattr(module, name)
            if not (inspect.isclass(value) or inspect.isfunction(value)):
                page += f"\n- `{package}.{name}`: {_what(value)}\n"
                continue
            path = f"{value.__module__}.{value.__qualname__}"
            if path not in documented:
                documented.add(path)
                heading = f"    options:\n      heading: {package}.{name}\n"
                kind = functions if inspect.isfunction(value) else classes
                kind.append(f"\n::: {path}\n{heading}")
        page += "".join(functions + classes)
    return page


def _what(value: Any) -> str:
    """Return in a few words what an exported object is that is no function or class."""
    if isinstance(value, ModuleType):
        first = (value.__doc__ or "").partition("\n")[0]
        return f"a module. {first}"
    noun = type(value).__name__
    names = ", ".join(f"`{entry.name}`" for entry in value.entries()[:4])
    return f"a registry (`{noun}`) with {names} and others"
