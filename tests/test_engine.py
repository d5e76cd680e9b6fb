"""The local engine: a lost worker costs its own trials only, and no worker outlives its parent."""

import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest

from rlid.engine import EngineError
from rlid.engine.agenda import Agenda, Cell
from rlid.engine.local import LocalEngine
from rlid.engine.process import THREADS, WorkerProcess
from rlid.engine.worker import random_scores, split
from rlid.leases import Leases
from rlid.plan import plan
from rlid.record import Judgement
from rlid.store import Store

pytestmark = pytest.mark.usefixtures("workers_find_fixtures")
IMPORTS = ("hostile",)


def specs_of(task, seeds, *, d=8, budget=3000, stop=4.5):
    wanted = plan(task, agent="cmaes", dmax=d, network="mlp:4", budget=budget, imports=IMPORTS)
    return [wanted.spec(d, seed, stop) for seed in seeds]


def run(tmp_path, cells, *, jobs=2, patience=60.0):
    store = Store(tmp_path)
    heard = []
    made = [
        Cell(specs[0].task, IMPORTS, tuple(specs), Judgement(4.5, 2.5, 5.0), str(tmp_path))
        for specs in cells
    ]
    with LocalEngine(jobs, patience) as engine:
        leases = Leases(tmp_path)
        engine.run(Agenda(made, store, leases, lambda spec: 100, heard.append))
        leases.close()
    assert sorted(record.key for record in heard) == sorted(
        spec.key for specs in cells for spec in specs
    )
    return {record.key: record for record in store.records()}


def test_every_trial_is_run_and_heard_of_once(tmp_path):
    specs = specs_of("gym:Quick-v0", range(6))
    found = run(tmp_path, [specs[:3], specs[3:5], specs[5:]])
    assert set(found) == {spec.key for spec in specs}
    assert {record.status for record in found.values()} <= {"solved", "unsolved"}


def test_a_worker_late_to_end_is_not_taken_to_have_failed_its_next_cell(tmp_path):
    store, heard = Store(tmp_path), []
    with LocalEngine(1, 60.0) as engine:
        for spec in specs_of("gym:SlowToClose-v0", range(3)):
            cell = Cell(spec.task, IMPORTS, (spec,), Judgement(4.5, 2.5, 5.0), str(tmp_path))
            leases = Leases(tmp_path)
            engine.run(Agenda([cell], store, leases, lambda _: 100, heard.append))
            leases.close()
    assert len(heard) == 3
    assert all(not record.is_missing for record in heard)


def test_a_worker_that_dies_costs_its_own_trial_only(tmp_path):
    good, bad = specs_of("gym:Quick-v0", range(3)), specs_of("gym:Dies-v0", [0])
    found = run(tmp_path, [good[:1], bad, good[1:]])
    assert found[bad[0].key].status == "error"
    assert "worker died (exit code 9)\nthe pole broke" in found[bad[0].key].reason
    assert all(not found[spec.key].is_missing for spec in good)


def test_a_cell_that_crashes_is_run_again_one_by_one(tmp_path):
    specs = specs_of("gym:DiesRarely-v0", range(8), stop=None, budget=6000)
    found = run(tmp_path, [specs])
    statuses = [record.status for record in found.values()]
    assert statuses.count("error") >= 1
    assert len(statuses) - statuses.count("error") >= 1


def test_a_trial_that_hangs_is_recorded_as_timed_out(tmp_path):
    good, bad = specs_of("gym:Quick-v0", range(2)), specs_of("gym:Hangs-v0", [0])
    started = time.monotonic()
    found = run(tmp_path, [bad, good[:1], good[1:]], patience=4.0)
    assert time.monotonic() - started < 60
    assert found[bad[0].key].status == "timeout"
    assert found[bad[0].key].reason.startswith("no sign of life for 4 s\n")
    assert re.search(r"hostile.py.*, line \d+ in step", found[bad[0].key].reason)
    assert all(not found[spec.key].is_missing for spec in good)


def test_a_long_trial_is_not_a_hung_one(tmp_path):
    specs = specs_of("gym:Quick-v0", [0], stop=None, budget=400_000)
    found = run(tmp_path, [specs], patience=4.0)
    assert found[specs[0].key].seconds > 4.0
    assert not found[specs[0].key].is_missing


def test_a_call_returns_or_says_what_went_wrong():
    with LocalEngine(1, 5.0) as engine:
        scores = engine.call(random_scores, "gym:Quick-v0", IMPORTS, 0, 7, range(7))
        assert len(scores) == 7
        with pytest.raises(EngineError, match="the pole fell off"):
            engine.call(random_scores, "gym:Raises-v0", IMPORTS, 0, 7, range(7))
        with pytest.raises(EngineError, match="no sign of life"):
            engine.call(random_scores, "gym:Hangs-v0", IMPORTS, 0, 7, range(7))
        assert len(engine.call(random_scores, "gym:Quick-v0", IMPORTS, 0, 3, range(3))) == 3


def test_an_episode_in_which_the_environment_fails_is_left_out_of_the_random_score():
    with LocalEngine(1, 30.0) as engine:
        scores = engine.call(random_scores, "gym:RaisesRarely-v0", IMPORTS, 4, 9000, range(9000))
    assert 8900 < len(scores) < 9000


def test_random_scores_depend_on_the_seed_alone():
    with LocalEngine(1, 30.0) as engine:
        first, again, other = (
            engine.call(random_scores, "gym:Quick-v0", IMPORTS, seed, 9, range(9))
            for seed in (0, 0, 1)
        )
    assert first == again != other


def test_workers_do_not_outlive_a_killed_parent(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import rlid\n"
        "if __name__ == '__main__':\n"
        "    rlid.measure('cartpole', dmax=4, seeds=4, jobs=2, budget=10**9,\n"
        f"                 store={str(tmp_path / 'store')!r}, full=True)\n"
    )
    parent = subprocess.Popen([sys.executable, str(script)])
    try:
        deadline = time.monotonic() + 60
        while len(children_of(parent.pid)) < 2 and time.monotonic() < deadline:
            time.sleep(0.2)
        time.sleep(4)
        workers = children_of(parent.pid)
        assert workers
    finally:
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    deadline = time.monotonic() + 5
    while any(is_alive(pid) for pid in workers) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not [pid for pid in workers if is_alive(pid)]


def children_of(parent):
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(parent)], capture_output=True)
    return [int(pid) for pid in found.stdout.split()]


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # A killed orphan may wait a moment for whoever is to reap it.
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rsplit(")", 1)[1].split()[0] != "Z"


def test_split_deals_out_everything():
    assert split(list(range(7)), 3) == [[0, 3, 6], [1, 4], [2, 5]]
    assert split([], 2) == []
    assert split([1], 4) == [[1]]


def test_a_worker_takes_one_thread_whatever_the_parent_takes(tmp_path, monkeypatch):
    seen = tmp_path / "seen.json"
    monkeypatch.setenv(THREADS[0], "7")
    worker = WorkerProcess(target=write_environment, args=(str(seen),))
    worker.start()
    worker.join(60)
    assert {name: json.loads(seen.read_text())[name] for name in THREADS} == dict.fromkeys(
        THREADS, "1"
    )
    assert os.environ[THREADS[0]] == "7"


def write_environment(path):
    with open(path, "w") as file:
        json.dump(dict(os.environ), file)
