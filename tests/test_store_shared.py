"""A store in use by several processes: repaired, moved, or without hard links."""

import errno
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from command import RLID, rlid
from records import a_record, a_spec

from rlid.errors import DamagedRecord, StoreError
from rlid.records.record import parse_record, written
from rlid.records.state import State
from rlid.store import files as files_module
from rlid.store import maintenance as upkeep
from rlid.store.leases import Leases
from rlid.store.store import Store
from rlid.store.z_files import named_by_hash
from rlid.training.checkpoint import Checkpoints

Z = np.array([0.5, -1.0, 2.0], np.float32)
WRITER = """
import sys
import numpy as np
from records import a_record, a_spec
from rlid.store import Leases, Store
folder, first, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
store, leases = Store(folder), Leases(folder)
for seed in range(first, first + count):
    spec = a_spec(seed=seed)
    assert leases.take(spec.key)
    store.add(a_record(spec=spec), np.full(3, seed, np.float32))
    leases.release(spec.key, done=True)
leases.close()
"""


@pytest.fixture
def without_links(monkeypatch):
    """Let every hard link fail, as on a file system that has none."""

    def refuse(*args):
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", refuse)


@pytest.mark.usefixtures("workers_find_fixtures")
def test_a_repair_in_a_loop_beside_writers_loses_nothing(tmp_path):
    count, writers = 25, 3
    Store(tmp_path).check_writable()
    running = [
        subprocess.Popen([sys.executable, "-c", WRITER, tmp_path, str(n * count), str(count)])
        for n in range(writers)
    ]
    store = Store(tmp_path)
    while any(process.poll() is None for process in running):
        for defect in upkeep.examine(store):
            upkeep.repair(store, defect)
    assert [process.returncode for process in running] == [0] * writers
    records = list(store.records())
    assert len(records) == writers * count
    assert all(store.z(record)[0] == record.spec.seed for record in records)
    assert list(upkeep.examine(store)) == []


def test_a_file_that_is_being_written_is_no_defect(tmp_path):
    store = Store(tmp_path)
    stored = store.add(a_record(), Z)
    folder = store.path(stored.spec).parent
    half = folder / ".x.json.0123456789abcdef.tmp"
    half.write_text("half")
    (folder / f"{'1' * 64}.safetensors").write_bytes(b"")
    assert list(upkeep.examine(store)) == []
    age = time.time() - 2 * upkeep.LEFT_OVER
    os.utime(half, (age, age))
    (defect,) = upkeep.examine(store)
    other = Leases(tmp_path)
    other.take("1" * 64)
    assert list(upkeep.examine(store)) == []
    other.close()
    upkeep.repair(store, defect)
    (moved,) = store.quarantined()
    assert moved.read_text() == "half"


def test_a_folder_that_is_no_store_is_not_repaired(tmp_path):
    home = tmp_path / "home"
    (home / "work").mkdir(parents=True)
    editors = home / "work" / ".notes.txt.0123456789abcdef.tmp"
    editors.write_text("mine")
    os.utime(editors, (0, 0))
    done = rlid("store", "check", home, "--repair", cwd=tmp_path)
    assert done.returncode == 2
    assert "is no store" in done.stderr
    Store(home).check_writable()
    assert rlid("store", "check", home, "--repair", cwd=tmp_path).returncode == 0
    assert editors.read_text() == "mine"


@pytest.mark.parametrize("place", range(0, 2000, 97))
def test_a_flipped_digit_of_a_record_is_found(tmp_path, place):
    text = written(a_record())
    digits = [at for at, char in enumerate(text) if char.isdigit()]
    at = digits[place % len(digits)]
    flipped = text[:at] + ("1" if text[at] != "1" else "2") + text[at + 1 :]
    with pytest.raises(DamagedRecord):
        parse_record(flipped)
    store = Store(tmp_path)
    path = store.path(store.add(a_record()).spec)
    path.write_text(flipped)
    assert len(list(upkeep.examine(store))) == 1


def test_a_record_without_checksum_is_read():
    text = a_record().model_dump_json(indent=1) + "\n"
    assert parse_record(text) == a_record()
    assert parse_record(written(a_record())) == a_record()


