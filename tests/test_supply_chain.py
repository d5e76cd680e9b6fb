"""What is installed and run by workflows is named by hash or by commit."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted(ROOT.glob(".github/workflows/*.yml"))
LOCKS = ("run", "check", "docs")


def pins(name):
    """Return the versions of a lock file by name, and its entries without a hash."""
    text = (ROOT / "locks" / f"{name}.txt").read_text().replace("\\\n", " ")
    entries = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    versions = {}
    for entry in entries:
        package, version = re.match(r"([\w.-]+)==(\S+)", entry).groups()
        versions[canonicalize_name(package)] = version
    return versions, [entry for entry in entries if "--hash=sha256:" not in entry]


def constraints():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    named = [line.split("==") for line in lines if "==" in line]
    return {canonicalize_name(name): version for name, version in named}


@pytest.mark.parametrize("name", [*LOCKS, "torch"])
def test_every_entry_of_a_lock_has_a_hash_and_the_version_of_the_constraints(name):
    versions, without = pins(name)
    assert without == []
    known = constraints()
    differing = {
        package: (version, known[package])
        for package, version in versions.items()
        if package in known and version.partition("+")[0] != known[package]
    }
    assert differing == {}


@pytest.mark.parametrize("name", LOCKS)
def test_torch_and_its_parts_for_gpus_are_in_no_other_lock(name):
    for package in pins(name)[0]:
        assert not package.startswith(("torch", "nvidia", "cuda", "triton"))


def test_the_locks_hold_what_rlid_requires():
    import tomllib

    from packaging.requirements import Requirement

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = {"run": [], "check": project["optional-dependencies"]["dev"],
              "docs": project["optional-dependencies"]["docs"]}  # fmt: skip
    for name, extra in wanted.items():
        locked = pins(name)[0] | pins("torch")[0]
        for text in (*project["dependencies"], *extra):
            requirement = Requirement(text)
            version = locked[canonicalize_name(requirement.name)]
            assert requirement.specifier.contains(version, prereleases=True), text


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_actions_are_pinned_by_commit(path):
    for used in re.findall(r"uses: (\S+)", path.read_text()):
        assert used == "./" or re.fullmatch(r"[\w/.-]+@[0-9a-f]{40}", used), used


def test_no_index_answers_beside_the_one_that_is_meant():
    for path in (*WORKFLOWS, ROOT / "action.yml", ROOT / "Makefile", ROOT / ".ci" / "run"):
        text = path.read_text()
        assert "extra-index-url" not in text, path
        assert "unsafe-best-match" not in text, path


def test_the_bill_of_materials_names_every_locked_package_with_its_hashes():
    done = subprocess.run(
        [sys.executable, ROOT / ".ci" / "sbom.py"], capture_output=True, text=True, check=True
    )
    bill = json.loads(done.stdout)
    named = {canonicalize_name(part["name"]): part["version"] for part in bill["components"]}
    assert named == pins("run")[0] | pins("torch")[0]
    assert all(part["hashes"] for part in bill["components"])
    assert bill["metadata"]["component"]["name"] == "rlid"
