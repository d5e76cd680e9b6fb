"""Data sets from files on disk: what is read, what is refused, and what is downloaded."""

import gzip
import hashlib
import os
import tarfile
import threading
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from image_files import FOLDER, HELD_OUT, TEST, TRAIN, cifar_members, idx, write, write_archive

from rlid.datasets import DATASETS, images_of, places
from rlid.datasets.cifar import TRAIN_FILES
from rlid.datasets.split import _read
from rlid.errors import DataError

IMAGES = "train-images-idx3-ubyte.gz"
LABELS = "train-labels-idx1-ubyte.gz"


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """An empty cache, and nowhere to download from."""
    folder = tmp_path / "cache"
    monkeypatch.setattr(places, "cache_folder", lambda: folder)
    for name, dataset in list(DATASETS.items()):
        monkeypatch.setitem(DATASETS, name, replace(dataset, url="http://127.0.0.1:9/"))
    return folder


@pytest.fixture
def data(tmp_path, monkeypatch):
    """A user's folder with small data sets of the official formats."""
    folder = tmp_path / "data"
    for name, dataset in list(DATASETS.items()):
        monkeypatch.setitem(DATASETS, name, write(folder, dataset))
    monkeypatch.setenv("RLID_DATA", str(folder))
    return folder


@pytest.fixture
def server(tmp_path):
    """A folder that is served over HTTP, and its address."""
    folder = tmp_path / "served"
    folder.mkdir()

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder))
    thread = threading.Thread(target=httpd.serve_forever, daemon=True)
    thread.start()
    yield folder, f"http://127.0.0.1:{httpd.server_port}/"
    httpd.shutdown()
    httpd.server_close()
    thread.join()


def served(server, monkeypatch, name):
    """Put a small data set on the server; return its folder."""
    folder, url = server
    small = write(folder, DATASETS[name])
    monkeypatch.setitem(DATASETS, name, replace(small, url=f"{url}{name}/"))
    monkeypatch.delenv("RLID_DATA", raising=False)
    return folder / name


def refusal(name):
    with pytest.raises(DataError) as caught:
        images_of(name)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def set_content(dataset, file, content):
    """Return the data set with the checksum of other content: what is wrong is in the format."""
    digest = hashlib.sha256(content).hexdigest()
    files = tuple((name, digest if name == file else old) for name, old in dataset.files)
    return replace(dataset, files=files)


@pytest.mark.parametrize("name", list(DATASETS))
def test_a_data_set_is_split_and_nothing_is_lost(data, name):
    dataset, images = DATASETS[name], images_of(name)
    pixels = int(np.prod(dataset.shape))
    assert images.train[0].shape == (TRAIN - HELD_OUT, pixels)
    assert images.held_out[0].shape == (HELD_OUT, pixels)
    assert images.test[0].shape == (TEST, pixels)
    together = np.concatenate([images.train[0], images.held_out[0]])
    assert len(np.unique(together, axis=0)) == TRAIN
    assert np.bincount(np.concatenate([images.train[1], images.held_out[1]])).tolist() == [30] * 10
    _read.cache_clear()
    again = images_of(name)
    assert np.array_equal(again.held_out[0], images.held_out[0])


def test_a_row_of_the_archive_is_a_label_and_three_planes(data):
    content = cifar_members(DATASETS["cifar10"])[f"{FOLDER}/test_batch.bin"]
    pixels, labels = images_of("cifar10").test
    assert labels[0] == content[0]
    assert pixels[0].tobytes() == content[1:3073]


def test_shuffled_pixels_are_the_same_pixels_in_one_other_order(data):
    plain, shuffled = images_of("mnist"), images_of("mnist", shuffled_pixels=True)
    assert not np.array_equal(plain.test[0], shuffled.test[0])
    assert np.array_equal(np.sort(plain.test[0]), np.sort(shuffled.test[0]))
    # A column of noise over a hundred images tells its pixel apart from any other.
    plain_columns, shuffled_columns = np.lexsort(plain.test[0]), np.lexsort(shuffled.test[0])
    order = np.empty(len(plain_columns), int)
    order[plain_columns] = shuffled_columns
    assert np.array_equal(shuffled.test[0][:, order], plain.test[0])
    assert np.array_equal(shuffled.train[0][:, order], plain.train[0])


@pytest.mark.parametrize("share", [0.5, 1.0])
def test_a_share_of_the_training_labels_is_shuffled(data, share):
    plain, shuffled = images_of("mnist"), images_of("mnist", shuffled_labels=share)
    changed = (plain.train[1] != shuffled.train[1]).mean()
    assert 0.75 * share < changed <= share
    assert np.array_equal(np.bincount(plain.train[1]), np.bincount(shuffled.train[1]))
    assert np.array_equal(plain.test[1], shuffled.test[1])
    assert np.array_equal(plain.train[0], shuffled.train[0])


def test_a_missing_file_is_named_with_where_it_is_looked_for_and_how_to_get_it(data, cache):
    (data / "mnist" / IMAGES).unlink()
    message = refusal("mnist")
    assert IMAGES in message
    assert str(data / "mnist") in message
    assert str(cache / "mnist") in message
    assert "--data DIR" in message
    assert not list(cache.rglob("*.gz"))


def test_a_truncated_file_is_refused(data):
    path = data / "mnist" / IMAGES
    path.write_bytes(path.read_bytes()[:-100])
    assert "damaged gzip file" in refusal("mnist")


def test_a_file_that_is_no_gzip_is_refused(data):
    (data / "mnist" / IMAGES).write_bytes(b"<html>not found</html>")
    assert "damaged gzip file" in refusal("mnist")


