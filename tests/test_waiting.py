"""Trials that another process holds: who waits for them says so, and takes them over."""

import json

import pytest
from here import EngineHere

from rlid.engine import agenda as agenda_module
from rlid.engine.worker import train
from rlid.measurement import Watcher
from rlid.measurement.plan import plan
from rlid.measurement.runner import Runner
from rlid.records import Judgement

OWNER = "0123456789abcdef"


class Listener(Watcher):
    def __init__(self):
        self.heard = []

    def note(self, text):
        self.heard.append(text)


class Asks(EngineHere):
    """Runs cells in this process, and asks again where there is none for now."""

    def run(self, agenda):
        while not agenda.is_done:
            if (cell := agenda.next()) is not None:
                train(cell, agenda.add, lambda *_: None)


@pytest.fixture
def runner(tmp_path, monkeypatch):
    """A runner in this process that soon says that it waits, and soon stops waiting."""
    monkeypatch.setattr(agenda_module, "LOOK_INTERVAL", 0.0)
    monkeypatch.setattr(agenda_module, "WAIT_UNTOLD", 0.1)
    monkeypatch.setattr("rlid.measurement.runner.make_engine", lambda *_: Asks())
    options = {"network": "mlp:4", "imports": ("hostile",), "agent": "random", "budget": 300}
    wanted = plan("gym:Quick-v0", dims=(2,), **options)
    with Runner(wanted, tmp_path / "store", watcher=Listener()) as runner:
        runner.leases.stale = 1.0
        yield runner


def hold(runner, spec):
    """Let a process hold a trial that died on another machine, or before this one started again."""
    folder = runner.store.folder / "leases"
    folder.mkdir()
    owner = {"machine": "elsewhere", "pid": 1, "started": 1}
    (folder / f"{OWNER}.owner").write_text(json.dumps(owner))
    (folder / f"{spec.key}.0.lease").write_text(OWNER)


def run(runner, specs):
    records = runner.run(runner.plan, specs, Judgement(4.5, 2.5, 5.0))
    assert not any(record.is_missing for record in records)
    return runner.watcher.heard


def test_a_run_that_waits_for_another_process_says_so_and_takes_over_what_it_left(runner):
    specs = [runner.plan.spec(2, seed, None) for seed in range(2)]
    hold(runner, specs[1])
    assert run(runner, specs) == [
        "waiting for another process to end 1 trial; if it has died, this one goes on within 1 s"
    ]


def test_a_run_that_has_all_its_trials_says_nothing_of_waiting(runner):
    assert run(runner, [runner.plan.spec(2, seed, None) for seed in range(2)]) == []
