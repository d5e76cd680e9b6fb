"""What is installed, what is missing, and the one command that installs it."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import platform
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from packaging.requirements import Requirement

from rlid.operating_system import cores

LOOPS = ("rlid.projections._kernels", "rlid.evaluation._two_actions")
"""The modules written in C."""


@dataclass(frozen=True)
class Component:
    """A part of the installation: what it is, and in what state.

    Attributes:
        name: of the part.
        state: a version, or in words.
        is_fine: whether nothing has to be done.
        install: what pip has to be given, or "".
    """

    name: str
    state: str
    is_fine: bool = True
    install: str = ""


def examine() -> list[Component]:
    """Look at Python, the requirements of rlid, its extras, C parts and data, and the machine."""
    is_recent = sys.version_info >= (3, 11)
    version = platform.python_version()
    return [
        Component("rlid", importlib.metadata.version("rlid")),
        Component("python", version if is_recent else f"{version} (needs 3.11)", is_recent),
        *_requirements(),
        *_extras(),
        *_loops(),
        Component("cores", f"{cores()} (default of --jobs)"),
        Component("devices", _devices()),
        Component("bfloat16", _bfloat16()),
        _batches(),
        *_data_sets(),
    ]


def install_command(components: list[Component]) -> str:
    """Return one command for everything that is required and missing, or ""."""
    missing = [part.install for part in components if not part.is_fine and part.install]
    return "pip install " + " ".join(missing) if missing else ""


def _loops() -> Iterator[Component]:
    for module in LOOPS:
        is_there = importlib.util.find_spec(module) is not None
        without = "not compiled: the same numbers, slower; install rlid where there is a C compiler"
        yield Component(module, "compiled" if is_there else without)


def _requirements() -> Iterator[Component]:
    for requirement in _required(""):
        wanted = str(requirement.specifier)
        quoted = f"'{requirement.name}{wanted}'"
        installed = _version(requirement)
        if installed is None:
            yield Component(requirement.name, f"missing (needs {wanted})", False, quoted)
            continue
        is_fine = requirement.specifier.contains(installed, prereleases=True)
        state = installed if is_fine else f"{installed} (needs {wanted})"
        yield Component(requirement.name, state, is_fine, quoted)


def _extras() -> Iterator[Component]:
    for extra in importlib.metadata.metadata("rlid").get_all("Provides-Extra") or []:
        if extra == "dev":
            continue
        needed = _required(extra)
        versions = {each.name: _version(each) for each in needed}
        missing = [name for name, version in versions.items() if version is None]
        state = ", ".join(f"{name} {version}" for name, version in versions.items() if version)
        if missing:
            state = f"not installed ({', '.join(missing)}): pip install 'rlid[{extra}]'"
        yield Component(f"extra {extra}", state)


def _required(extra: str) -> list[Requirement]:
    """Return what rlid needs by itself, where `extra` is "", or what an extra adds."""
    requirements = map(Requirement, importlib.metadata.requires("rlid") or [])
    return [
        each
        for each in requirements
        if (each.marker is None and not extra)
        or (
            each.marker is not None
            and each.marker.evaluate({"extra": extra})
            and (not extra or not each.marker.evaluate({"extra": ""}))
        )
    ]


def _version(requirement: Requirement) -> str | None:
    try:
        return importlib.metadata.version(requirement.name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _devices() -> str:
    try:
        import torch
    except ImportError as error:
        return f"not known: {error}"
    names = ["cpu"]
    names += [
        f"cuda:{number} ({torch.cuda.get_device_name(number)})"
        for number in range(torch.cuda.device_count())
    ]
    return ", ".join(names)


def _bfloat16() -> str:
    """Say whether agents with precision=bfloat16 train in it on this processor."""
    try:
        from rlid.sb3_bridge import computes_bfloat16
    except ImportError as error:
        return f"not known: {error}"
    if computes_bfloat16():
        return "computed by this processor: agents with precision=bfloat16 train in it"
    return "not computed by this processor: agents with precision=bfloat16 train in float32"


def _batches() -> Component:
    """Return whether trials of a cell get the bits that they get alone: a test of a second."""
    name = "bits of batches"
    try:
        from rlid.batched import differing_batches

        differing = differing_batches()
    except ImportError as error:
        return Component(name, f"not known: {error}")
    if not differing:
        return Component(name, "a trial among others gets the bits that it gets alone")
    return Component(
        name,
        f"a trial among others differs from the same alone ({differing[0]}, {len(differing)} in "
        "all): its results are as good, but `rlid verify --rerun` may not repeat them",
        is_fine=False,
    )


def _data_sets() -> Iterator[Component]:
    from rlid.datasets import DATASETS, location

    for name, dataset in DATASETS.items():
        folder = location(name)
        state = f"not here: downloaded from {dataset.url} when it is needed"
        yield Component(f"data set {name}", state if folder is None else str(folder))
