"""A data set as arrays: training, held-out and test images, in a split that is always the same."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rlid.datasets.catalogue import DATASETS, DataSet
from rlid.datasets.cifar import check_md5, read_archive
from rlid.datasets.idx import read_idx
from rlid.datasets.places import find, user_folder
from rlid.errors import DataError
from rlid.random_stream import Stream, role_seed

Bytes = NDArray[np.uint8]
SEED = role_seed(0, "task")
"""Of the split and of what is shuffled: part of the task, the same in every trial."""


@dataclass(frozen=True)
class Images:
    """Images (n, pixels) as bytes, planes (channels) one after the other, and labels (n,)."""

    train: tuple[Bytes, Bytes]
    held_out: tuple[Bytes, Bytes]
    test: tuple[Bytes, Bytes]


def images_of(name: str, shuffled_pixels: bool = False, shuffled_labels: float = 0.0) -> Images:
    """Return a data set, read once in a process.

    Args:
        name: a key of DATASETS.
        shuffled_pixels: whether one fixed permutation is applied to the pixels of every image.
        shuffled_labels: the share of training labels that are permuted among each other.

    Raises:
        DataError: a file is missing or damaged.
    """
    images = _read(DATASETS[name], user_folder())
    if shuffled_pixels:
        order = Stream(SEED, f"{name}/pixels").permutation(images.test[0].shape[1])
        parts = (images.train, images.held_out, images.test)
        images = Images(*((pixels[:, order], labels) for pixels, labels in parts))
    if shuffled_labels:
        pixels, labels = images.train
        stirred = labels.copy()
        chosen = Stream(SEED, f"{name}/chosen").permutation(len(labels))
        chosen = chosen[: round(shuffled_labels * len(labels))]
        order = Stream(SEED, f"{name}/labels").permutation(len(chosen))
        stirred[chosen] = labels[chosen[order]]
        images = replace(images, train=(pixels, stirred))
    return images


@cache
def _read(dataset: DataSet, _folder: Path | None) -> Images:
    """Return a data set; the user's folder is an argument so that another one is read anew."""
    (pixels, labels), test = (_idx if dataset.form == "idx" else _cifar)(dataset)
    for part in (labels, test[1]):
        if part.max() >= dataset.classes:
            raise DataError(
                f"{dataset.name}: a label is {part.max()}, and labels are 0 to "
                f"{dataset.classes - 1}: fetch its files again"
            )
    order = Stream(SEED, f"{dataset.name}/split").permutation(len(labels))
    held_out, train = order[: dataset.held_out], order[dataset.held_out :]
    return Images((pixels[train], labels[train]), (pixels[held_out], labels[held_out]), test)


def _idx(dataset: DataSet) -> tuple[tuple[Bytes, Bytes], tuple[Bytes, Bytes]]:
    train, test = (dataset.train, *dataset.shape[1:]), (dataset.test, *dataset.shape[1:])
    shapes = (train, train[:1], test, test[:1])
    arrays = []
    for (file, sha256), shape in zip(dataset.files, shapes, strict=True):
        read = partial(read_idx, sha256=sha256, shape=shape)
        arrays.append(read(find(dataset, file, read)))
    pixels, labels, test_pixels, test_labels = arrays
    return (pixels.reshape(len(labels), -1), labels), (
        test_pixels.reshape(len(test_labels), -1),
        test_labels,
    )


def _cifar(dataset: DataSet) -> tuple[tuple[Bytes, Bytes], tuple[Bytes, Bytes]]:
    ((file, md5),) = dataset.files
    path = find(dataset, file, lambda path: check_md5(path, md5))
    check_md5(path, md5)
    pixels = int(np.prod(dataset.shape))
    train, test = read_archive(path, dataset.train, dataset.test, pixels)
    return (train[:, 1:], train[:, 0]), (test[:, 1:], test[:, 0])
