"""CIFAR-10: every copy of it gives the same arrays, and what is no copy is refused."""

import gzip
import hashlib
import tarfile
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from image_files import FOLDER, TEST, cifar_members, cifar_records, digest_of, write_archive

from rlid.datasets import DATASETS, cifar, images_of, location, split
from rlid.datasets.cifar import TRAIN_FILES, in_canonical_order
from rlid.errors import DataError
from rlid.task import resolve

ARCHIVE = "cifar-10-binary.tar.gz"


@pytest.fixture
def folder(data_folder):
    """The user's folder of CIFAR-10, with a small archive in it."""
    return data_folder / "cifar10"


def refusal():
    split._LOADED.clear()
    with pytest.raises(DataError) as caught:
        images_of("cifar10")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def arrays():
    """All arrays of the data set, read anew."""
    split._LOADED.clear()
    images = images_of("cifar10")
    return [array for part in (images.train, images.held_out, images.test) for array in part]


def unpack(folder, members, strip=False):
    """Replace the archive by the folder that it unpacks to, or by its files alone."""
    (folder / ARCHIVE).unlink()
    for name, content in members.items():
        path = folder / (name.split("/")[-1] if strip else name)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)


def test_a_record_is_a_label_and_three_planes(folder):
    _, records = cifar_records(DATASETS["cifar10"])
    pixels, labels = arrays()[-2:]
    together = np.column_stack([labels, pixels])
    assert sorted(map(bytes, together)) == sorted(map(bytes, records))


@pytest.mark.parametrize("order", [1, 2])
def test_an_archive_in_another_order_gives_the_same_split(folder, order):
    expected = arrays()
    write_archive(folder / ARCHIVE, cifar_members(DATASETS["cifar10"], order))
    for array, same in zip(arrays(), expected, strict=True):
        assert np.array_equal(array, same)


@pytest.mark.parametrize("strip", [False, True])
@pytest.mark.parametrize("order", [None, 1])
def test_the_unpacked_folder_gives_the_same_split(folder, order, strip):
    expected = arrays()
    unpack(folder, cifar_members(DATASETS["cifar10"], order), strip)
    for array, same in zip(arrays(), expected, strict=True):
        assert np.array_equal(array, same)


def test_an_archive_with_another_folder_inside_gives_the_same_split(folder):
    expected = arrays()
    members = cifar_members(DATASETS["cifar10"])
    renamed = {name.replace(FOLDER, "./my-copy"): content for name, content in members.items()}
    write_archive(folder / ARCHIVE, renamed)
    for array, same in zip(arrays(), expected, strict=True):
        assert np.array_equal(array, same)


def test_the_location_is_the_archive_or_the_folder_of_batches(folder):
    assert location("cifar10") == folder / ARCHIVE
    assert location("mnist") == folder.parent / "mnist"
    unpack(folder, cifar_members(DATASETS["cifar10"]))
    assert location("cifar10") == folder / FOLDER
    (folder.parent / "mnist" / DATASETS["mnist"].files[1]).unlink()
    assert location("mnist") is None


def test_the_split_is_no_function_of_the_labels(folder):
    labels = arrays()[3]
    assert len(np.unique(labels)) == 10


def test_the_digest_is_that_of_the_sorted_digests_of_the_records():
    records = np.random.default_rng(0).integers(0, 256, (2500, 5), dtype=np.uint8)
    digests = sorted(hashlib.sha256(row.tobytes()).digest() for row in records)
    digest = hashlib.sha256(b"".join(digests)).hexdigest()
    ordered = in_canonical_order(records, digest, "records")
    assert [hashlib.sha256(row.tobytes()).digest() for row in ordered] == digests


def test_a_record_that_moved_from_the_test_images_to_training_is_refused(folder):
    train, test = cifar_records(DATASETS["cifar10"])
    train[0], test[0] = test[0].copy(), train[0].copy()
    members = {f"{FOLDER}/{name}": part.tobytes() for name, part in batches(train, test)}
    write_archive(folder / ARCHIVE, members)
    assert "training images: other images or labels than published" in refusal()


@pytest.mark.parametrize("place", [0, 1, 3072])
def test_an_archive_with_a_changed_byte_is_refused(folder, place):
    train, test = cifar_records(DATASETS["cifar10"])
    test[7, place] ^= 1
    members = {f"{FOLDER}/{name}": part.tobytes() for name, part in batches(train, test)}
    write_archive(folder / ARCHIVE, members)
    message = refusal()
    assert "test images: other images or labels than published" in message
    assert digest_of(test) in message
    assert DATASETS["cifar10"].digests[1] in message


def test_an_image_that_stands_in_for_another_is_refused(folder):
    train, test = cifar_records(DATASETS["cifar10"])
    train[1] = train[0]
    members = {f"{FOLDER}/{name}": part.tobytes() for name, part in batches(train, test)}
    write_archive(folder / ARCHIVE, members)
    assert "training images: other images or labels than published" in refusal()


def batches(train, test):
    """The names and records of the six files."""
    return zip((*TRAIN_FILES, "test_batch.bin"), (*np.split(train, 5), test), strict=True)


def test_the_protocol_of_the_task_names_the_digests_and_its_version_is_the_second():
    task = resolve("cifar10")
    assert task.version == 2
    digests = "".join(DATASETS["cifar10"].digests).encode()
    assert task.protocol()["env.data"] == hashlib.sha256(digests).hexdigest()[:16]


