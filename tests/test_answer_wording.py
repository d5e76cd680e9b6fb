"""The words of an answer: a clear sentence in each case, alike in texts, tables and pages."""

from dataclasses import replace

import pytest

from rlid.dimension import TrialOutcome, bracket_in_words, estimate, interval_in_words
from rlid.leaderboard.latex import escape_latex, latex
from rlid.leaderboard.row import LeaderboardRow
from rlid.leaderboard.tables import cells
from rlid.leaderboard.yardstick import Ratio
from rlid.measurement import answer, figure, reliable, span


def outcomes(solves, dims, seeds):
    return [TrialOutcome(d, s, solves(d, s), 1.0) for d in dims for s in range(seeds)]


@pytest.fixture
def closed():
    """An estimate with a figure and a closed interval."""
    trials = outcomes(lambda d, s: d >= 4 + 2 * s, (1, 2, 4, 6, 8, 12, 16, 24, 32), 6)
    return estimate(trials, dmax=64)


ABOVE = {"d_int90": None, "censored": True, "ci_high": None}
CASES = {
    "closed": ({"d_int90": 1200, "ci_low": 1000, "ci_high": 1500}, "= 1,200", "1,000-1,500"),
    "one d": ({"d_int90": 3, "ci_low": 3, "ci_high": 3}, "= 3", "only 3"),
    "open above": ({"d_int90": 9, "ci_low": 4, "ci_high": None}, "= 9", "4 or more"),
    "open on both sides from 1": (
        {"d_int90": 9, "ci_low": 1, "ci_high": None}, "= 9", "no d excluded",
    ),
    "open below": ({"d_int90": 6, "dmin": 4, "ci_low": 4, "ci_high": 8}, "= 6", "8 or less"),
    "open on both sides": (
        {"d_int90": 6, "dmin": 4, "ci_low": 4, "ci_high": None}, "= 6", "no d excluded",
    ),
    "bound from above": (
        {"d_int90": 4, "dmin": 4, "ci_low": 4, "ci_high": 4}, "at most 4", "4 or less",
    ),
    "sure bound from below": (
        {**ABOVE, "probability_above_dmax": 0.99, "ci_low": 65}, "> 64", "above 64",
    ),
    "bound from below": (
        {**ABOVE, "probability_above_dmax": 0.96, "ci_low": 60}, "probably > 64", "60 or more",
    ),
    "likely bound from below": (
        {"d_int90": 64, "probability_above_dmax": 0.8, "ci_low": 10, "ci_high": None},
        "probably > 64", "10 or more",
    ),
    "few failures at a single d": (
        {**ABOVE, "probability_above_dmax": 0.9, "dmin": 64, "ci_low": 64},
        "probably > 64", "no d excluded",
    ),
}  # fmt: skip


def row_like(changed):
    return LeaderboardRow(
        "a", "rl", "linear", d_int90=changed.figure, dmax=changed.dmax, ci_low=changed.ci_low,
        ci_high=changed.ci_high, censored=changed.censored, is_least=changed.is_least,
        is_beyond=changed.is_beyond, is_open_below=changed.is_open_below,
    )  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_every_case_of_an_answer_is_one_clear_sentence(closed, name):
    changes, value, interval = CASES[name]
    changed = replace(closed, **{"half_point": None, **changes})
    colon = "" if name == "closed" else ":"
    assert answer(changed) == f"d_int90 {value} (95 % interval{colon} {interval})"


@pytest.mark.parametrize("name", CASES)
def test_tables_word_an_answer_as_the_sentence_does(closed, name):
    changed = replace(closed, **{"half_point": None, **CASES[name][0]})
    row = row_like(changed)
    assert (row.answer, row.interval) == (figure(changed), span(changed))
    assert (cells(row)["d_int90"], cells(row)["95 %"]) == (figure(changed), span(changed))
    assert f"{escape_latex(row.answer)} & {escape_latex(row.interval)}" in latex([row])


def test_a_single_d_without_success_leaves_a_bound_from_below():
    def said(seeds):
        return answer(estimate(outcomes(lambda d, s: False, (6,), seeds), dmin=6, dmax=6))

    assert said(10) == "d_int90 > 6 (95 % interval: above 6)"
    assert said(5) == "d_int90 probably > 6 (95 % interval: no d excluded)"
    assert said(1) == "d_int90 probably > 6 (no interval below 5 seeds)"


def test_a_single_d_of_successes_leaves_a_bound_from_above():
    solved = estimate(outcomes(lambda d, s: True, (6,), 10), dmin=6, dmax=6)
    assert answer(solved) == "d_int90 at most 6 (95 % interval: 6 or less)"


def test_d_reliable_above_dmax_is_worded_as_in_the_table():
    failed = estimate(outcomes(lambda d, s: False, (20,), 10), dmin=1, dmax=20)
    row = replace(row_like(failed), reliable_low=failed.reliable_low)
    assert row.reliable == "above 20"
    assert "above every d tried (95 % interval: above 20)" in reliable(failed)


def test_below_five_seeds_no_interval_is_named():
    few = estimate(outcomes(lambda d, s: d >= 4 + s, range(1, 10), 3), dmax=9)
    assert answer(few) == f"d_int90 = {few.d_int90} (no interval below 5 seeds)"


def test_a_bracket_whose_ends_are_one_d_is_one_number():
    assert bracket_in_words(3, 3) == "3"
    assert bracket_in_words(3000, 10_000) == "3,000-10,000"
    assert LeaderboardRow("a", "rl", "linear", bracket_low=1, bracket_high=1, seeds=1).answer == (
        "1, one seed"
    )


def test_an_interval_of_unknown_dmax_is_open_above():
    assert interval_in_words(7, None, dmax=None) == "7 or more"


def test_a_ratio_of_a_likely_bound_says_so():
    assert str(Ratio(0.73, True, False, "", True)) == "probably > 0.73"
    assert str(Ratio(0.73, True, False)) == "> 0.73"
