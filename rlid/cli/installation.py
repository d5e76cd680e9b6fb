"""What is installed, what is missing, and the one command that mends it."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import platform
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from packaging.requirements import Requirement

from rlid.operating_system import cores


@dataclass(frozen=True)
class Finding:
    """One thing looked at; `mend` is the command that puts it right, or ""."""

    name: str
    state: str
    is_fine: bool
    mend: str = ""


def examine() -> list[Finding]:
    """Look at Python, at every requirement of rlid, and at the machine."""
    findings = [
        Finding("python", platform.python_version(), sys.version_info >= (3, 11), "use Python 3.11")
    ]
    findings += _requirements()
    findings.append(Finding("compiled loops", _compiled(), True))
    findings.append(Finding("cores", f"{cores()} (default of --jobs)", True))
    return findings


def _compiled() -> str:
    modules = ("rlid.projections._kernels", "rlid.evaluation._two_actions")
    if all(importlib.util.find_spec(module) is not None for module in modules):
        return "there"
    return "none: the same numbers, slower; install rlid again where there is a C compiler"


def mend(findings: list[Finding]) -> str:
    """Return one command for everything that is required and missing, or ""."""
    missing = [finding.mend for finding in findings if not finding.is_fine and finding.mend]
    return "pip install " + " ".join(missing) if missing else ""


def _requirements() -> Iterator[Finding]:
    for text in importlib.metadata.requires("rlid") or []:
        requirement = Requirement(text)
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        wanted = str(requirement.specifier)
        quoted = f"'{requirement.name}{wanted}'"
        try:
            found = importlib.metadata.version(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            yield Finding(requirement.name, f"missing (needs {wanted})", False, quoted)
            continue
        is_fine = requirement.specifier.contains(found, prereleases=True)
        yield Finding(
            requirement.name, found if is_fine else f"{found} (needs {wanted})", is_fine, quoted
        )