def test_published_trials_of_mnist_and_fashion_mnist_keep_their_protocol():
    assert resolve("mnist").protocol()["env.data"] == "c65580678af93f1e"
    assert resolve("fashion_mnist").protocol()["env.data"] == "d1fd84a877f3b78f"
    assert resolve("mnist").version == resolve("fashion_mnist").version == 1


class TestRefusals:
    @pytest.fixture
    def refused(self, folder):
        """Pack other members; return the refusal."""

        def pack(change):
            members = cifar_members(DATASETS["cifar10"])
            change(members)
            write_archive(folder / ARCHIVE, members)
            return refusal()

        return pack

    def test_a_truncated_archive_is_refused(self, folder):
        path = folder / ARCHIVE
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        assert "damaged archive" in refusal()

    def test_a_file_that_is_no_archive_is_refused(self, folder):
        (folder / ARCHIVE).write_bytes(b"<html>not found</html>")
        assert "damaged archive" in refusal()

    @pytest.mark.parametrize("kind", [b"x", b"g", b"L", b"S"])
    def test_a_header_that_unpacks_to_more_than_the_data_set_is_not_read_to_its_end(
        self, folder, kind, monkeypatch
    ):
        monkeypatch.setattr(cifar, "MAX_OTHER_BYTES", 10_000)
        header = tarfile.TarInfo("x")
        header.type, header.size = kind, 1 << 30
        with gzip.open(folder / ARCHIVE, "wb", 1) as file:
            file.write(header.tobuf(tarfile.GNU_FORMAT))
            for _ in range(64):
                file.write(bytes(1 << 20))
        tracemalloc.start()
        try:
            assert "unpacks to more bytes than CIFAR-10 has" in refusal()
            assert tracemalloc.get_traced_memory()[1] < 1 << 24
        finally:
            tracemalloc.stop()

    def test_a_path_that_cannot_be_read_is_no_damage(self, folder, monkeypatch):
        def denied(*_arguments):
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(gzip, "open", denied)
        message = refusal()
        assert "cannot be read (Permission denied)" in message
        assert "fetch" not in message

    @pytest.mark.parametrize("name", ["../outside.bin", "/etc/outside.bin", "a/../../x.bin"])
    def test_a_member_outside_the_folder_is_refused(self, refused, folder, name):
        before = sorted(folder.parent.parent.rglob("*"))
        assert "outside the archive's folder" in refused(
            lambda members: members.update({name: b""})
        )
        assert sorted(folder.parent.parent.rglob("*")) == before

    def test_a_link_in_place_of_a_batch_is_refused(self, refused):
        link = tarfile.TarInfo(f"{FOLDER}/test_batch.bin")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        message = refused(lambda members: members.update({f"{FOLDER}/test_batch.bin": link}))
        assert "test_batch.bin is not a file" in message

    def test_a_missing_batch_is_refused(self, refused):
        batch = f"{FOLDER}/{TRAIN_FILES[2]}"
        assert f"{TRAIN_FILES[2]} is missing" in refused(lambda members: members.pop(batch))

    def test_a_short_batch_is_refused(self, refused):
        batch = f"{FOLDER}/{TRAIN_FILES[2]}"
        message = refused(lambda members: members.update({batch: members[batch][:-3073]}))
        assert f"{TRAIN_FILES[2]} has" in message
        assert "instead of" in message

    def test_a_batch_that_is_there_twice_is_refused(self, refused):
        batch = f"{FOLDER}/{TRAIN_FILES[2]}"
        again = {f"copy/{TRAIN_FILES[2]}": cifar_members(DATASETS["cifar10"])[batch]}
        assert f"holds {TRAIN_FILES[2]} twice" in refused(lambda members: members.update(again))

    def test_a_large_stranger_is_refused(self, refused):
        bomb = {f"{FOLDER}/bomb": bytes(50_000_000)}
        assert "holds more than CIFAR-10 does" in refused(lambda members: members.update(bomb))

    def test_an_incomplete_folder_is_refused(self, folder):
        members = cifar_members(DATASETS["cifar10"])
        del members[f"{FOLDER}/{TRAIN_FILES[4]}"]
        unpack(folder, members)
        assert f"{TRAIN_FILES[4]} is missing" in refusal()

    def test_a_file_of_the_folder_with_another_size_is_refused(self, folder):
        members = cifar_members(DATASETS["cifar10"])
        members[f"{FOLDER}/test_batch.bin"] += b"\0"
        unpack(folder, members)
        assert f"instead of {TEST * 3073}" in refusal()


def test_labels_out_of_range_are_refused(folder, monkeypatch):
    dataset = DATASETS["cifar10"]
    train, test = cifar_records(dataset)
    train[3, 0] = 10
    write_archive(
        folder / ARCHIVE,
        {f"{FOLDER}/{name}": part.tobytes() for name, part in batches(train, test)},
    )
    digests = (digest_of(train), dataset.digests[1])
    monkeypatch.setitem(DATASETS, "cifar10", replace(dataset, digests=digests))
    assert "a label is 10, and labels are 0 to 9" in refusal()


def test_reading_gives_signs_of_life(folder, monkeypatch):
    monkeypatch.setattr(cifar, "CHUNK", 3073)
    beats = []
    split._LOADED.clear()
    images_of("cifar10", beat=lambda: beats.append(1))
    assert len(beats) >= 400
