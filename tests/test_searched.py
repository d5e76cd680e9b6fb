"""The rows of a published search: those that it asks for, and no other."""

import pytest
from measurements import a_published

from rlid.dimension import TrialOutcome, make_search
from rlid.leaderboard import searched
from rlid.leaderboard.assessment import assess
from rlid.leaderboard.from_records import signed

DMAX, THRESHOLD_D = 20, 4


def bisected(stopping, versions, without_largest=True):
    """Return a bisection of every d up to 20, as rlid 0.1 left it: without trials at d = 20."""
    grid = a_published(
        dmax=DMAX, threshold_d=THRESHOLD_D, seeds=5, stopping=stopping,
        parts=[d / THRESHOLD_D for d in range(1, DMAX + 1)],
    )  # fmt: skip
    solved = {(row.d, row.seed): row.status == "solved" for row in grid.rows}
    search, trials = make_search("bisect", dmax=DMAX, seeds=range(5)), []
    while pairs := search.next_round(trials):
        trials += [TrialOutcome(*pair, success=solved[pair], score=None) for pair in pairs]
    asked = {(trial.d, trial.seed) for trial in trials if trial.d < DMAX or not without_largest}
    rows = [row for row in grid.rows if (row.d, row.seed) in asked]
    question = grid.question.model_copy(update={"search": "bisect"})
    changes = {"question": question, "rows": rows, "versions": versions, "origin": None}
    return signed(grid.model_copy(update=changes)), grid


def problems(published):
    return [*searched.problems(published, assess(published).summary)]


OLD = [{"rlid": "0.1.0"}]


def test_a_bisection_of_the_first_edition_need_not_have_tried_the_largest_d():
    published, _ = bisected("look", OLD)
    assert problems(published) == []
    assert searched.is_first_bisection(published, assess(published).summary)
    complete, _ = bisected("look", OLD, without_largest=False)
    assert problems(complete) == []
    assert not searched.is_first_bisection(complete, assess(complete).summary)


@pytest.mark.parametrize(
    ("stopping", "versions"),
    [("confirmed", OLD), ("look", [{}]), ("look", [{"rlid": "0.2.0", "cpu torch": "AVX2"}])],
    ids=["confirmed", "no-versions", "instructions"],
)
def test_a_later_bisection_without_the_largest_d_is_refused(stopping, versions):
    (line, *_) = problems(bisected(stopping, versions)[0])
    assert "the search asks for d = 20" in line


def test_a_bisection_of_the_first_edition_has_no_row_that_it_never_asks_for():
    published, grid = bisected("look", OLD)
    known = {(row.d, row.seed) for row in published.rows}
    extra = next(row for row in grid.rows if (row.d, row.seed) not in known and row.d < DMAX)
    added = signed(published.model_copy(update={"rows": [*published.rows, extra]}))
    assert problems(added) == [f"d = {extra.d}, seed {extra.seed}: the search never asks for it"]
