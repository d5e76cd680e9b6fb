"""The check of the budget: trials that fail in it say nothing of the answer."""

import pytest
from here import EngineHere

from rlid.measurement import run_plan
from rlid.measurement.budget_check import check_budget
from rlid.measurement.plan import plan
from rlid.measurement.runner import Runner
from rlid.records import Judgement, missing_record

BUDGET = 600


class FailsAbove(EngineHere):
    """Runs the trials of one budget, and loses the worker of those of a larger one."""

    def __init__(self, fails):
        self.fails = fails

    def run(self, agenda):
        if agenda._waiting[0].specs[0].budget == BUDGET:
            super().run(agenda)
            return
        specs = []
        while (cell := agenda.next()) is not None:
            specs += cell.specs
        for number, spec in enumerate(specs):
            if self.fails(number):
                record = missing_record(spec, Judgement(), 10, "error", "the worker died", 1.0)
            else:
                record = missing_record(spec, Judgement(9.0), 10, "unsolved", "", 1.0)
            agenda.add(record)


def checked(tmp_path, monkeypatch, fails):
    monkeypatch.setattr("rlid.measurement.runner.make_engine", lambda *_: FailsAbove(fails))
    options = {"network": "mlp:4", "imports": ("hostile",), "agent": "random", "search": "grid"}
    wanted = plan("gym:Quick-v0", seeds=5, dims=(2,), budget=BUDGET, reference=100.0, **options)
    with Runner(wanted, tmp_path / "store") as runner:
        measured = run_plan(runner)
        assert {record.status for record in measured.records} == {"unsolved"}
        return check_budget(runner, measured)


@pytest.mark.parametrize("failed", [3, 5])
def test_trials_that_fail_with_the_larger_budget_leave_the_answer_where_it_is(
    tmp_path, monkeypatch, failed
):
    check = checked(tmp_path, monkeypatch, lambda number: number < failed)
    assert (len(check.rerun), check.failed) == (5, failed)
    assert check.to_json()["failed"] == failed
    assert (check.after.d_int90, check.after.censored) == (None, True)
    assert check.after.missing == 0
    assert not check.moves
    if failed == 5:
        assert check.sentence.endswith(
            "no verdict: all 5 unsolved trials next to the threshold failed"
        )
    else:
        assert "0 of the 5 unsolved trials next to the threshold (3 failed)" in check.sentence
