"""A measurement whose export or publication broke off: nothing is published that does not fit."""

import errno
import os
import shutil

import pytest
from command import rlid_here

from rlid.errors import StoreError
from rlid.leaderboard import publish as publisher
from rlid.leaderboard import verify as verification
from rlid.store.store import Store

pytestmark = pytest.mark.usefixtures("workers_find_fixtures")


@pytest.fixture(scope="module")
def exported(quick_store, tmp_path_factory):
    """A store whose one measurement has an exported policy."""
    folder = tmp_path_factory.mktemp("exported") / "store"
    shutil.copytree(quick_store.folder, folder)
    words = ["gym:Quick-v0", "--import", "hostile", "--store", folder]
    assert rlid_here("export", *words, cwd=folder.parent).returncode == 0
    return folder


@pytest.fixture
def store(exported, tmp_path):
    shutil.copytree(exported, tmp_path / "store")
    return Store(tmp_path / "store")


def suffixes(folder):
    return {path.suffix for path in folder.glob("*/*") if "curves" not in path.name}


def test_a_policy_beside_the_report_of_another_one_is_named_and_left_out(store):
    (policy,) = store.folder.glob("policies/*/*.rlid")
    policy.write_bytes(policy.read_bytes()[:-1] + b"?")
    harvest = publisher.harvest(store)
    assert [measurement.policy for measurement in harvest.published] == [None]
    assert harvest.unclaimed == (
        f"{policy}: not the policy of the report beside it: `rlid export` it again",
    )
    policy.unlink()
    assert len(publisher.harvest(store).unclaimed) == 1


def test_a_policy_that_a_measurement_no_longer_has_does_not_stay_beside_it(store, tmp_path):
    out = tmp_path / "results"
    (measurement,) = publisher.harvest(store).published
    publisher.write(measurement, store, out)
    assert suffixes(out) == {".json", ".safetensors", ".rlid"}
    shutil.rmtree(store.folder / "policies")
    (without,) = publisher.harvest(store).published
    source, *_ = publisher.write(without, store, out)
    assert suffixes(out) == {".json", ".safetensors"}
    assert not any(".rlid" in line for line in verification.verify(source)[1].problems)


def test_a_publication_that_breaks_off_names_no_file_that_is_not_there(
    store, tmp_path, monkeypatch
):
    (measurement,) = publisher.harvest(store).published
    write_whole = publisher.write_whole

    def full(path, data):
        if path.suffix == ".rlid":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write_whole(path, data)

    monkeypatch.setattr(publisher, "write_whole", full)
    with pytest.raises(StoreError, match="No space left on device"):
        publisher.write(measurement, store, tmp_path / "results")
    assert ".json" not in suffixes(tmp_path / "results")


def test_a_measurement_whose_z_is_damaged_is_named_and_ends_no_other(store, tmp_path):
    (measurement,) = publisher.harvest(store).published
    row = measurement.smallest()
    store.path(measurement.spec(row.d, row.seed)).with_suffix(".safetensors").write_bytes(b"torn")
    done = rlid_here("publish", "--store", "store", "--out", "results", cwd=tmp_path)
    assert done.returncode == 1
    assert "not the z of its record (`rlid store check --repair`, then repeat it)" in done.stderr
    assert not (tmp_path / "results").exists()
