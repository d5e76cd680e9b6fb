"""Whole measurements in real worker processes."""

import json

import pytest
from here import EngineHere

import rlid
from rlid.errors import ReferenceRefused
from rlid.measurement.summary import measurements, to_json
from rlid.store import references
from rlid.store.store import Store

pytestmark = pytest.mark.usefixtures("workers_find_fixtures")
QUICK = {"network": "mlp:4", "imports": ("hostile",), "agent": "cmaes"}


@pytest.fixture
def known(tmp_path, quick_reference):
    """Let the reference of the quick environment stand in the test's store."""
    quick_reference(tmp_path / "store")


def quick(tmp_path, task="gym:Quick-v0", **options):
    settings = {"dmax": 6, "seeds": 5, "budget": 3000, "store": tmp_path / "store", **QUICK}
    return rlid.measure(task, **{**settings, **options})


def timeless(measurement):
    found = measurement.to_json()
    del found["seconds"], found["trials_run"]
    return found


def test_an_unseen_environment_is_measured_with_its_own_reference(tmp_path):
    found = quick(tmp_path)
    answer = found.to_json()
    assert answer["random"] == pytest.approx(2.5, abs=0.3)
    assert answer["reference"] == pytest.approx(5.0, abs=0.2)
    assert answer["failed_trials"] == 0
    assert 1 <= answer["d_int90"] <= 6
    assert answer["ci_low"] <= answer["d_int90"]
    assert (tmp_path / "store/references/gym_Quick-v0/mlp_4.json").exists()
    assert json.loads(json.dumps(answer, allow_nan=False)) == answer


def test_a_second_run_reuses_every_trial_and_says_the_same(tmp_path, known):
    first, second = quick(tmp_path), quick(tmp_path)
    assert first.trials_run == len(first.records) > 0
    assert second.trials_run == 0
    assert timeless(first) == timeless(second)


def test_a_stored_record_is_read_once_and_so_is_the_reference(tmp_path, monkeypatch, known):
    monkeypatch.setattr("rlid.measurement.runner.make_engine", lambda *_: EngineHere())
    first = quick(tmp_path)
    read = []
    parse, load = Store.parse, references.read
    monkeypatch.setattr(Store, "parse", lambda store, path: read.append(path) or parse(store, path))
    monkeypatch.setattr(references, "read", lambda path: read.append(path) or load(path))
    again = quick(tmp_path)
    assert again.trials_run == 0
    assert len(read) == len(set(read)) == len(first.records) + 1


def test_the_answer_does_not_depend_on_the_number_of_jobs(tmp_path):
    found = [
        rlid.measure(
            "cartpole", dmax=6, seeds=3, jobs=jobs, budget=20_000, store=tmp_path / str(jobs)
        )
        for jobs in (1, 2)
    ]
    assert timeless(found[0]) == timeless(found[1])
    one, two = (
        {record.key: record for record in Store(tmp_path / str(jobs)).records()} for jobs in (1, 2)
    )
    same = {"seconds": 0.0}
    assert one.keys() == two.keys()
    for key in one:
        assert one[key].model_copy(update=same) == two[key].model_copy(update=same)


def test_the_store_shows_the_answer_of_the_run(tmp_path, known):
    found = quick(tmp_path).to_json()
    (shown,) = measurements(Store(tmp_path / "store"))
    again = to_json(shown)
    for name in ("task", "D", "d_int90", "ci_low", "ci_high", "curve", "env_steps", "dmax"):
        assert again[name] == found[name]


def test_a_grid_runs_every_pair(tmp_path, known):
    found = quick(tmp_path, search="grid", dims=[1, 3], dmax=None, seeds=4)
    assert [(r.spec.d, r.spec.seed) for r in found.records] == [
        (d, seed) for d in (1, 3) for seed in range(4)
    ]


