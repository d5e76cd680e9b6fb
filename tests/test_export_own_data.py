"""Policies for a user's own tables and images: measured, exported, rebuilt and asked."""

import os

import numpy as np
import pytest
from own_data import CLASSES, KINDS, flowers, photo, write_flowers, write_photos
from policies import a_file

import rlid
from rlid.datasets import read_table
from rlid.errors import DataError, InputError, PolicyFileError
from rlid.policies import export, policy_file, saving
from rlid.policies.policy import Policy
from rlid.store.store import Store
from rlid.task import resolve

MEASURED = {"dims": [20], "search": "grid", "seeds": 1, "jobs": 1, "budget": 600, "reference": 0.9}


@pytest.fixture
def both_policies(tmp_path, monkeypatch):
    """Measure a task in the test's folder; return the policy of the trial and the exported one."""
    monkeypatch.chdir(tmp_path)

    def of(task):
        measured = rlid.measure(task, network="mlp:8", store="store", **MEASURED)
        file, report = export.export(measured.summary, Store("store"))
        saving.save(file, report, tmp_path / "p.rlid")
        assert report.solved
        return measured.policy(), Policy.load(tmp_path / "p.rlid")

    return of


def test_a_policy_for_a_table_with_classes_answers_rows_of_the_table(tmp_path, both_policies):
    rows = [[petal, 10 * leaf, kind] for petal, leaf, _, kind in flowers()]
    write_flowers(tmp_path / "my flowers (2).csv", rows, ("petal", "leaf", "kind"))
    # The columns are those of the file, sorted by name.
    inputs = np.array([[leaf, petal] for petal, leaf, _ in rows])
    kinds = np.array([KINDS.index(kind) for *_, kind in rows])
    for policy in both_policies("table:my flowers (2).csv,target=kind"):
        answers = policy.predict(inputs)
        assert np.mean(answers == kinds) > 0.9
        assert [policy.predict(row) for row in inputs[:5]] == list(answers[:5])


def test_a_policy_for_a_table_with_a_number_answers_in_the_units_of_the_table(
    tmp_path, both_policies
):
    rows = [[petal, leaf, 1000 + 50 * price] for petal, leaf, price, _ in flowers()]
    write_flowers(tmp_path / "prices.csv", rows, ("petal", "leaf", "price in €"))
    inputs = np.array([[leaf, petal] for petal, leaf, _ in rows])
    prices = np.array([price for *_, price in rows])
    for policy in both_policies("table:prices.csv,target=price in €,kind=number"):
        answers = policy.predict(inputs)
        assert np.square(answers - prices).mean() < 0.15 * prices.var()
        assert policy.predict(inputs[0]) == pytest.approx(answers[0], rel=1e-6)


def test_a_policy_for_resized_images_answers_pixels(tmp_path, both_policies):
    write_photos(tmp_path / "photos", size=(5, 5))
    pixels = [np.asarray(photo(label, 0, size=(5, 5))) for label in range(len(CLASSES))]
    for policy in both_policies("images:photos,size=5"):
        assert list(policy.predict(np.stack(pixels))) == [0, 1, 2]
        assert policy.predict(pixels[1]) == 1


@pytest.mark.parametrize(
    "task",
    [
        "table:a.csv,target=y",
        "table:../data/My file (2).csv,target=größe in % [m²],kind=number",
        "images:/data/photos & more,size=32",
        "my-plug-in",
        "gym:FrozenLake-v1?episode-cap=40&name=a~b",
    ],
)
def test_a_policy_file_holds_any_name_of_a_task(task):
    assert policy_file.parse(a_file(task=task).dump()).task == task


@pytest.mark.parametrize(
    "task",
    [
        "table:a\n.csv,target=y",
        "table:a\x1b[2J.csv,target=y",
        "table:a\u202e.csv,target=y",
        "table:a.csv,target=x:y",
        "gym:os:Env-v0,size=3",
        "gym:os:Env-v0?size=3",
        "/etc/passwd",
    ],
)
def test_a_name_that_forges_lines_or_imports_modules_is_refused(task):
    with pytest.raises(PolicyFileError, match="its task is no name") as refused:
        policy_file.parse(a_file(task=task).dump())
    assert str(refused.value).isprintable()


def test_a_task_that_no_policy_file_holds_is_refused_before_it_is_measured(tmp_path):
    write_flowers(tmp_path / "f.csv", header=("petal", "leaf", "price", "kind:x"))
    for name in (f"table:{tmp_path}/f.csv,target=kind:x", "images:12:30", "images:12:30,size=5"):
        with pytest.raises(InputError, match="a policy file holds no colon"):
            resolve(name)


def test_a_table_is_a_regular_file(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    for path in (tmp_path, tmp_path / "pipe.csv"):
        with pytest.raises(DataError, match="no file"):
            read_table(path, "y")
