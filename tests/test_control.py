"""The linear control beside a measurement: from the reference of the linear network, or missing."""

import json
import sys
from pathlib import Path

import pytest
from command import main_here
from records import a_record, a_spec

from rlid.measurement.control import control
from rlid.store import references
from rlid.store.store import Store
from rlid.task import resolve


@pytest.fixture
def store(tmp_path):
    made = Store(tmp_path / "store")
    protocol = resolve("acrobot").protocol()
    for d, status in ((1, "unsolved"), (2, "solved"), (3, "solved")):
        spec = a_spec(task="acrobot", protocol=protocol, d=d, seed=0)
        made.add(a_record(spec=spec, status=status, score=-90.0, threshold=-126.0, dmax=3))
    return made


def show(monkeypatch, capsys, store, *options):
    monkeypatch.setattr(sys, "argv", ["rlid", "show", "--store", str(store.folder), *options])
    with pytest.raises(SystemExit) as caught:
        main_here()
    assert caught.value.code == 0
    return capsys.readouterr().out


@pytest.mark.parametrize(
    ("score", "words"), [(-90.0, "21, solves"), (-126.0, "21, solves"), (-126.1, "21, fails")]
)
def test_the_control_stands_beside_the_answer(
    monkeypatch, capsys, store, give_reference, score, words, tmp_path
):
    give_reference("acrobot", score, -500.0, network="linear")
    assert words in show(monkeypatch, capsys, store)
    (found,) = json.loads(show(monkeypatch, capsys, store, "--json"))
    solves = words.endswith("solves")
    assert found["linear"] == {"D": 21, "score": score, "agent": "cmaes", "solves": solves}


def test_a_control_of_another_protocol_or_version_is_none(store, give_reference, monkeypatch):
    monkeypatch.setattr(references.resources, "files", lambda _: store.folder)
    spec = next(iter(store.records())).spec
    assert control(spec, -126.0, store.folder) is None
    give_reference("acrobot", -90.0, -500.0, network="linear")
    assert control(spec, -126.0, store.folder).solves
    other = {**spec.protocol, "episode_cap": 100}
    for change in ({"protocol": other}, {"task_version": spec.task_version + 1}):
        assert control(spec.model_copy(update=change), -126.0, store.folder) is None
    assert control(spec, None, store.folder) is None


def test_every_rl_task_but_pong_ships_with_its_control_where_it_ships_with_a_reference(tmp_path):
    folders = Path(references.__file__).parents[1].joinpath("references").iterdir()
    tasks = [task for folder in folders if (task := resolve(folder.name)).kind == "rl"]
    names = {task.name for task in tasks}
    assert "cartpole" in names
    # Direct training of a linear policy from Pong's pixels takes hours, and is not measured.
    without = {"pong"}
    assert without <= names
    for task in (task for task in tasks if task.name not in without):
        assert references.find(tmp_path, task.name, task.version, task.protocol(), "linear"), (
            task.name
        )


def test_a_control_that_was_not_measured_is_said_to_be_missing(monkeypatch, capsys, store):
    monkeypatch.setattr(references.resources, "files", lambda _: store.folder)
    assert "not measured" in show(monkeypatch, capsys, store)
    (found,) = json.loads(show(monkeypatch, capsys, store, "--json"))
    assert found["linear"] is None
