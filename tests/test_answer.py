"""An answer in words: no figure where there is a bracket, and what more trials would tell."""

import json
import sys
from types import SimpleNamespace

import pytest
from command import main_here
from records import a_record, a_spec

from rlid.cli.console import print_gap
from rlid.dimension import TrialOutcome, estimate
from rlid.measurement.answer import answer, details, details_json, further, interval, reliable
from rlid.measurement.plan import plan
from rlid.measurement.summary import is_first_edition, measurements, to_json
from rlid.store.store import Store


def outcomes(solves, dims, seeds):
    return [TrialOutcome(d, s, solves(d, s), 1.0) for d in dims for s in range(seeds)]


@pytest.fixture
def wide():
    """An estimate with a closed, wide interval."""
    trials = outcomes(lambda d, s: d >= 4 + 2 * s, (1, 2, 4, 6, 8, 12, 16, 24, 32), 6)
    return estimate(trials, dmax=64)


@pytest.fixture
def bracketed():
    """An estimate from one failure and one success of one seed."""
    return estimate(outcomes(lambda d, s: d == 10_000, (3000, 10_000), 1), dmax=20_000)


def test_a_single_failure_and_success_give_a_bracket_and_no_figure(bracketed):
    assert answer(bracketed) == "d_int90 between 3,000 and 10,000 (a bracket, no interval)"
    assert details_json(bracketed)["d_int90"] is None
    assert details_json(bracketed)["bracket"] == (3000, 10_000)
    assert reliable(bracketed) == ""
    assert str(bracketed.d_int90) not in answer(bracketed)


def test_an_answer_has_its_interval_beside_it(wide):
    assert answer(wide) == f"d_int90 = {wide.d_int90} (95 % interval {wide.ci_low}-{wide.ci_high})"
    assert "d_int90" not in details_json(wide)
    assert details_json(wide)["d_reliable"] == wide.d_reliable


def test_the_smallest_d_at_which_nine_seeds_of_ten_succeed_is_said(wide):
    assert wide.d_reliable > wide.d_int90
    assert f"d_reliable (nine seeds of ten succeed): {wide.d_reliable} (95 %" in reliable(wide)


def test_how_many_further_trials_would_halve_the_interval_is_said(wide):
    assert wide.further_trials > 0
    assert further(wide) == f"about {wide.further_trials} further trials would halve the interval"


def test_below_the_smallest_d_that_was_open_nothing_is_claimed():
    solved = estimate(outcomes(lambda d, s: True, (50, 60), 6), dmin=50, dmax=60)
    assert answer(solved) == "d_int90 at most 50 (95 % interval: 50 or less)"
    assert interval(estimate(outcomes(lambda d, s: False, (50, 60), 6), dmin=50, dmax=60)) == (
        "95 % interval: above 60"
    )


def test_details_say_what_the_interval_owes_to_the_prior(wide):
    lines = details(wide)
    assert lines[0] == f"interval with a flat prior: {wide.flat_low} to {wide.flat_high}"
    assert any("never solve" in line for line in lines)


@pytest.mark.parametrize(
    ("changes", "is_first"),
    [
        ({}, True),
        ({"stopping": "confirmed"}, False),
        ({"candidate": "last"}, False),
        ({"task": "mnist"}, False),
        ({"task": "sum_constraints:10"}, False),
        ({"task": "a_task_of_somebody"}, True),
    ],
)
def test_trials_that_one_look_could_end_are_of_the_first_edition(changes, is_first):
    assert is_first_edition(a_spec(**changes)) is is_first


@pytest.fixture
def two_editions(tmp_path):
    """A store with one measurement by each stopping rule; the later has a missing trial."""
    store = Store(tmp_path / "store")
    for stopping, threshold in (("look", 3), ("confirmed", 8)):
        for d in (1, 2, 4, 8, 16):
            for seed in range(6):
                status = "solved" if d >= threshold else "unsolved"
                spec = a_spec(d=d, seed=seed, stopping=stopping)
                score = 480.0 if status == "solved" else 100.0
                store.add(a_record(spec=spec, status=status, score=score, rule="normalised"))
    spec = a_spec(d=1, seed=6, stopping="confirmed")
    store.add(a_record(spec=spec, status="error", score=None, reason="the pole fell\nsecond line"))
    return store


def command(monkeypatch, capsys, *arguments):
    monkeypatch.setattr(sys, "argv", ["rlid", *map(str, arguments)])
    with pytest.raises(SystemExit) as caught:
        main_here()
    assert caught.value.code == 0
    return capsys.readouterr()


def test_show_marks_the_first_edition_and_says_why_trials_are_missing(
    two_editions, monkeypatch, capsys
):
    arguments = ("show", "--store", two_editions.folder)
    said = command(monkeypatch, capsys, *arguments)
    rows = [line for line in said.out.splitlines() if line.startswith("cartpole")]
    assert ["first edition" in row for row in rows] == [
        one.spec.stopping == "look" for one in measurements(two_editions)
    ]
    assert "missing: d = 1, seed 6: error: the pole fell\n" in said.err
    assert "interval with a flat prior" not in said.out
    detailed = command(monkeypatch, capsys, *arguments, "--details")
    assert detailed.out.count("interval with a flat prior") == 2
    assert "d_reliable (nine seeds of ten succeed)" in detailed.out
    answers = json.loads(command(monkeypatch, capsys, *arguments, "--json").out)
    assert sorted(answer["first_edition"] for answer in answers) == [False, True]
    assert answers == json.loads(json.dumps(answers, allow_nan=False))
    assert {"d_reliable", "further_trials", "bracket"} <= set(answers[0])


def test_compare_says_what_ratio_the_trials_could_have_told_apart(
    two_editions, monkeypatch, capsys
):
    first, second = (one.path for one in measurements(two_editions))
    said = command(monkeypatch, capsys, "compare", first, second, "--store", two_editions.folder)
    assert said.out.count("(first edition)") == 1
    assert "probability that A is harder: " in said.out
    assert "these trials could have told apart a ratio of " in said.out


def test_a_summary_as_json_names_its_stopping_rule(two_editions):
    fields = [to_json(one) for one in measurements(two_editions)]
    assert {(one["stopping"], one["first_edition"]) for one in fields} == {
        ("look", True),
        ("confirmed", False),
    }
    assert ["d = 1, seed 6: error: the pole fell"] in [one["reasons"] for one in fields]


@pytest.mark.parametrize(
    ("answers", "line"),
    [
        ((7, 5), "at most 5, the smallest d_int90 of 2 agents (random)"),
        ((9, None), "at most 9, the smallest d_int90 of 2 agents (cmaes)"),
        ((None, None), "no upper bound: none of 2 agents has a d_int90"),
    ],
)
def test_the_smallest_over_agents_is_said_or_that_there_is_none(capsys, answers, line):
    measured = [
        SimpleNamespace(
            plan=plan("cartpole", agent=agent, dmax=20),
            estimate=SimpleNamespace(figure=d),
        )
        for agent, d in zip(("cmaes", "random"), answers, strict=True)
    ]
    print_gap(measured)
    assert capsys.readouterr().out == f"cartpole with mlp:20x20: {line}\n"