def test_changed_content_is_refused(data):
    path = data / "fashion_mnist" / IMAGES
    content = bytearray(gzip.decompress(path.read_bytes()))
    content[-1] ^= 1
    path.write_bytes(gzip.compress(bytes(content)))
    assert "wrong checksum" in refusal("fashion_mnist")


def test_the_same_content_packed_otherwise_is_taken(data):
    path = data / "mnist" / IMAGES
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()), 1, mtime=5))
    assert len(images_of("mnist").test[0]) == TEST


def test_a_bomb_is_not_unpacked(data):
    (data / "mnist" / IMAGES).write_bytes(gzip.compress(bytes(300_000_000), 1))
    assert "holds more bytes" in refusal("mnist")


def test_another_array_is_refused(data, monkeypatch):
    content = idx(np.zeros((28 * TRAIN, 28, 1), np.uint8))
    (data / "mnist" / IMAGES).write_bytes(gzip.compress(content))
    monkeypatch.setitem(DATASETS, "mnist", set_content(DATASETS["mnist"], IMAGES, content))
    assert "not an IDX file" in refusal("mnist")


def test_labels_out_of_range_are_refused(data, monkeypatch):
    content = idx(np.full(TRAIN, 10, np.uint8))
    (data / "mnist" / LABELS).write_bytes(gzip.compress(content))
    monkeypatch.setitem(DATASETS, "mnist", set_content(DATASETS["mnist"], LABELS, content))
    assert "a label is 10, and labels are 0 to 9" in refusal("mnist")


class TestArchive:
    @pytest.fixture
    def refused(self, data, monkeypatch):
        """Pack other members, with a checksum that fits; return the refusal."""

        def pack(change):
            dataset = DATASETS["cifar10"]
            members = cifar_members(dataset)
            change(members)
            file = dataset.files[0][0]
            md5 = write_archive(data / "cifar10" / file, members)
            monkeypatch.setitem(DATASETS, "cifar10", replace(dataset, files=((file, md5),)))
            return refusal("cifar10")

        return pack

    def test_another_checksum_is_refused(self, data):
        path = data / "cifar10" / "cifar-10-binary.tar.gz"
        path.write_bytes(path.read_bytes()[:-1])
        assert "instead of" in refusal("cifar10")

    def test_a_truncated_archive_is_refused(self, data, monkeypatch):
        path = data / "cifar10" / "cifar-10-binary.tar.gz"
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        md5 = hashlib.md5(path.read_bytes()).hexdigest()
        cut = replace(DATASETS["cifar10"], files=((path.name, md5),))
        monkeypatch.setitem(DATASETS, "cifar10", cut)
        assert "damaged archive" in refusal("cifar10")

    @pytest.mark.parametrize("name", ["../outside.bin", "/etc/outside.bin", "a/../../x.bin"])
    def test_a_member_outside_the_folder_is_refused(self, refused, data, name):
        before = sorted(path for path in data.parent.rglob("*"))
        assert "outside the archive's folder" in refused(
            lambda members: members.update({name: b""})
        )
        assert sorted(path for path in data.parent.rglob("*")) == before

    def test_a_link_in_place_of_a_batch_is_refused(self, refused):
        link = tarfile.TarInfo(f"{FOLDER}/test_batch.bin")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        message = refused(lambda members: members.update({f"{FOLDER}/test_batch.bin": link}))
        assert "test_batch.bin has 0 bytes instead of" in message

    def test_a_missing_batch_is_refused(self, refused):
        batch = f"{FOLDER}/{TRAIN_FILES[2]}"
        assert f"{TRAIN_FILES[2]} is missing" in refused(lambda members: members.pop(batch))

    def test_a_large_stranger_is_refused(self, refused):
        bomb = {f"{FOLDER}/bomb": bytes(50_000_000)}
        assert "holds more than CIFAR-10 does" in refused(lambda members: members.update(bomb))


class TestDownload:
    @pytest.mark.parametrize("name", ["mnist", "cifar10"])
    def test_what_is_nowhere_is_fetched_once(self, server, monkeypatch, cache, name):
        source = served(server, monkeypatch, name)
        assert len(images_of(name).test[0]) == TEST
        files = {file for file, _ in DATASETS[name].files}
        assert {path.name for path in cache.rglob("*") if path.is_file()} == files
        for path in source.iterdir():
            path.unlink()
        _read.cache_clear()
        assert len(images_of(name).test[0]) == TEST

    @pytest.mark.parametrize("name", ["mnist", "cifar10"])
    def test_a_wrong_file_does_not_enter_the_cache(self, server, monkeypatch, cache, name):
        source = served(server, monkeypatch, name)
        path = source / DATASETS[name].files[0][0]
        path.write_bytes(path.read_bytes()[:-50])
        assert path.name in refusal(name)
        assert not [found for found in cache.rglob("*") if found.is_file()]
        assert os.listdir(cache / name) == []

    def test_the_users_own_folder_comes_first(self, server, data, monkeypatch, cache):
        small = DATASETS["mnist"]
        source = served(server, monkeypatch, "mnist")
        monkeypatch.setitem(DATASETS, "mnist", replace(small, url=DATASETS["mnist"].url))
        monkeypatch.setenv("RLID_DATA", str(data))
        (data / "mnist" / LABELS).unlink()
        assert len(images_of("mnist").test[0]) == TEST
        assert [path.name for path in cache.rglob("*.gz")] == [LABELS]
        assert source.is_dir()
