"""`rlid list tasks`: what a newcomer chooses a task by."""

import json

import pytest
from command import rlid_here

from rlid.leaderboard import headlines, peers
from rlid.task import TASKS


@pytest.fixture(scope="module")
def entries(tmp_path_factory):
    folder = tmp_path_factory.mktemp("list")
    listed = json.loads(rlid_here("list", "tasks", "--json", cwd=folder).stdout)
    return {entry["name"]: entry for entry in listed}


def test_every_task_is_listed_with_its_kind_and_budget(entries):
    assert {entry.name for entry in TASKS.entries()} <= set(entries)
    assert entries["cartpole"]["kind"] == "rl"
    assert entries["cartpole"]["budget"] == 200_000
    # A family has neither before its parameter is given.
    assert "budget" not in entries["gym"]


def test_the_published_figure_is_the_smallest_of_the_tasks_own_network(entries):
    folder = peers.published_folder()
    own = [
        each.estimate.d_int90
        for each in peers.published_of_task(folder, "cartpole")
        if each.spec.network == "mlp:20x20" and each.estimate.d_int90
    ]
    assert entries["cartpole"]["d_int90"] == min(own)
    assert entries["cartpole"]["seconds"] > 0


def test_a_task_without_published_results_has_no_figure(entries):
    assert entries["dials"]["d_int90"] is None
    assert headlines.headline(None, "cartpole", "mlp:20x20") is None


def test_the_table_says_it_in_words(tmp_path):
    said = rlid_here("list", "tasks", cwd=tmp_path).stdout
    assert "rl, 200,000 environment steps a trial; published: d_int90 = " in said
    assert "training steps a trial" in said
