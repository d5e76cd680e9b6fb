"""`rlid store check` finds what is wrong, mends it on request, and merge keeps what is there."""

import json
import os
import time

import numpy as np
import pytest
from command import rlid
from records import a_record, a_spec

from rlid.store import maintenance as upkeep
from rlid.store import measurements
from rlid.store.store import Store

Z = np.array([0.5, -1.0, 2.0], np.float32)


@pytest.fixture
def damaged(tmp_path):
    """Return a store with one of everything that can be wrong, and one sound trial."""
    store = Store(tmp_path / "damaged")
    for seed in range(5):
        store.add(a_record(spec=a_spec(seed=seed)), Z)

    def path(seed, suffix):
        return store.path(a_spec(seed=seed)).with_suffix(suffix)

    path(1, ".json").write_text("{")
    path(2, ".safetensors").unlink()
    path(3, ".safetensors").write_bytes(b"\x00" * 100)
    path(4, ".json").unlink()
    half = path(0, ".json").parent / ".x.json.0123456789abcdef.tmp"
    half.write_text("half")
    moved = store.add(a_record(spec=a_spec(seed=9)))
    (store.folder / "trials" / "elsewhere").mkdir()
    os.rename(path(9, ".json"), store.folder / "trials/elsewhere" / f"{moved.key}.json")
    long_ago = time.time() - 2 * upkeep.LEFT_OVER
    for left_over in (half, path(4, ".safetensors")):
        os.utime(left_over, (long_ago, long_ago))
    return store


def test_a_check_finds_everything_and_changes_nothing(damaged):
    before = sorted(damaged.folder.rglob("*"))
    found = sorted(one.what.split(":")[0] for one in upkeep.examine(damaged))
    assert sorted(damaged.folder.rglob("*")) == before
    z2, z3 = (damaged.path(a_spec(seed=n)).with_suffix(".safetensors").name for n in (2, 3))
    assert found == sorted(
        [
            "not JSON",
            z2,
            z3,
            "a z without its record, left from a crash",
            "a half-written file, left from a crash",
            "a record of cartpole, in the wrong folder",
        ]
    )


def test_a_repaired_store_is_sound_and_keeps_what_is_sound(damaged):
    for finding in upkeep.examine(damaged):
        upkeep.repair(damaged, finding)
    assert list(upkeep.examine(damaged)) == []
    assert [record.spec.seed for record in damaged.records()] == [0]
    assert np.array_equal(damaged.z(next(damaged.records())), Z)


def test_a_merge_adds_what_is_missing_and_says_what_differs(tmp_path):
    target, source = Store(tmp_path / "a"), Store(tmp_path / "b")
    target.add(a_record(), Z)
    target.add(a_record(spec=a_spec(seed=1), score=12.0))
    target.add(a_record(spec=a_spec(seed=2), status="timeout", score=None))
    source.add(a_record(seconds=99.0), Z)
    source.add(a_record(spec=a_spec(seed=1), score=13.0))
    source.add(a_record(spec=a_spec(seed=2)), Z)
    source.add(a_record(spec=a_spec(seed=3)), Z)
    merged = upkeep.merge(target, source)
    assert (merged.added, merged.known) == (2, 1)
    assert [record.spec.seed for record in merged.conflicts] == [1]
    scores = {record.spec.seed: record.score for record in target.records()}
    assert scores == {0: 480.0, 1: 12.0, 2: 480.0, 3: 480.0}
    assert list(upkeep.examine(target)) == []
    assert upkeep.merge(target, source).added == 0


def test_a_merge_adds_measurements_and_never_overwrites_one(tmp_path, quick_store):
    target, other = Store(tmp_path / "target"), Store(tmp_path / "other")
    merged = upkeep.merge(target, quick_store)
    assert (merged.measurements, merged.kept) == (1, ())
    (stored,) = measurements.of_store(target)
    assert [stored] == list(measurements.of_store(quick_store))
    # Where and when the same answer was written makes no difference.
    assert upkeep.merge(target, quick_store).measurements == 0
    upkeep.merge(other, quick_store)
    path = measurements.path(other, stored.question)
    changed = stored.model_copy(update={"trials": stored.trials[:-1]})
    path.write_text(changed.model_dump_json())
    merged = rlid("store", "merge", target.folder, other.folder, cwd=tmp_path)
    assert merged.returncode == 0, merged.stderr
    assert "measurements: 0 added" in merged.stdout
    assert f"another answer is there, which stays: {stored.question.command}" in merged.stdout
    assert list(measurements.of_store(target)) == [stored]


def test_a_merged_store_is_published(tmp_path, quick_store, workers_find_fixtures):
    upkeep.merge(Store(tmp_path / "merged"), quick_store)
    done = rlid(
        "publish", "gym:Quick-v0", "--store", "merged", "--out",
        "published", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert list((tmp_path / "published").glob("*/*.json"))


def test_the_commands_say_what_they_found_and_did(tmp_path, damaged):
    checked = rlid("store", "check", damaged.folder, cwd=tmp_path)
    assert checked.returncode == 1
    assert "6 findings" in checked.stdout
    assert f"rlid store check {damaged.folder} --repair" in checked.stdout
    mended = rlid("store", "check", damaged.folder, "--repair", "--json", cwd=tmp_path)
    assert mended.returncode == 0
    assert json.loads(mended.stdout)["records"] == 1
    merged = rlid("store", "merge", tmp_path / "new", damaged.folder, cwd=tmp_path)
    assert merged.returncode == 0
    assert "1 added, 0 there already" in merged.stdout
    nowhere = rlid("store", "check", "nowhere", cwd=tmp_path)
    assert (nowhere.returncode, nowhere.stderr) == (
        2,
        f"rlid: no store at '{tmp_path}/nowhere': give the folder of one\n",
    )


@pytest.mark.parametrize("room", ["plots", "suites", "policies/cartpole", "measurements/cartpole"])
def test_files_that_a_killed_process_left_half_written_are_found_wherever_it_wrote(tmp_path, room):
    store = Store(tmp_path / "store")
    store.check_writable()
    half = store.folder / room / ".answer.svg.0123456789abcdef.tmp"
    half.parent.mkdir(parents=True)
    half.write_text("half")
    os.utime(half, (0, 0))
    (defect,) = upkeep.examine(store)
    assert defect.path == half
    upkeep.repair(store, defect)
    assert list(upkeep.examine(store)) == []
    assert len(store.quarantined()) == 1
