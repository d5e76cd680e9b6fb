"""What goes wrong outside: disks that fill up, hostile bytes and environments, lost machines.

The long versions are scripts of their own in `faults/`; each prints its figure.
"""

import random
import subprocess
import sys
from pathlib import Path

import pytest
from command import RLID, rlid

from rlid.engine import Place, agenda
from rlid.engine.agenda import Agenda, Cell
from rlid.engine.local import LocalEngine
from rlid.measurement.plan import plan
from rlid.records.judgement import Judgement
from rlid.store.leases import Leases
from rlid.store.store import Store

FAULTS = Path(__file__).parent / "faults"
sys.path.append(str(FAULTS))

import damage  # noqa: E402
import storage  # noqa: E402

pytestmark = pytest.mark.usefixtures("workers_find_fixtures")


@pytest.mark.parametrize("kills", [False, True], ids=["fails", "kills"])
def test_a_store_is_sound_whichever_call_fails_or_is_the_last(kills, monkeypatch):
    monkeypatch.setattr(storage, "TRIALS", 1)
    assert storage.strike_everywhere(kills) >= 40


def test_no_bytes_get_more_out_of_a_loader_than_its_refusal():
    rng = random.Random(0)
    assert damage.prefixes() > 2000
    damage.flips(300, rng)
    damage.fuzz(3000, rng)
    assert not damage.FIRED


def test_a_full_disk_is_one_line_and_the_run_resumes(tmp_path, give_reference):
    give_reference("gym:Quick-v0", 5.0, 2.5, network="mlp:4")
    arguments = (
        "run gym:Quick-v0 --import hostile --network mlp:4 --budget 1000 --dims 4 --search grid "
        f"--agent random --seeds 2 --jobs 1 --quiet --store {tmp_path}/store"
    ).split()
    full = subprocess.run(
        ["bash", "-c", 'ulimit -f 1 && exec "$@"', "bash", str(RLID), *arguments],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert full.returncode == 74, full.stderr
    assert full.stderr.count("\n") == 1
    assert "cannot be written: File too large" in full.stderr
    assert list(Store(tmp_path / "store").records()) == []
    assert rlid(*arguments, cwd=tmp_path).returncode == 0
    assert len(list(Store(tmp_path / "store").records())) == 2


def test_a_segfault_and_memory_without_end_cost_their_own_trials(tmp_path, monkeypatch):
    monkeypatch.setattr(agenda, "ATTEMPTS", 1)
    reasons = {
        "gym:Segfaults-v0": ("error", "SIGSEGV", "Segmentation fault", "hostile.py"),
        "gym:Allocates-v0": ("error", "MemoryError"),
        "gym:Quick-v0": ("unsolved",),
    }
    cells = []
    for task in reasons:
        wanted = plan(
            task, agent="random", dmax=4, network="mlp:4", budget=1000, imports=["hostile"]
        )
        specs = (wanted.spec(4, 0, None),)
        cells.append(Cell(task, ("hostile",), specs, Judgement(5.1), str(tmp_path)))
    with LocalEngine(2, 60.0, memory=2 * 2**30) as engine:
        leases = Leases(tmp_path)
        engine.run(Agenda(cells, Store(tmp_path), leases, lambda _: 22, lambda _: None))
        leases.close()
    found = {record.spec.task: record for record in Store(tmp_path).records()}
    for task, (status, *words) in reasons.items():
        assert found[task].status == status, found[task].reason
        assert all(word in found[task].reason for word in words), found[task].reason


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"engine": "rai"}, "did you mean 'ray'"),
        ({"jobs": 0}, "--jobs 0: must be at least 1"),
        ({"gpus": 0.5}, "need --engine ray"),
        ({"engine": "ray", "gpus": 1.5}, "--gpus 1.5: a fraction of one, or a whole number"),
        ({"engine": "ray", "cpus": -1}, "--cpus -1"),
        ({"engine": "ray", "memory": 1}, "--memory needs --engine local"),
        ({"memory": 0}, "--memory 0: must be above 0"),
    ],
)
def test_a_place_that_makes_no_sense_is_refused(changes, words):
    with pytest.raises(ValueError, match=words):
        Place(**changes)


@pytest.mark.slow
@pytest.mark.parametrize(
    "command", ["cluster.py", "kills.py 6 4", "sharing.py 3 40"], ids=lambda text: text.split()[0]
)
def test_processes_and_machines_may_be_lost(command):
    pytest.importorskip("ray")
    script, *numbers = command.split()
    done = subprocess.run(
        [sys.executable, str(FAULTS / script), *numbers], stdout=subprocess.PIPE, timeout=1200
    )
    assert done.returncode == 0
