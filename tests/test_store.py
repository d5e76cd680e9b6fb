"""The store: a record is there whole or not at all, and nothing from a file is trusted."""

import errno
import hashlib
import json
import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from records import a_record, a_spec, signed

from rlid.errors import DamagedRecord, StoreError
from rlid.records.record import parse_record, thin_curve
from rlid.records.spec import LATER
from rlid.store.files import write_whole
from rlid.store.names import distinct_slug, slug
from rlid.store.store import Store

Z = np.array([0.5, -1.0, 2.0], np.float32)


def test_a_record_comes_back_as_it_went_in(tmp_path):
    store = Store(tmp_path / "store")
    stored = store.add(a_record(), Z)
    assert store.get(a_spec()) == stored
    assert list(store.records()) == [stored]
    assert np.array_equal(store.z(stored), Z)
    assert store.get(a_spec(d=4)) is None


def test_the_file_is_named_by_the_hash_of_the_canonical_spec(tmp_path):
    store = Store(tmp_path)
    store.add(a_record())
    plain = a_spec().model_dump(exclude=set(LATER))
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"))
    key = hashlib.sha256(text.encode()).hexdigest()
    assert [path.name for path in tmp_path.glob("trials/cartpole/*")] == [f"{key}.json"]


def test_a_stored_record_is_never_overwritten(tmp_path):
    store = Store(tmp_path)
    first = store.add(a_record())
    store.add(a_record(score=1.0, status="unsolved"))
    assert store.get(a_spec()) == first


def test_no_temporary_file_stays_behind(tmp_path):
    store = Store(tmp_path)
    store.add(a_record(), Z)
    assert not [path for path in tmp_path.rglob("*") if path.name.endswith(".tmp")]


@pytest.mark.parametrize("call", ["open", "fsync", "link", "write"])
def test_a_write_that_fails_leaves_no_record(tmp_path, monkeypatch, call):
    store = Store(tmp_path)

    def fail(*args, **kwargs):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        if call == "open":
            patch.setattr("builtins.open", fail)
        elif call == "write":
            patch.setattr(os, "fsync", fail)
        else:
            patch.setattr(os, call, fail)
        with pytest.raises(StoreError, match="No space left"):
            store.add(a_record(), Z)
    assert list(store.records()) == []
    store.add(a_record(), Z)
    assert len(list(store.records())) == 1


def test_a_file_system_without_links_is_written_by_rename(tmp_path, monkeypatch):
    def refuse(*args):
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", refuse)
    store = Store(tmp_path)
    stored = store.add(a_record(), Z)
    assert store.get(a_spec()) == stored


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda text: text[:-40], "not JSON"),
        (lambda text: "", "not JSON"),
        (lambda text: text.replace("480.0", "NaN", 1), "NaN is not allowed"),
        (lambda text: text.replace("480.0", "1e999", 1), "score"),
        (lambda text: text.replace('"D"', '"extra": 1, "D"'), "Extra inputs"),
        (lambda text: text.replace('"D"', '"D": 1, "D"'), "stands twice"),
        (lambda text: text.replace('"seed": 0', '"seed": 1'), "not the key"),
        (lambda text: text.replace('"solved"', '"splendid"'), "status"),
        (
            lambda text: text.replace('"d": 3', '"d": "3"'),
            "spec.d: Input should be a valid integer",
        ),
        (
            lambda text: text.replace('"d": 3', '"d": 3.0'),
            "spec.d: Input should be a valid integer",
        ),
        (lambda text: text.replace('"d": 3', '"d": ' + "3" * 5000), "not JSON"),
        (lambda text: "[" * 100_000, "not JSON"),
        (lambda text: " " * 3_000_000, "larger than"),
    ],
)
def test_a_damaged_record_goes_to_quarantine_with_its_reason(tmp_path, damage, reason):
    store = Store(tmp_path)
    stored = store.add(a_record())
    store.add(a_record(spec=a_spec(d=4)))
    path = store.path(stored.spec)
    path.write_text(damage(path.read_text()))
    assert [record.spec.d for record in store.records()] == [4]
    assert not path.exists()
    (aside,) = store.quarantined()
    assert reason in aside.with_suffix(aside.suffix + ".reason").read_text()


def test_a_damaged_record_is_reported(tmp_path):
    heard = []
    store = Store(tmp_path, heard.append)
    store.path(store.add(a_record()).spec).write_text("{")
    assert store.get(a_spec()) is None
    assert len(heard) == 1
    assert heard[0].startswith(f"damaged, moved to {tmp_path}/quarantine/")
    assert "not JSON" in heard[0]


