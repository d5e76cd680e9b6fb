"""Plug-ins of other distributions: one that cannot be imported harms nobody who does not use it."""

import json
import os
from importlib.metadata import EntryPoint

import pytest
from command import rlid

from rlid.errors import InputError
from rlid.registry import Registry, registers_of


@pytest.fixture
def broken_plug_ins(tmp_path, monkeypatch):
    """Install a distribution whose task, agent and network cannot be imported."""
    folder = tmp_path / "installed"
    metadata = folder / "broken-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    kinds = ("tasks", "agents", "networks")
    points = [f"[rlid.{kind}]\nbroken = no_such_module_here:thing\n" for kind in kinds]
    (metadata / "entry_points.txt").write_text("\n".join(points))
    paths = [str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))


@pytest.mark.usefixtures("broken_plug_ins")
def test_other_tasks_are_measured_and_listed_beside_a_broken_plug_in(tmp_path):
    done = rlid(
        "run", "sum_constraints:4", "--dims", "4", "--seeds", "1", "--search", "grid", "--jobs",
        "1", "--quiet", "--json", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode in (0, 1), done.stderr
    assert json.loads(done.stdout)["trials"] == 1, done.stdout
    listed = rlid("list", cwd=tmp_path)
    assert listed.returncode == 0, listed.stderr
    assert listed.stdout.count("broken") == 6  # three names, each with "from broken"


@pytest.mark.parametrize(
    "arguments",
    [
        ("broken",),
        ("cartpole", "--agent", "broken"),
        ("cartpole", "--network", "broken"),
    ],
)
@pytest.mark.usefixtures("broken_plug_ins")
def test_a_plug_in_that_cannot_be_imported_is_named_in_one_line(tmp_path, arguments):
    done = rlid("run", *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "broken' from broken raised ModuleNotFoundError" in done.stderr


def test_where_an_entry_is_defined_is_known_without_loading_it(monkeypatch):
    point = EntryPoint("offered", "no_such_module_here:thing", "some.group")
    monkeypatch.setattr("rlid.registry.entry_points", lambda group: [point])
    registry = Registry("thing", group="some.group")
    registry.add_lazy("lazy", "no_such_module_either:thing")
    assert registry.entry("offered").home == "no_such_module_here"
    assert registers_of("no_such_module_here")
    assert registers_of("no_such_module_either")
    assert not registers_of("no_such_module_at_all")
    with pytest.raises(InputError, match="the import of thing 'offered' raised ModuleNotFound"):
        registry["offered"]
