"""Stores that earlier versions wrote are read for ever."""

import shutil
from collections import Counter
from pathlib import Path

import pytest

from rlid.measurement.summary import measurements
from rlid.records.record import SCHEMA_VERSION
from rlid.store import maintenance as upkeep
from rlid.store.store import Store

STORES = sorted(path for path in (Path(__file__).parent / "fixtures/stores").glob("v*"))


def test_every_schema_has_its_store():
    assert [path.name for path in STORES] == [f"v{n}" for n in range(1, SCHEMA_VERSION + 1)]


@pytest.mark.parametrize("folder", STORES, ids=lambda path: path.name)
def test_a_store_of_an_earlier_version_is_sound(folder):
    assert list(upkeep.examine(Store(folder))) == []


@pytest.mark.parametrize("folder", STORES, ids=lambda path: path.name)
def test_a_store_of_an_earlier_version_gives_its_answer(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "store")
    store = Store(tmp_path / "store")
    records = list(store.records())
    assert Counter((record.spec.task, record.status) for record in records) == {
        ("cartpole", "unsolved"): 6,
        ("sum_constraints:3", "unsolved"): 2,
        ("sum_constraints:3", "solved"): 9,
        ("gym:Raises-v0", "error"): 1,
    }
    found = {one.spec.task: one.estimate for one in measurements(store)}
    assert found["sum_constraints:3"].d_int90 == 3
    assert found["cartpole"].censored
    assert not store.quarantined()
    with_z = [record for record in records if record.z_sha256 is not None]
    assert len(with_z) == 17
    assert all(len(store.z(record)) == record.spec.d for record in with_z)
