"""The wheel holds envs and agents inside rlid, and no other top-level name."""

import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    # From a copy, because setuptools leaves build/ behind.
    files = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.split("\n")  # fmt: skip
    for name in filter(None, files):
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation",
         "-w", str(folder), str(source)],
        check=True,
    )  # fmt: skip
    (path,) = folder.glob("*.whl")
    return zipfile.ZipFile(path)


def test_the_wheel_holds_envs_and_agents_inside_rlid(wheel):
    names = set(wheel.namelist())
    for folder, inside in (("rlid", "rlid"), ("envs", "rlid/envs"), ("agents", "rlid/agents")):
        for path in (ROOT / folder).rglob("*.py"):
            assert f"{inside}/{path.relative_to(ROOT / folder).as_posix()}" in names
    assert not [name for name in names if name.startswith(("envs/", "agents/", "tests/"))]
    (top,) = [name for name in names if name.endswith("top_level.txt")]
    assert wheel.read(top).split() == [b"rlid"]


def test_the_wheel_is_for_every_python_from_3_11_on(wheel):
    compiled = [name for name in wheel.namelist() if name.endswith((".so", ".pyd"))]
    if not compiled:
        pytest.skip("there is no C compiler here")
    assert all(".abi3." in name for name in compiled)
    assert "-cp311-abi3-" in Path(wheel.filename).name


def test_the_wheel_holds_the_references_and_the_licence(wheel):
    names = set(wheel.namelist())
    for path in (ROOT / "rlid" / "references").rglob("*.json"):
        assert path.relative_to(ROOT).as_posix() in names
    assert "rlid/references/cartpole/mlp_20x20.json" in names
    assert [name for name in names if name.endswith("licenses/LICENSE")]


def test_the_wheel_holds_the_suites_and_the_published_results(wheel):
    names = set(wheel.namelist())
    for path in (ROOT / "rlid" / "suites").glob("*.toml"):
        assert path.relative_to(ROOT).as_posix() in names
    for path in (ROOT / "results").glob("*/*.json"):
        assert f"rlid/{path.relative_to(ROOT).as_posix()}" in names


def test_the_citation_has_the_version_of_the_package():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text()


def test_the_constraints_pin_every_requirement():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    required = [*project["dependencies"], *extras["dev"], *extras["docs"]]
    pinned = {
        canonicalize_name(Requirement(line).name): Requirement(line)
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if line and not line.startswith("#")
    }
    for text in required:
        requirement = Requirement(text)
        pin = pinned[canonicalize_name(requirement.name)]
        (only,) = pin.specifier
        assert only.operator == "=="
        assert requirement.specifier.contains(only.version), text
    assert str(pinned["torch"].specifier) == "==2.13.0"
