"""The chart and the findings of the leaderboard's page, as data."""

from dataclasses import replace

import pytest
from measurements import a_board, a_bracket, a_published

from rlid.figures import families
from rlid.leaderboard import chart, findings, ranking


def a_row(**changes):
    return ranking.board([a_published(**changes)]).rows[0]


def rows_of(*published):
    return [row for row in ranking.board(published).rows if row.is_measured]


def line_of(task, *published):
    (line,) = [line for line in chart.chart(rows_of(*published)).rows if line.task == task]
    return line


def test_a_task_has_one_row_with_all_of_its_measurements():
    rows = [row for row in ranking.board(a_board()).rows if row.is_measured]
    drawn = chart.chart(rows)
    answered = [row for row in rows if row.answer]
    assert len(drawn.rows) == len({row.task for row in answered}) < len(answered)
    assert sorted(mark.row.page for line in drawn.rows for mark in line.marks) == sorted(
        row.page for row in answered
    )


def test_a_full_measurement_is_drawn_large_before_a_smaller_provisional_one():
    full, smaller = a_published(threshold_d=6), a_published(agent="ppo", seeds=4, threshold_d=3)
    assert [mark.row.agent for mark in line_of("cartpole", full, smaller).marks] == ["cmaes", "ppo"]
    both_full = a_published(agent="ppo", threshold_d=3)
    assert line_of("cartpole", full, both_full).marks[0].row.agent == "ppo"


@pytest.mark.parametrize("changes", [{"agent": "cmaes2"}, {"projection": "onehot2"}])
def test_a_measurement_with_a_name_that_rlid_does_not_know_leads_nothing(changes):
    known, unknown = a_published(threshold_d=6, seeds=4), a_published(threshold_d=3, **changes)
    (mark, other) = line_of("cartpole", known, unknown).marks
    assert (mark.row.is_compared, mark.row.status) == (True, "provisional")
    assert (other.row.is_compared, other.row.status) == (False, "provisional")
    assert any("not compared: unknown" in note for note in other.row.notes)
    board = ranking.board([known, unknown])
    assert findings.findings(board.chosen) == findings.findings(ranking.board([known]).chosen)


def test_open_ends_and_brackets_are_drawn_as_such():
    (above,) = line_of("swimmer", a_published("swimmer", threshold_d=300, dmax=75)).marks
    assert (above.at, above.is_open_above, above.high) == (None, True, 100.0)
    (bracket,) = line_of("pong", a_bracket()).marks
    assert bracket.at is None
    assert bracket.low < bracket.high < 100.0
    assert not bracket.is_open_above
    (row,) = rows_of(a_published())
    (least_mark,) = chart.chart([replace(row, is_least=True)]).rows[0].marks
    assert (least_mark.is_open_below, least_mark.low) == (True, 0.0)


def test_figures_published_elsewhere_stand_in_the_row_of_their_task():
    mnist = a_published(
        "mnist", "supervised", D=44_426, threshold_d=270, dmax=800, seeds=5, agent="adam",
        network="lenet",
    )  # fmt: skip
    line = line_of("mnist", mnist)
    assert [(figure.network, figure.figure) for figure in line.elsewhere] == [
        ("lenet", "290"), ("mlp:200x200", "750"),
    ]  # fmt: skip
    assert 0 < line.elsewhere[0].at < line.elsewhere[1].at < 100


def test_positions_rise_with_d_and_lie_on_the_chart():
    drawn = chart.chart(rows_of(*a_board()))
    places = {
        mark.row.d_int90: mark.at
        for line in drawn.rows for mark in line.marks if mark.at is not None
    }  # fmt: skip
    assert [places[d] for d in sorted(places)] == sorted(places.values())
    ticks = [tick.at for tick in drawn.ticks]
    assert ticks == sorted(ticks)
    assert all(0 <= at <= 100 for at in [*places.values(), *ticks])


def test_without_measurements_the_chart_is_empty():
    assert chart.chart([]) == chart.Chart((), ())


def findings_of(*published):
    return findings.findings(ranking.board(published).chosen)


MNIST = {
    "task": "mnist", "kind": "supervised", "D": 199_210, "threshold_d": 620, "dmax": 1500,
    "seeds": 5, "agent": "adam", "network": "mlp:200x200",
}  # fmt: skip


def test_a_finding_has_an_interval_and_the_reading_that_supports_it_least():
    pendulum = a_published("inverted_pendulum", D=541, threshold_d=6)
    worse = a_published("inverted_pendulum", D=541, threshold_d=12, agent="ppo")
    (ratio,) = [
        finding for finding in findings_of(a_published(**MNIST), pendulum, worse)
        if "as the inverted pendulum" in finding.text
    ]  # fmt: skip
    assert "95 % interval of the ratio" in ratio.interval
    assert "(ppo, mlp:20x20)" in ratio.least
    stated = float(ratio.text.split(" times")[0].split()[-1])
    assert float(ratio.least.split(" times")[0].split()[-1]) < stated


def test_no_ratio_is_stated_from_a_bracket():
    cifar = a_published(
        "cifar10", "supervised", D=62_006, threshold_d=2900, dmax=12_000, seeds=5, agent="adam",
        network="lenet",
    )  # fmt: skip
    texts = [finding for finding in findings_of(a_bracket(), cifar) if "Pong" in finding.text]
    assert all(finding.interval.startswith("No ratio") for finding in texts)
    assert all(" times" not in finding.text for finding in texts)


def test_the_optimizers_of_one_task_are_compared_where_network_and_rule_agree():
    easy, hard = a_published(), a_published(agent="dqn", threshold_d=40, dmax=400)
    other = a_published(agent="ppo", network="mlp:8x8", D=130, threshold_d=90, dmax=400)
    (finding,) = [row for row in findings_of(easy, hard, other) if "matters" in row.text]
    assert "dqn" in finding.text
    assert "mlp:8x8" not in finding.text


def test_optimizers_with_unequal_budgets_or_settings_are_not_compared():
    easy = a_published()
    longer = a_published(agent="dqn", threshold_d=40, dmax=400)
    longer = longer.model_copy(update={"common": {**longer.common, "budget": 9_999_999}})
    changed = a_published(agent="ppo", threshold_d=40, dmax=400, settings=("lr=1e-3",))
    assert not [row for row in findings_of(easy, longer, changed) if "matters" in row.text]


def test_a_bound_from_below_may_lie_farthest_from_the_published_figure():
    near = a_published("inverted_pendulum", D=541, threshold_d=6)
    bound = a_published("inverted_pendulum", D=541, threshold_d=300, dmax=75, agent="ppo")
    (finding,) = [row for row in findings_of(near, bound) if "hold the figure" in row.text]
    assert "> 75 (ppo, mlp:20x20) against 4" in finding.least


@pytest.mark.parametrize(
    ("ratio", "text"),
    [(0.852, "0.85"), (1.0, "1.0"), (9.96, "10"), (26.4, "26"), (151.3, "150"), (4352.5, "4,400")],
)
def test_a_ratio_has_two_significant_digits(ratio, text):
    assert families.digits(ratio) == text


def test_open_intervals_give_no_largest_compression():
    censored = a_published("swimmer", D=722, threshold_d=300, dmax=75)
    assert findings_of(censored) == []


@pytest.mark.parametrize("count", [0, 1])
def test_no_finding_is_made_of_too_few_measurements(count):
    texts = [finding.text for finding in findings_of(*a_board()[:count])]
    assert not [text for text in texts if "hardest" in text or "matters" in text]
