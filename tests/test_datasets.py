"""Data sets from files on disk: what is read, what is refused, and what is downloaded."""

import contextlib
import gzip
import hashlib
import os
import tarfile
import threading
import time
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from image_files import HELD_OUT, TEST, TRAIN, idx, write

from rlid.datasets import DATASETS, images_of, places, split
from rlid.datasets import idx as idx_files
from rlid.errors import DataError, TimeLimit
from rlid.measurement.plan import plan
from rlid.simulators import within
from rlid.task import TASKS, resolve

IMAGES = "train-images-idx3-ubyte.gz"
LABELS = "train-labels-idx1-ubyte.gz"


pytestmark = pytest.mark.usefixtures("data_cache")


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
    named = zip(dataset.files, dataset.digests, strict=True)
    return replace(dataset, digests=tuple(digest if name == file else old for name, old in named))


@pytest.mark.parametrize("name", list(DATASETS))
def test_a_data_set_is_split_and_nothing_is_lost(data_folder, name):
    dataset, images = DATASETS[name], images_of(name)
    pixels = int(np.prod(dataset.shape))
    assert images.train[0].shape == (TRAIN - HELD_OUT, pixels)
    assert images.held_out[0].shape == (HELD_OUT, pixels)
    assert images.test[0].shape == (TEST, pixels)
    together = np.concatenate([images.train[0], images.held_out[0]])
    assert len(np.unique(together, axis=0)) == TRAIN
    assert np.bincount(np.concatenate([images.train[1], images.held_out[1]])).tolist() == [30] * 10
    split._LOADED.clear()
    again = images_of(name)
    assert np.array_equal(again.held_out[0], images.held_out[0])


@pytest.mark.parametrize("shuffles", [(False, 0.0), (True, 0.5)])
@pytest.mark.parametrize("name", list(DATASETS))
def test_torch_can_share_every_array(data_folder, name, shuffles):
    images = images_of(name, *shuffles)
    for pixels, labels in (images.train, images.held_out, images.test):
        assert pixels.flags.c_contiguous
        assert pixels.flags.writeable
        assert labels.flags.writeable


def test_shuffled_pixels_are_the_same_pixels_in_one_other_order(data_folder):
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
def test_a_share_of_the_training_labels_is_shuffled(data_folder, share):
    plain, shuffled = images_of("mnist"), images_of("mnist", shuffled_labels=share)
    changed = (plain.train[1] != shuffled.train[1]).mean()
    assert 0.75 * share < changed <= share
    assert np.array_equal(np.bincount(plain.train[1]), np.bincount(shuffled.train[1]))
    assert np.array_equal(plain.test[1], shuffled.test[1])
    assert np.array_equal(plain.train[0], shuffled.train[0])


def test_a_missing_file_is_named_with_where_it_is_looked_for_and_how_to_get_it(
    data_folder, data_cache
):
    (data_folder / "mnist" / IMAGES).unlink()
    message = refusal("mnist")
    assert IMAGES in message
    assert str(data_folder / "mnist") in message
    assert str(data_cache / "mnist") in message
    assert "--data DIR" in message
    assert not list(data_cache.rglob("*.gz"))


def test_a_truncated_file_is_refused(data_folder):
    path = data_folder / "mnist" / IMAGES
    path.write_bytes(path.read_bytes()[:-100])
    assert "damaged gzip file" in refusal("mnist")


def test_a_file_that_is_no_gzip_is_refused(data_folder):
    (data_folder / "mnist" / IMAGES).write_bytes(b"<html>not found</html>")
    assert "damaged gzip file" in refusal("mnist")


def test_changed_content_is_refused(data_folder):
    path = data_folder / "fashion_mnist" / IMAGES
    content = bytearray(gzip.decompress(path.read_bytes()))
    content[-1] ^= 1
    path.write_bytes(gzip.compress(bytes(content)))
    assert "wrong checksum" in refusal("fashion_mnist")


def test_the_same_content_packed_otherwise_is_taken(data_folder):
    path = data_folder / "mnist" / IMAGES
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()), 1, mtime=5))
    assert len(images_of("mnist").test[0]) == TEST


def test_a_bomb_is_not_unpacked(data_folder):
    (data_folder / "mnist" / IMAGES).write_bytes(gzip.compress(bytes(300_000_000), 1))
    assert "holds more bytes" in refusal("mnist")


def test_another_array_is_refused(data_folder, monkeypatch):
    content = idx(np.zeros((28 * TRAIN, 28, 1), np.uint8))
    (data_folder / "mnist" / IMAGES).write_bytes(gzip.compress(content))
    monkeypatch.setitem(DATASETS, "mnist", set_content(DATASETS["mnist"], IMAGES, content))
    assert "not an IDX file" in refusal("mnist")


def test_labels_out_of_range_are_refused(data_folder, monkeypatch):
    content = idx(np.full(TRAIN, 10, np.uint8))
    (data_folder / "mnist" / LABELS).write_bytes(gzip.compress(content))
    monkeypatch.setitem(DATASETS, "mnist", set_content(DATASETS["mnist"], LABELS, content))
    assert "a label is 10, and labels are 0 to 9" in refusal("mnist")