def test_failed_trials_are_kept_counted_and_run_again_on_request(tmp_path, give_reference):
    task = "gym:RaisesRarely-v0"
    give_reference(task, 5.0, 2.5, network="mlp:4")
    options = {"search": "grid", "dims": [4], "dmax": None, "seeds": 10, "full": True}
    found = quick(tmp_path, task, **options)
    failed = found.to_json()["failed_trials"]
    assert 0 < failed < 10
    assert all("the pole fell off" in r.reason for r in found.records if r.is_missing)
    assert quick(tmp_path, task, **options).trials_run == 0
    assert quick(tmp_path, task, **options, retry=True).trials_run == failed


def test_an_environment_on_which_random_actions_fail_is_refused(tmp_path):
    with pytest.raises(ReferenceRefused, match="the pole fell off"):
        quick(tmp_path, "gym:Raises-v0")
    (record,) = Store(tmp_path / "store").records()
    assert record.status == "error"
    assert r"the pole fell off\x1b[8m" in record.reason


@pytest.mark.slow
def test_an_environment_that_hangs_now_and_then_costs_the_trials_it_hangs_in(tmp_path):
    found = quick(
        tmp_path, "gym:HangsRarely-v0", search="grid", dims=[6], dmax=None, seeds=6, timeout=4.0
    )
    statuses = [record.status for record in found.records]
    assert set(statuses) <= {"solved", "unsolved", "timeout"}
    assert len(statuses) == 6
    assert all("no sign of life" in r.reason for r in found.records if r.status == "timeout")


def test_a_reference_below_the_floor_is_refused(tmp_path, give_reference):
    give_reference("cartpole", 300.0, 22.0, imports=())
    with pytest.raises(ReferenceRefused, match="below the floor of 475"):
        rlid.measure("cartpole", dmax=3, seeds=2, store=tmp_path / "store")


def test_a_reference_no_better_than_random_is_refused(tmp_path, give_reference):
    give_reference("gym:Quick-v0", 2.5, 2.5, network="mlp:4")
    with pytest.raises(ReferenceRefused, match="no better than random"):
        quick(tmp_path)


def test_the_raw_rule_needs_a_positive_reference(tmp_path, give_reference):
    give_reference("gym:Quick-v0", 4.0, 2.0, network="mlp:4")
    found = quick(tmp_path, rule="raw", seeds=1, dmax=2)
    assert found.judgement.threshold == pytest.approx(3.6)
    give_reference("gym:Quick-v0", -1.0, -2.0, network="mlp:4")
    with pytest.raises(ValueError, match="--rule raw"):
        quick(tmp_path, rule="raw")


def test_a_script_without_a_main_guard_works(tmp_path):
    import subprocess
    import sys

    script = tmp_path / "script.py"
    script.write_text(
        "import rlid\n"
        "found = rlid.measure('cartpole', dmax=2, seeds=1, budget=2000, store='s')\n"
        "print(found.sentence)\n"
    )
    done = subprocess.run(
        [sys.executable, str(script)], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("cartpole · cmaes · mlp:20x20 (D = 562) · onehot: ")
    assert done.stdout.count("\n") == 1


def test_the_budget_check_runs_what_is_unsolved_next_to_the_threshold_longer(tmp_path):
    from rlid.measurement import run_plan
    from rlid.measurement.budget_check import check_budget
    from rlid.measurement.plan import plan
    from rlid.measurement.runner import Runner
    from rlid.measurement.summary import measurements
    from rlid.store.store import Store

    wanted = plan("cartpole", dmax=4, seeds=5, budget=2000)
    with Runner(wanted, tmp_path / "store") as runner:
        measured = run_plan(runner)
        check = check_budget(runner, measured)
        again = check_budget(runner, measured)
    assert again == check
    # What was chosen because it had failed is no measurement of its own.
    assert [one.spec.budget for one in measurements(Store(tmp_path / "store"))] == [2000]
    unsolved = [record for record in measured.records if record.status == "unsolved"]
    assert 0 < len(check.rerun) <= len(unsolved)
    assert {record.spec.budget for record in check.rerun} == {4000}
    assert check.to_json()["rerun"] == len(check.rerun)
    assert ("moves" if check.moves else "stays") in check.sentence
