"""Rows of the leaderboard that differ in one thing are told apart, or are one thing."""

import pytest
from measurements import a_published, row_of

from rlid.leaderboard import chart, claims, findings, ranking
from rlid.leaderboard.assessment import assess


def ran_on(published):
    """Return a measurement whose solved trials ran to the end of their budget."""
    return published.model_copy(update={"common": {**published.common, "stop_score": None}})


def test_trials_that_ran_on_and_trials_that_stopped_measure_one_thing():
    stopped = a_published(D=562, threshold_d=4, parts=(0.5, 1, 2))
    wider = ran_on(a_published(D=562, threshold_d=4))
    (row,) = [row for row in ranking.board([stopped, wider]).rows if row.is_measured]
    assert row.trials == len(wider.rows) > len(stopped.rows)


def test_the_hours_of_a_row_are_those_of_its_trials():
    published = a_published(D=562, threshold_d=4)
    hours = sum(trial.seconds for trial in published.rows) / 3600
    assert row_of(published).hours == pytest.approx(hours, abs=5e-4)


def test_settings_that_are_not_the_tasks_own_are_noted_and_do_not_make_the_large_mark():
    usual = a_published(D=562, threshold_d=6)
    changed = a_published(D=562, threshold_d=3, settings=("sigma0=0.2",))
    assert row_of(usual).settings == ""
    assert not any("settings" in note for note in row_of(usual).notes)
    assert "settings sigma0=0.2, not the task's own" in row_of(changed).notes
    assert "settings sigma0=0.2" in claims.said(assess(changed))
    rows = [row for row in ranking.board([changed, usual]).rows if row.is_measured]
    (task,) = chart.chart(rows).rows
    assert [mark.row.settings for mark in task.marks] == ["", "sigma0=0.2"]


def test_own_network_and_usual_projection_make_the_large_mark_of_a_task():
    others = [
        a_published(D=1282, threshold_d=2, network="mlp:32x32"),
        a_published(D=562, threshold_d=3, projection="dense"),
    ]
    own = a_published(D=562, threshold_d=6)
    rows = ranking.board([*others, own]).rows
    assert {row.network for row in rows if row.is_own_problem and row.is_measured} == {"mlp:20x20"}
    (task,) = chart.chart([row for row in rows if row.is_measured]).rows
    assert task.marks[0].row.d_int90 == row_of(own).d_int90
    assert len(task.marks) == 3


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"projection": "dense"}, "projection dense"),
        ({"settings": ("sigma0=0.2",)}, "settings sig"),
    ],
)
def test_rows_that_differ_in_one_choice_alone_are_told_apart_and_not_counted_twice(change, words):
    own = a_published("inverted_pendulum", D=541, threshold_d=6)
    other = a_published("inverted_pendulum", D=541, threshold_d=4, **change)
    assert words in claims.said(assess(other))
    assert words not in claims.said(assess(own))
    texts = [each.text for each in findings.findings([assess(own), assess(other)])]
    assert any(text.startswith(("0 of 1 intervals", "1 of 1 intervals")) for text in texts)
    assert not any(text.startswith("The optimizer matters") for text in texts)