class TestDownload:
    @pytest.mark.parametrize("name", ["mnist", "cifar10"])
    def test_missing_data_are_fetched_once(self, server, monkeypatch, data_cache, name):
        source = served(server, monkeypatch, name)
        assert len(images_of(name).test[0]) == TEST
        files = set(DATASETS[name].files)
        assert {path.name for path in data_cache.rglob("*") if path.is_file()} == files
        for path in source.iterdir():
            path.unlink()
        split._LOADED.clear()
        assert len(images_of(name).test[0]) == TEST

    @pytest.mark.parametrize("name", ["mnist", "cifar10"])
    def test_a_wrong_file_does_not_enter_the_cache(self, server, monkeypatch, data_cache, name):
        source = served(server, monkeypatch, name)
        path = source / DATASETS[name].files[0]
        path.write_bytes(path.read_bytes()[:-50])
        assert path.name in refusal(name)
        assert not [path for path in data_cache.rglob("*") if path.is_file()]
        assert os.listdir(data_cache / name) == []

    def test_the_users_own_folder_comes_first(self, server, data_folder, monkeypatch, data_cache):
        small = DATASETS["mnist"]
        source = served(server, monkeypatch, "mnist")
        monkeypatch.setitem(DATASETS, "mnist", replace(small, url=DATASETS["mnist"].url))
        monkeypatch.setenv("RLID_DATA", str(data_folder))
        (data_folder / "mnist" / LABELS).unlink()
        assert len(images_of("mnist").test[0]) == TEST
        assert [path.name for path in data_cache.rglob("*.gz")] == [LABELS]
        assert source.is_dir()

    def test_every_part_of_a_download_is_a_sign_of_life(self, server, monkeypatch):
        served(server, monkeypatch, "mnist")
        monkeypatch.setattr(places, "CHUNK", 1000)
        beats = []
        places.find(DATASETS["mnist"], IMAGES, Path.stat, lambda: beats.append(1))
        assert len(beats) > 100


class TestTimeLimit:
    """A limit on the time is reported as what it is, wherever it interrupts."""

    @pytest.mark.parametrize("name", ["mnist", "cifar10"])
    def test_reading_that_stalls_is_no_damaged_file(self, data_folder, monkeypatch, name):
        def stall(self, *_arguments):
            time.sleep(30)

        monkeypatch.setattr(gzip.GzipFile, "read", stall)
        monkeypatch.setattr(tarfile.ExFileObject, "read", stall)
        stalled = pytest.raises(TimeLimit, match=r"reading: no sign of life for 0.2 seconds")
        with stalled, within(0.2, "reading"):
            images_of(name)

    @pytest.mark.parametrize("name", ["mnist", "cifar10"])
    def test_a_timeout_of_the_callers_own_passes_through(self, data_folder, name):
        def interrupt():
            raise TimeoutError("of the caller's own")

        with pytest.raises(TimeoutError, match="of the caller's own"):
            images_of(name, beat=interrupt)

    def test_a_download_that_stalls_is_no_missing_file(self, server, monkeypatch):
        served(server, monkeypatch, "mnist")
        monkeypatch.setattr(SimpleHTTPRequestHandler, "do_GET", lambda self: time.sleep(1))
        with pytest.raises(TimeLimit, match="no sign of life"), within(0.3):
            images_of("mnist")

    def test_a_library_cannot_turn_an_interruption_into_an_error_of_its_own(self):
        def wrap():
            try:
                time.sleep(30)
            except Exception as error:
                raise KeyError("cannot be parsed") from error

        with pytest.raises(TimeLimit, match="no sign of life"), within(0.1):
            wrap()

    def test_an_interruption_that_is_swallowed_comes_again(self):
        def swallow():
            for _ in range(3):
                with contextlib.suppress(Exception):
                    time.sleep(30)

        started = time.monotonic()
        with pytest.raises(TimeLimit, match="no sign of life"), within(0.1):
            swallow()
        assert time.monotonic() - started < 30  # three sleeps of 30 s

    def test_signs_of_life_begin_the_time_again(self):
        with within(0.5) as beat:
            for _ in range(8):
                time.sleep(0.1)
                beat()

    def test_no_interruption_comes_after_the_block(self):
        with within(0.1) as beat:
            pass
        beat()
        time.sleep(0.2)

    def test_planning_waits_for_data_that_come_slowly(self, data_folder, monkeypatch):
        monkeypatch.setattr(idx_files, "CHUNK", 20_000)
        unpack = gzip.GzipFile.read

        def slow(self, size):
            time.sleep(0.05)
            return unpack(self, size)

        monkeypatch.setattr(gzip.GzipFile, "read", slow)
        patience = 0.4
        impatient = replace(resolve("mnist"), patience=patience)
        entry = replace(TASKS.entry("mnist"), load=lambda: lambda: impatient)
        monkeypatch.setitem(TASKS._entries, "mnist", entry)
        started = time.monotonic()
        plan("mnist", dmax=5)
        assert time.monotonic() - started > patience
