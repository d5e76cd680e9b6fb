"""Kills at writes of real trials, and stores that several processes use at once: small versions.

The long versions are the scripts `writes.py` and `together.py` in `faults/`.
"""

import os
import shutil
import sys
from pathlib import Path

import pytest
from records import a_record, a_spec

sys.path.append(str(Path(__file__).parent / "faults"))

import together
import writes

from rlid.records.state import State
from rlid.store import Store, maintenance
from rlid.training import Checkpoints


@pytest.mark.parametrize(("agent", "step"), [("cmaes", 17), ("ppo", 61), ("batched_ppo", 61)])
def test_a_cell_that_is_killed_at_a_write_gives_the_records_of_an_unbroken_one(agent, step):
    assert writes.strike(agent, step) >= 2


@pytest.mark.slow
@pytest.mark.parametrize("agent", writes.AGENTS)
def test_a_cell_may_be_killed_at_any_write(agent):
    assert writes.strike(agent) > 50


def test_a_repair_in_a_loop_beside_four_writers_loses_nothing():
    assert together.repaired(80) > 0


@pytest.mark.skipif(shutil.which("gcc") is None, reason="no compiler for the preloaded library")
def test_two_processes_without_hard_links_leave_one_record_and_know_which():
    assert sum(together.without_links(15)) == 15


def test_leftovers_of_a_killed_run_of_a_finished_trial_are_cleared(tmp_path):
    store, checkpoints = Store(tmp_path), Checkpoints(Store(tmp_path))
    finished, open_ = a_spec(seed=1), a_spec(seed=2)
    store.add(a_record(spec=finished))
    paths = []
    for spec in (finished, open_):
        assert checkpoints.save(spec, State({"step": 1}, {}))
        journal = store.room("journals", "cartpole") / f"{spec.key}.journal"
        journal.parent.mkdir(parents=True, exist_ok=True)
        journal.write_bytes(b"answers")
        paths.append((checkpoints.path(spec), journal))
    assert list(maintenance.examine(store)) == []
    for path in paths[0]:
        os.utime(path, (0, 0))
    assert {defect.path for defect in maintenance.examine(store)} == set(paths[0])
    maintenance.clear_finished(store)
    assert not any(path.exists() for path in paths[0])
    assert all(path.exists() for path in paths[1])
