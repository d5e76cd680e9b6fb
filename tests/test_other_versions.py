"""A store that another version of rlid wrote: what cannot be read is neither moved nor replaced."""

import json

import pytest
from command import rlid_here
from records import a_record, a_spec, signed

from rlid.errors import StoreError
from rlid.records import Judgement, MeasurementSpec, written
from rlid.store import maintenance, measurements, references
from rlid.store.store import Store

OTHERS = [
    lambda text: text.replace('\n "episodes"', '\n "mood": "calm",\n "episodes"'),
    lambda text: text.replace('"onehot"', '"onehot",\n  "momentum": 0.5'),
    lambda text: text.replace('"solved"', '"nearly"'),
    lambda text: text.replace('"schema_version": 1', '"schema_version": 2'),
]
"""What a later version may write: another field, a field of the spec, a status, a schema."""


@pytest.fixture(params=OTHERS)
def later(tmp_path, request):
    """A store with a record of a later version, and the path of that record."""
    store = Store(tmp_path / "store")
    store.check_writable()
    path = store.path(store.add(a_record()).spec)
    path.write_text(signed(request.param(path.read_text())))
    return store, path


def test_a_text_that_is_signed_here_is_the_one_that_is_written():
    assert signed(written(a_record())) == written(a_record())


def test_a_record_that_a_later_version_wrote_stays_where_it_is(later):
    store, path = later
    for use in (lambda: list(store.records()), lambda: store.get(a_spec())):
        with pytest.raises(StoreError, match=r"\.json: .*upgrade rlid to read it"):
            use()
    assert path.exists()
    assert store.quarantined() == []


def test_a_repair_by_an_older_version_moves_no_record_of_a_later_one(later):
    store, path = later
    before = path.read_bytes()
    outcome = rlid_here("store", "check", "store", "--repair", cwd=store.folder.parent)
    assert outcome.returncode == 74
    assert "upgrade rlid to read it" in outcome.stderr
    assert path.read_bytes() == before
    with pytest.raises(StoreError, match="upgrade rlid"):
        list(maintenance.examine(store))


def test_a_record_whose_text_was_altered_is_damaged_and_not_of_a_later_version(tmp_path):
    store = Store(tmp_path)
    path = store.path(store.add(a_record()).spec)
    path.write_text(path.read_text().replace('"reason"', '"reasom"'))
    assert store.get(a_spec()) is None
    assert len(store.quarantined()) == 1


@pytest.mark.parametrize("change", [{"schema_version": 2}, {"mood": "calm"}])
def test_a_reference_or_measurement_of_a_later_version_is_not_called_damaged(
    give_reference, tmp_path, change
):
    source = give_reference("cartpole", 500.0, 20.0, imports=())
    reference = references.read(source)
    question = MeasurementSpec(task="cartpole", agent="cmaes", network="mlp:20x20")
    judgement = Judgement.of(question, random=20.0, full=500.0)
    store = Store(tmp_path / "store")
    asked = (store, question, "rl", judgement, reference, [a_record()])
    path = measurements.save(*asked)
    for file in (source, path):
        file.write_text(json.dumps(json.loads(file.read_text()) | change))
    before = path.read_bytes()
    for use in (
        lambda: references.read(source),
        lambda: list(measurements.of_store(store)),
        lambda: measurements.save(*asked),
    ):
        with pytest.raises(StoreError, match="upgrade rlid") as refusal:
            use()
        assert "delete" not in str(refusal.value)
    assert path.read_bytes() == before
