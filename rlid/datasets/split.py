"""A data set as arrays: training, held-out and test images, in a split that is always the same."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rlid.datasets.catalogue import DATASETS, DataSet
from rlid.datasets.cifar import batch_folder, in_canonical_order, read_records
from rlid.datasets.idx import read_idx
from rlid.datasets.places import find, locate, never_unpacked, user_folder
from rlid.errors import DataError
from rlid.random_stream import Stream, role_seed
from rlid.world import Beat, no_beat

Bytes = NDArray[np.uint8]
SEED = role_seed(0, "task")
"""Seed of the split and of the shuffles: part of the task, the same in every trial."""


@dataclass(frozen=True)
class Images:
    """Images (n, pixels) as bytes, planes (channels) one after the other, and labels (n,)."""

    train: tuple[Bytes, Bytes]
    held_out: tuple[Bytes, Bytes]
    test: tuple[Bytes, Bytes]


_LOADED: dict[tuple[DataSet, Path | None], Images] = {}
"""Data sets that this process has read, by the user's folder too: another folder is read anew."""


def images_of(
    name: str,
    shuffled_pixels: bool = False,
    shuffled_labels: float = 0.0,
    beat: Beat = no_beat,
) -> Images:
    """Return a data set, read once in a process.

    Args:
        name: a key of DATASETS.
        shuffled_pixels: whether one fixed permutation is applied to the pixels of every image.
        shuffled_labels: the share of training labels that are permuted among each other.
        beat: called as a sign of life while files are read or downloaded.

    Raises:
        DataError: a file is missing or damaged.
    """
    dataset, folder = DATASETS[name], user_folder()
    if (dataset, folder) not in _LOADED:
        _LOADED[dataset, folder] = _load(dataset, beat)
    images = _LOADED[dataset, folder]
    if shuffled_pixels:
        order = Stream(SEED, f"{name}/pixels").permutation(images.test[0].shape[1])
        parts = (images.train, images.held_out, images.test)
        images = Images(*((pixels.take(order, axis=1), labels) for pixels, labels in parts))
    if shuffled_labels:
        pixels, labels = images.train
        shuffled = labels.copy()
        chosen = Stream(SEED, f"{name}/chosen").permutation(len(labels))
        chosen = chosen[: round(shuffled_labels * len(labels))]
        order = Stream(SEED, f"{name}/labels").permutation(len(chosen))
        shuffled[chosen] = labels[chosen[order]]
        images = replace(images, train=(pixels, shuffled))
    return images


def location(name: str) -> Path | None:
    """Return the folder or archive with all files of a data set, or None; nothing is read.

    Args:
        name: a key of DATASETS.
    """
    dataset = DATASETS[name]
    unpacked = batch_folder if dataset.form == "cifar" else never_unpacked
    paths = [locate(dataset, file, unpacked) for file in dataset.files]
    first = paths[0]
    if first is None or None in paths:
        return None
    return first if dataset.form == "cifar" else first.parent


def _load(dataset: DataSet, beat: Beat) -> Images:
    """Read a data set's files and split them."""
    read = _idx if dataset.form == "idx" else _cifar
    (pixels, labels), test = read(dataset, beat)
    for part in (labels, test[1]):
        if part.max() >= dataset.classes:
            raise DataError(
                f"{dataset.name}: a label is {part.max()}, and labels are 0 to "
                f"{dataset.classes - 1}: fetch its files again"
            )
    beat()
    order = Stream(SEED, f"{dataset.name}/split").permutation(len(labels))
    held_out, train = order[: dataset.held_out], order[dataset.held_out :]
    # Copies, so that every array is contiguous and may be shared with torch.
    return Images(
        (pixels[train], labels[train]),
        (pixels[held_out], labels[held_out]),
        (test[0].copy(), test[1].copy()),
    )


def _idx(dataset: DataSet, beat: Beat) -> tuple[tuple[Bytes, Bytes], tuple[Bytes, Bytes]]:
    """Return training and test images with their labels, in the order of the IDX files."""
    train, test = (dataset.train, *dataset.shape[1:]), (dataset.test, *dataset.shape[1:])
    shapes = (train, train[:1], test, test[:1])
    arrays = []
    for file, sha256, shape in zip(dataset.files, dataset.digests, shapes, strict=True):
        read = partial(read_idx, sha256=sha256, shape=shape, beat=beat)
        arrays.append(read(find(dataset, file, read, beat)))
    pixels, labels, test_pixels, test_labels = arrays
    return (pixels.reshape(len(labels), -1), labels), (
        test_pixels.reshape(len(test_labels), -1),
        test_labels,
    )


def _cifar(dataset: DataSet, beat: Beat) -> tuple[tuple[Bytes, Bytes], tuple[Bytes, Bytes]]:
    """Return training and test images with their labels, in the canonical order of records."""
    pixels = int(np.prod(dataset.shape))

    def read(path: Path) -> list[Bytes]:
        parts = read_records(path, dataset.train, dataset.test, pixels, beat)
        return [
            in_canonical_order(records, sha256, f"{path}: {part} images", beat)
            for part, records, sha256 in zip(
                ("training", "test"), parts, dataset.digests, strict=True
            )
        ]

    (file,) = dataset.files
    train, test = read(find(dataset, file, read, beat, batch_folder))
    return (train[:, 1:], train[:, 0]), (test[:, 1:], test[:, 0])