def test_the_z_of_another_process_is_not_overwritten(tmp_path):
    store, record = Store(tmp_path), a_record()
    path = store.path(record.spec)
    first = Store(tmp_path / "other").add(record, Z)
    plain = path.with_suffix(".safetensors")
    path.parent.mkdir(parents=True)
    plain.write_bytes(Store(tmp_path / "other").z_bytes(record.spec, first.z_sha256))
    before = plain.read_bytes()
    stored = store.add(record, 2 * Z)
    assert plain.read_bytes() == before
    assert named_by_hash(path, stored.z_sha256).is_file()
    assert np.array_equal(store.z(stored), 2 * Z)


@pytest.mark.usefixtures("without_links")
def test_without_links_the_first_record_stays_and_both_know_it(tmp_path):
    for seed in range(40):
        spec, outcomes = a_spec(seed=seed), {}
        barrier = threading.Barrier(2)

        def add(score, spec=spec, outcomes=outcomes, barrier=barrier):
            barrier.wait()
            outcomes[score] = Store(tmp_path).add(a_record(spec=spec, score=score), score * Z)

        threads = [threading.Thread(target=add, args=(score,)) for score in (1.0, 2.0)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        stored = Store(tmp_path).get(spec)
        assert outcomes[1.0] == outcomes[2.0] == stored
        assert np.array_equal(Store(tmp_path).z(stored), stored.score * Z)
    assert not list(tmp_path.rglob("*.claim"))


@pytest.mark.usefixtures("without_links")
@pytest.mark.parametrize("written", [0, 2 * 10**9], ids=["long ago", "by a clock that is ahead"])
def test_a_claim_that_a_killed_process_left_is_taken_over(tmp_path, monkeypatch, written):
    monkeypatch.setattr(files_module, "CLAIM_SECONDS", 0.1)
    store = Store(tmp_path)
    path = store.path(a_spec())
    path.parent.mkdir(parents=True)
    claim = path.with_name(f".{path.name}.claim")
    claim.write_text("killed")
    os.utime(claim, (written, written))
    assert store.add(a_record()) == store.get(a_spec())
    assert not claim.exists()


@pytest.mark.usefixtures("without_links")
def test_the_claim_of_a_process_that_writes_is_not_taken_from_it_by_a_clock_that_is_ahead(tmp_path):
    store = Store(tmp_path)
    path = store.path(a_spec())
    path.parent.mkdir(parents=True)
    claim = path.with_name(f".{path.name}.claim")
    claim.write_text("another process")
    os.utime(claim, (0, 0))
    waiting = threading.Thread(target=store.add, args=(a_record(),))
    waiting.start()
    time.sleep(0.3)
    assert claim.read_text() == "another process"
    claim.unlink()
    waiting.join()
    assert store.get(a_spec()) == a_record()


def test_a_store_that_was_moved_is_not_made_again(tmp_path):
    store = Store(tmp_path / "store")
    store.check_writable()
    (tmp_path / "store").rename(tmp_path / "moved")
    with pytest.raises(StoreError, match="was moved or deleted"):
        store.add(a_record(), Z)
    assert not (tmp_path / "store").exists()


def test_a_run_whose_store_is_moved_ends_with_one_line(tmp_path):
    words = ["run", "cartpole", "--dims", "400", "--seeds", "3", "--search", "grid", "--quiet"]
    words += ["--budget", "30000", "--jobs", "1", "--store", "store", "--agent", "random", "--full"]
    process = subprocess.Popen(
        [RLID, *words], cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    store = tmp_path / "store"
    deadline = time.monotonic() + 60
    while not list(store.glob("leases/*.lease")) and time.monotonic() < deadline:
        time.sleep(0.02)
    store.rename(tmp_path / "moved")
    _, said = process.communicate(timeout=120)
    assert process.returncode == 74, said
    assert said.count("\n") == 1
    assert not store.exists()


def test_half_written_checkpoints_are_cleared_by_the_next_run(tmp_path):
    checkpoints, spec = Checkpoints(Store(tmp_path)), a_spec()
    assert checkpoints.save(spec, State({"step": 1}, {}))
    path = checkpoints.path(spec)
    half = path.with_name(f".{path.name}.0123456789abcdef.tmp")
    half.write_bytes(b"half")
    assert checkpoints.load(spec).plain == {"step": 1}
    assert not half.exists()
    assert Path(path).exists()
