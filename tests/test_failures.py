"""Trials that fail say nothing of d: the reason is shown, and a measurement of failures ends."""

import json
import re

import pytest
from command import rlid, rlid_here
from here import EngineHere
from records import a_record

from rlid.errors import TrialsFailed
from rlid.measurement import measurements, reasons, run_plan, why_not_published
from rlid.measurement.plan import plan
from rlid.measurement.runner import FIRST_TRIALS, Runner
from rlid.store import measurements as kept
from rlid.store.store import Store

pytestmark = pytest.mark.usefixtures("workers_find_fixtures")
QUICK = ("gym:Quick-v0", "--network", "mlp:4", "--budget", "3000", "--import", "crashing")


class EngineInOrder(EngineHere):
    """Says that trials ended in a given order, each as a function of its seed."""

    def __init__(self, order, status_of):
        self.order, self.status_of = order, status_of

    def run(self, agenda):
        specs = []
        while (cell := agenda.next()) is not None:
            specs += cell.specs
        for seed in self.order:
            spec = next(spec for spec in specs if spec.seed == seed)
            status = self.status_of(seed)
            reason, score = ("broken", None) if status == "error" else ("", 5.0)
            agenda.add(a_record(spec=spec, status=status, score=score, reason=reason, D=22))


def run_in_order(tmp_path, monkeypatch, order, status_of):
    engine = EngineInOrder(order, status_of)
    monkeypatch.setattr("rlid.measurement.runner.make_engine", lambda *_: engine)
    wanted = plan(
        "gym:Quick-v0", network="mlp:4", imports=("hostile",), dims=[4], seeds=10, search="grid"
    )
    with Runner(wanted, tmp_path / "store") as runner:
        return run_plan(runner)


@pytest.fixture
def known(tmp_path, give_reference):
    give_reference("gym:Quick-v0", 5.0, 2.5, network="mlp:4")


def test_failures_that_end_before_the_others_do_not_end_a_measurement(tmp_path, monkeypatch, known):
    order = [*range(5, 10), *range(5)]
    measured = run_in_order(tmp_path, monkeypatch, order, lambda s: "error" if s > 4 else "solved")
    assert len(measured.records) == 10
    assert reasons(measured.records) == ["d = 4, seed 5 and 4 more: error: broken"]


def test_a_measurement_ends_when_its_first_trials_have_all_failed(tmp_path, monkeypatch, known):
    order = [*range(FIRST_TRIALS), *range(FIRST_TRIALS, 10)]
    with pytest.raises(TrialsFailed, match="the first 5 trials of gym:Quick-v0 .*: broken; "):
        run_in_order(tmp_path, monkeypatch, order, lambda s: "error" if s < 5 else "solved")
    store = Store(tmp_path / "store")
    assert {record.spec.seed for record in store.records()} == set(range(FIRST_TRIALS))
    assert not list(kept.of_store(store))


@pytest.mark.parametrize("asks", ["0", "3"])
def test_an_agent_that_raises_is_exit_code_1_and_nothing_is_published(tmp_path, known, asks):
    options = ["--agent", "crashing", "--set", f"asks={asks}", "--store", "store", "--quiet"]
    done = rlid("run", *QUICK, "--dmax", "5", *options, "--jobs", "1", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "NameError: name 'no_such_name' is not defined" in done.stderr
    assert "crashing.py:" in done.stderr
    (group,) = measurements(Store(tmp_path / "store"))
    assert {record.status for record in group.records} == {"error"}
    assert group.estimate.d_int90 is None
    assert not group.estimate.censored
    assert rlid_here("publish", "--store", "store", cwd=tmp_path).returncode != 0
    assert not list(tmp_path.glob("results/*/*"))

    shown = rlid_here("show", "--store", "store", cwd=tmp_path)
    assert re.search(r"crashing +none +5 +5", shown.stdout)
    assert "and 4 more: error: " in shown.stderr
    assert "no_such_name" in shown.stderr
    (answer,) = json.loads(rlid_here("show", "--store", "store", "--json", cwd=tmp_path).stdout)
    assert "no_such_name" in answer["reasons"][0]


def test_a_check_of_failing_trials_gives_no_verdict(tmp_path, known):
    done = rlid(
        "check", *QUICK, "--max-dint", "5", "--agent", "crashing", "--store", "store", "--quiet",
        cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 1
    assert "PASS" not in done.stdout
    assert "no_such_name" in done.stderr


def test_half_of_the_trials_must_not_fail_where_a_measurement_is_published():
    def of(missing, known):
        failed = [a_record(status="error", score=None, reason="broken\nmore")] * missing
        return failed + [a_record()] * known

    assert why_not_published(of(1, 2)) == ""
    assert why_not_published(of(0, 1)) == ""
    assert why_not_published(of(2, 2)) == (
        "2 of 4 trials are missing: d = 3, seed 0 and 1 more: error: broken"
    )
