"""The local engine: a lost worker costs its own trials only, and no worker outlives its parent."""

import json
import multiprocessing
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from command import write_environment

from rlid.engine import agenda as agenda_module
from rlid.engine.agenda import Agenda, Cell, End
from rlid.engine.local import LocalEngine
from rlid.engine.process import THREADS, WorkerProcess
from rlid.engine.worker import random_scores, split
from rlid.errors import EngineError
from rlid.measurement.plan import plan
from rlid.records.judgement import Judgement
from rlid.store.leases import Leases
from rlid.store.store import Store

pytestmark = pytest.mark.usefixtures("workers_find_fixtures")
IMPORTS = ("hostile",)
SCRIPT = Path(__file__).parent / "fixtures" / "script.py"
JUDGEMENT = Judgement(4.5, 2.5, 5.0)


@pytest.fixture(scope="module")
def engine():
    """Two workers for all tests: each takes seconds to import what it needs."""
    with LocalEngine(2, 60.0) as engine:
        yield engine


def specs_of(task, seeds, *, d=8, budget=3000, stop=4.5):
    wanted = plan(task, agent="random", dmax=d, network="mlp:4", budget=budget, imports=IMPORTS)
    return [wanted.spec(d, seed, stop) for seed in seeds]


def run(engine, tmp_path, cells):
    store = Store(tmp_path)
    heard = []
    made = [Cell(specs[0].task, IMPORTS, tuple(specs), JUDGEMENT, str(tmp_path)) for specs in cells]
    leases = Leases(tmp_path)
    engine.run(Agenda(made, store, leases, lambda spec: 100, heard.append))
    leases.close()
    assert sorted(record.key for record in heard) == sorted(
        spec.key for specs in cells for spec in specs
    )
    return {record.key: record for record in store.records()}


def test_every_trial_is_run_and_heard_of_once(engine, tmp_path):
    specs = specs_of("gym:Quick-v0", range(6))
    found = run(engine, tmp_path, [specs[:3], specs[3:5], specs[5:]])
    assert set(found) == {spec.key for spec in specs}
    assert {record.status for record in found.values()} <= {"solved", "unsolved"}


def test_a_worker_late_to_end_is_not_taken_to_have_failed_its_next_cell(engine, tmp_path):
    for spec in specs_of("gym:SlowToClose-v0", range(3)):
        assert not run(engine, tmp_path, [[spec]])[spec.key].is_missing


def test_a_cell_that_crashes_is_run_again_one_by_one(engine, tmp_path, monkeypatch):
    monkeypatch.setattr(agenda_module, "ATTEMPTS", 2)
    # The third of them meets an episode in which the environment dies.
    specs = specs_of("gym:DiesOften-v0", range(1, 4), stop=None, budget=2000)
    found = run(engine, tmp_path, [specs])
    failed = [record for record in found.values() if record.is_missing]
    assert 1 <= len(failed) < len(specs)
    for record in failed:
        assert record.status == "error"
        assert "worker died (exit code 9)\nthe pole broke" in record.reason


def test_a_trial_that_hangs_is_recorded_as_timed_out_and_a_long_one_is_not(engine, tmp_path):
    patience, engine.patience = engine.patience, 4.0
    hangs, long = specs_of("gym:Hangs-v0", [0]), specs_of("gym:Slow-v0", [0], budget=400)
    good = specs_of("gym:Quick-v0", range(1))
    found = run(engine, tmp_path, [hangs, long, good])
    engine.patience = patience
    hung = found[hangs[0].key]
    assert hung.status == "timeout"
    assert hung.reason.startswith("no sign of life for 4 s\n")
    assert re.search(r"hostile.py.*, line \d+ in step", hung.reason)
    assert found[long[0].key].seconds > 4.0
    assert not any(found[specs[0].key].is_missing for specs in (long, good))


