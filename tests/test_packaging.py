"""The wheel and the source archive hold what they must, and the wheel works once installed."""

import re
import subprocess
import sys
import tarfile
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import rlid

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def tracked():
    """The names of the repository's files, those that are new included."""
    names = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.split("\n")  # fmt: skip
    return [name for name in names if name and (ROOT / name).is_file()]


@pytest.fixture(scope="module")
def source(tracked, tmp_path_factory):
    """A copy of the repository, because setuptools leaves build/ behind."""
    folder = tmp_path_factory.mktemp("source")
    for name in tracked:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes((ROOT / name).read_bytes())
    return folder


def built_wheel(source, folder):
    """Build the wheel of a folder or source archive, and return its path."""
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation",
         "-w", str(folder), str(source)],
        check=True,
    )  # fmt: skip
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def wheel(source, tmp_path_factory):
    return zipfile.ZipFile(built_wheel(source, tmp_path_factory.mktemp("wheel")))


@pytest.fixture(scope="module")
def source_archive(source, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sdist")
    build = "import setuptools.build_meta as b, sys; b.build_sdist(sys.argv[1])"
    done = subprocess.run(
        [sys.executable, "-c", build, str(folder)], cwd=source, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    (path,) = folder.glob("*.tar.gz")
    return path


def test_the_source_archive_holds_every_file_but_those_of_github(source_archive, tracked):
    with tarfile.open(source_archive) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    hidden = (".git", ".github")
    expected = {name for name in tracked if not name.startswith(hidden)}
    assert expected - names == set()
    assert not [name for name in names if name.endswith((".so", ".pyc"))]


def test_the_wheel_of_the_source_archive_is_that_of_the_repository(source_archive, wheel, tmp_path):
    again = zipfile.ZipFile(built_wheel(source_archive, tmp_path))
    assert set(again.namelist()) == set(wheel.namelist())


@pytest.mark.slow
def test_the_installed_wheel_runs_measures_and_wraps_outside_of_the_repository(wheel, tmp_path):
    venv.create(tmp_path / "venv", with_pip=False, symlinks=True)
    (packages,) = tmp_path.glob("venv/lib/python*/site-packages")
    # The libraries of this environment, but not its rlid: the wheel's comes first.
    libraries = [path for path in sys.path if path.endswith("-packages")]
    (packages / "libraries.pth").write_text("\n".join(libraries))
    python = tmp_path / "venv/bin/python"
    subprocess.run(
        [python, "-m", "pip", "install", "-q", "--no-deps", "--ignore-installed", wheel.filename],
        check=True,
    )
    done = subprocess.run(
        [python, ROOT / ".ci/wheel.py"],
        cwd=tmp_path, capture_output=True, text=True, timeout=400,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "command line, measurement, leaderboard and wrap work" in done.stdout


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


def test_citation_changelog_and_the_installed_package_have_the_version_of_the_project():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text()
    headings = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] == version
    assert rlid.__version__ == version


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
