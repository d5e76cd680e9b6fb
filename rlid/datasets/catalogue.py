"""The known data sets: names of files, sizes, and digests of the contents."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal

IDX_FILES = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)
MNIST = (
    "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
)
FASHION_MNIST = (
    "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
)
CIFAR10 = (
    "55a61f79a40ece2ceda9fb5f9f7078f6ea2fc4952489cef56682bcf92cfcc260",
    "325704b01eb92e1e2a6215ae6a916bb7db7de054af0c496be1c7be2e0fcfbf5f",
)
"""Of the training and of the test records; the MD5 of the official archive, which fixes the order
of the images too, is c32a1d4ab5d03f1284b67883e8d87530."""


@dataclass(frozen=True)
class DataSet:
    """Images of 10 classes in a published file format.

    Attributes:
        name: of the data set, and of the folder that holds its files.
        form: "idx" for gzip IDX files, "cifar" for the archive of CIFAR-10.
        files: names of the files.
        digests: SHA-256 digests that tell the contents from any other, however they are packed.
            "idx": one for what each file holds unpacked. "cifar": one for the training records and
            one for the test records, each taken over the sorted SHA-256 digests of the records, so
            that the order of the images does not matter.
        url: of the folder from which the files may be downloaded.
        shape: (channels, height, width) of an image.
        train: how many images there are for training.
        test: how many images there are for the score alone.
        held_out: training images that are kept for stopping and validation.
        classes: how many labels there are, from 0 on.
    """

    name: str
    form: Literal["idx", "cifar"]
    files: tuple[str, ...]
    digests: tuple[str, ...]
    url: str
    shape: tuple[int, int, int]
    train: int
    test: int
    held_out: int = 5000
    classes: int = 10

    @property
    def checksum(self) -> str:
        """Sixteen hexadecimal digits that tell the contents from those of any other data set."""
        return hashlib.sha256("".join(self.digests).encode()).hexdigest()[:16]


DATASETS = {
    dataset.name: dataset
    for dataset in (
        DataSet(
            "mnist",
            "idx",
            IDX_FILES,
            MNIST,
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            (1, 28, 28),
            60_000,
            10_000,
        ),
        DataSet(
            "fashion_mnist",
            "idx",
            IDX_FILES,
            FASHION_MNIST,
            # This host has no https; the digests tell a changed download.
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
            (1, 28, 28),
            60_000,
            10_000,
        ),
        DataSet(
            "cifar10",
            "cifar",
            ("cifar-10-binary.tar.gz",),
            CIFAR10,
            "https://www.cs.toronto.edu/~kriz/",
            (3, 32, 32),
            50_000,
            10_000,
        ),
    )
}