@pytest.mark.parametrize(
    ("kind", "runs", "status"),
    [
        ("died", 3, "error"),
        ("lost", 10, "error"),
        ("raised", 1, "error"),
        ("timeout", 1, "timeout"),
    ],
)
def test_a_trial_is_run_again_as_often_as_its_end_deserves(tmp_path, kind, runs, status):
    (spec,) = specs_of("gym:Quick-v0", [0])
    cell = Cell(spec.task, IMPORTS, (spec,), JUDGEMENT, str(tmp_path))
    store, leases = Store(tmp_path), Leases(tmp_path)
    agenda = Agenda([cell], store, leases, lambda _: 100, lambda _: None)
    for _ in range(runs):
        assert store.get(spec) is None
        agenda.end(agenda.next(), End(kind, "the reason"))
    leases.close()
    assert agenda.is_done
    assert (store.get(spec).status, store.get(spec).reason) == (status, "the reason")


def test_a_call_returns_or_says_what_went_wrong(engine):
    patience, engine.patience = engine.patience, 2.0
    scores = engine.call(random_scores, "gym:Quick-v0", IMPORTS, 0, 7, range(7))
    assert len(scores) == 7
    with pytest.raises(EngineError, match="the pole fell off"):
        engine.call(random_scores, "gym:Raises-v0", IMPORTS, 0, 7, range(7))
    with pytest.raises(EngineError, match="no sign of life"):
        engine.call(random_scores, "gym:Hangs-v0", IMPORTS, 0, 7, range(7))
    assert len(engine.call(random_scores, "gym:Quick-v0", IMPORTS, 0, 3, range(3))) == 3
    engine.patience = patience


def test_an_episode_in_which_the_environment_fails_is_left_out_of_the_random_score(engine):
    scores = engine.call(random_scores, "gym:RaisesOften-v0", IMPORTS, 4, 600, range(600))
    assert 570 < len(scores) < 600


def test_random_scores_depend_on_the_seed_alone(engine):
    first, again, other = (
        engine.call(random_scores, "gym:Quick-v0", IMPORTS, seed, 9, range(9)) for seed in (0, 0, 1)
    )
    assert first == again != other


def test_an_idle_worker_that_is_killed_is_replaced(engine, tmp_path):
    run(engine, tmp_path, [specs_of("gym:Quick-v0", [0])])
    before = {one.process.pid for one in engine._workers}
    killed = engine._workers[0].process.pid
    os.kill(killed, signal.SIGKILL)
    specs = specs_of("gym:Quick-v0", [1])
    assert not run(engine, tmp_path, [specs])[specs[0].key].is_missing
    assert killed in before - {one.process.pid for one in engine._workers}


def test_workers_do_not_outlive_a_killed_parent(tmp_path):
    script = (
        "import sys\n"
        "from hostile import hold_the_interpreter\n"
        "from rlid.engine.local import LocalEngine\n"
        "LocalEngine(1, 60.0).call(hold_the_interpreter, sys.argv[1])\n"
    )
    sign = tmp_path / "it holds the interpreter"
    parent = subprocess.Popen([sys.executable, "-c", script, str(sign)])
    try:
        deadline = time.monotonic() + 60
        while not sign.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        workers = children_of(parent.pid)
        assert workers
    finally:
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    deadline = time.monotonic() + 30
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


@pytest.mark.parametrize("how", ["class", "text", "wrapper", "network"])
def test_a_script_measures_with_everything_that_it_registers(tmp_path, how):
    done = run_script(how, tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout in ("['solved']\n", "['unsolved']\n")


def test_a_script_that_measures_when_it_is_imported_is_told_what_to_change(tmp_path):
    done = run_script("unguarded", tmp_path)
    assert done.returncode == 1
    assert 'behind `if __name__ == "__main__":`' in done.stderr


def test_a_worker_that_imports_a_script_is_refused_before_it_waits_for_anything(monkeypatch):
    monkeypatch.setattr(multiprocessing.current_process(), "_inheriting", True, raising=False)
    with pytest.raises(EngineError, match="must not measure"):
        LocalEngine(1, 60.0)


def run_script(how, folder):
    command = [sys.executable, SCRIPT, how, folder / "store"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=240)