def test_a_record_of_a_later_schema_stays_where_it_is(tmp_path):
    store = Store(tmp_path)
    path = store.path(store.add(a_record()).spec)
    path.write_text(signed(path.read_text().replace('"schema_version": 1', '"schema_version": 2')))
    with pytest.raises(StoreError, match="schema 2: upgrade rlid"):
        list(store.records())
    assert path.exists()


def test_a_record_that_cannot_be_read_just_now_stays_where_it_is(tmp_path, monkeypatch):
    store = Store(tmp_path)
    path = store.path(store.add(a_record()).spec)

    def fail(*args, **kwargs):
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(os, "open", fail)
    with pytest.raises(StoreError, match="cannot be read: Too many open files"):
        list(store.records())
    assert path.exists()


def test_a_symlink_is_not_followed(tmp_path):
    store = Store(tmp_path / "store")
    stored = store.add(a_record())
    path = store.path(stored.spec)
    path.rename(tmp_path / "elsewhere.json")
    path.symlink_to(tmp_path / "elsewhere.json")
    assert list(store.records()) == []
    assert (tmp_path / "elsewhere.json").exists()


@pytest.mark.parametrize(
    ("name", "use"),
    [
        ("trials", lambda store: list(store.records())),
        ("trials/cartpole", lambda store: list(store.records())),
        ("trials/cartpole", lambda store: store.add(a_record(spec=a_spec(d=4)))),
        ("quarantine", lambda store: store.set_aside(store.path(a_spec()), "a reason")),
    ],
)
def test_a_folder_that_is_a_link_is_neither_read_nor_written(tmp_path, name, use):
    store, elsewhere = Store(tmp_path / "store"), tmp_path / "elsewhere"
    store.add(a_record())
    link = tmp_path / "store" / name
    if link.exists():
        link.rename(elsewhere)
    else:
        elsewhere.mkdir()
    link.symlink_to(elsewhere)
    before = sorted(elsewhere.rglob("*"))
    with pytest.raises(StoreError, match=f"{name} is a symbolic link"):
        use(store)
    assert sorted(elsewhere.rglob("*")) == before


def test_a_damaged_record_that_cannot_be_moved_hides_no_sound_one(tmp_path):
    heard = []
    store = Store(tmp_path, heard.append)
    store.path(store.add(a_record()).spec).write_text("{")
    store.add(a_record(spec=a_spec(d=4)))
    (tmp_path / "quarantine").write_text("a file where a folder should be")
    assert [record.spec.d for record in store.records()] == [4]
    assert "cannot be moved" in heard[0]
    with pytest.raises(StoreError, match="cannot be moved out of the way"):
        store.add(a_record())


def test_z_that_is_not_its_records_is_refused(tmp_path):
    store = Store(tmp_path)
    stored = store.add(a_record(), Z)
    path = store.path(stored.spec).with_suffix(".safetensors")
    data = path.read_bytes()
    path.write_bytes(data[:-1] + b"\x00")
    with pytest.raises(DamagedRecord):
        store.z(stored)


def test_a_store_that_cannot_be_written_says_so(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(StoreError, match="cannot be written"):
        Store(blocked / "store").check_writable()


def test_an_error_of_a_read_only_disk_names_the_file_that_was_to_be_written(tmp_path, monkeypatch):
    def refuse(path, *_, **options):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    monkeypatch.setattr("builtins.open", refuse)
    monkeypatch.setattr(os, "unlink", refuse)
    with pytest.raises(OSError, match="Read-only file system") as failure:
        write_whole(tmp_path / "figure.svg", b"")
    monkeypatch.undo()
    assert failure.value.filename == str(tmp_path / "figure.svg")


@given(st.text(max_size=300))
def test_every_task_name_is_a_harmless_folder_name(name):
    made = slug(name)
    assert made
    assert "/" not in made
    assert not made.startswith(".")
    assert len(made) <= 100


@pytest.mark.parametrize("length", [5, 91, 92, 190])
def test_long_names_that_differ_at_their_end_have_files_of_their_own(length):
    names = ["x" * length + end for end in ("-0a1b2c3d", "-0a1b2c3e")]
    made = [distinct_slug(name) for name in names]
    assert made[0] != made[1]
    if length <= 91:
        assert made == names
    assert all(len(each) <= 110 for each in made)


@given(st.text() | st.from_type(dict).map(str))
def test_every_text_is_a_record_or_damaged(text):
    with pytest.raises(DamagedRecord):
        parse_record(text)


@given(st.integers(0, 2000))
def test_a_thinned_curve_is_short_and_keeps_its_end(n):
    curve = [(i, float(i)) for i in range(n)]
    thin = thin_curve(curve)
    assert len(thin) <= 200
    assert thin[-1:] == curve[-1:]
    assert set(thin) <= set(curve)
