"""What is installed, what is missing, and the one command that installs it."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import platform
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from packaging.requirements import Requirement

from rlid.errors import named_line
from rlid.operating_system import cores

LOOPS = ("rlid.projections._kernels", "rlid.evaluation._two_actions")
"""The modules written in C."""
SELF_TEST_TRIALS, SELF_TEST_STEPS = 3, 500
"""Small enough to end within a second."""


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
    """Look at Python, the requirements of rlid, its extras and C parts, and at the machine."""
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
        _self_test(),
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


def _self_test() -> Component:
    """Run tiny trials side by side and one of them alone: they must be equal to the last bit."""
    name, task = "self-test of batches", "cartpole"
    try:
        from rlid.measurement import plan
        from rlid.records import Judgement, Record
        from rlid.training import run_trials

        wanted = plan(task, agent="cmaes", network="mlp:4", dmax=4, budget=SELF_TEST_STEPS)
        specs = [wanted.spec(3, seed, None) for seed in range(SELF_TEST_TRIALS)]
        together: list[Record] = []
        alone: list[Record] = []
        for records, part in ((together, specs), (alone, specs[:1])):
            run_trials(part, Judgement(), wanted.task, partial(_keep, records))
    except Exception as error:
        return Component(name, f"failed: {named_line(error)}", False)
    (lone,) = alone
    same = next(record for record in together if record.key == lone.key)
    is_equal = (same.score, same.theta_sha256) == (lone.score, lone.theta_sha256)
    state = f"{SELF_TEST_TRIALS} trials of {task} side by side: one of them alone is"
    return Component(name, f"{state} {'the same' if is_equal else 'ANOTHER'}", is_equal)


def _keep(records: list[Any], record: Any, z: Any) -> None:
    records.append(record)


def _data_sets() -> Iterator[Component]:
    from rlid.datasets import DATASETS, location

    for name, dataset in DATASETS.items():
        folder = location(name)
        state = f"not here: downloaded from {dataset.url} when it is needed"
        yield Component(f"data set {name}", state if folder is None else str(folder))
