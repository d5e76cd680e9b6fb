"""CIFAR-10 in its binary form (Krizhevsky 2009): a label byte, then 3072 bytes, per image.

The images are read from the official archive, from the folder that it unpacks to, or from copies
of either whose images are in another order. What tells the data set from any other is a digest
that does not depend on the order, and the records are returned in the rising order of their own
SHA-256: every copy gives the same arrays.
"""

from __future__ import annotations

import gzip
import hashlib
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, cast

import numpy as np
from numpy.typing import NDArray

from rlid.errors import DataError
from rlid.world import Beat, no_beat

FOLDER = "cifar-10-batches-bin"
"""What the official archive unpacks to."""
TRAIN_FILES = tuple(f"data_batch_{number}.bin" for number in range(1, 6))
TEST_FILES = ("test_batch.bin",)
MAX_MEMBERS = 100
MAX_OTHER_BYTES = 1_000_000
"""What the archive holds besides are a list of names and a page."""
CHUNK = 1 << 20
"""Bytes read between two signs of life."""
HASHED_TOGETHER = 1000
"""Records whose digests are taken between two signs of life."""

Records = NDArray[np.uint8]


def batch_folder(folder: Path) -> Path | None:
    """Return the folder with the unpacked batches: `folder` itself, or FOLDER in it; or None."""
    for candidate in (folder / FOLDER, folder):
        if any((candidate / name).is_file() for name in (*TRAIN_FILES, *TEST_FILES)):
            return candidate
    return None


def read_records(
    path: Path, train: int, test: int, pixels: int, beat: Beat = no_beat
) -> tuple[Records, Records]:
    """Return the training and test records (n, 1 + pixels), label first, in the order of the files.

    Args:
        path: an archive, whose members are read in memory (nothing is extracted), or a folder.
        train: how many training records there must be.
        test: how many test records there must be.
        pixels: bytes of an image.
        beat: called as a sign of life.

    Raises:
        DataError: the archive is damaged or cannot be read, a batch is missing or of the wrong
            size, or a member has a name outside the archive's folder.
    """
    records = np.empty((train + test, 1 + pixels), np.uint8)
    parts = np.split(records[:train], len(TRAIN_FILES)) + [records[train:]]
    names = (*TRAIN_FILES, *TEST_FILES)
    wanted = {name: part.reshape(-1) for name, part in zip(names, parts, strict=True)}
    with _refusals(path):
        filled = (_from_folder if path.is_dir() else _from_archive)(path, wanted, beat)
    for name in names:
        if name not in filled:
            raise DataError(f"{path}: {name} is missing: fetch the data set again")
    return records[:train], records[train:]


def in_canonical_order(records: Records, sha256: str, source: str, beat: Beat = no_beat) -> Records:
    """Return records (n, bytes) in the rising order of their own SHA-256.

    Args:
        records: in any order.
        sha256: the SHA-256 that the sorted, joined SHA-256 digests of the records must have.
        source: names the records in an error.
        beat: called as a sign of life.

    Raises:
        DataError: the records are not those that `sha256` tells of.
    """
    digests: list[bytes] = []
    for first in range(0, len(records), HASHED_TOGETHER):
        beat()
        rows = records[first : first + HASHED_TOGETHER]
        digests += [hashlib.sha256(row.data).digest() for row in rows]
    order = sorted(range(len(digests)), key=digests.__getitem__)
    digest = hashlib.sha256(b"".join(digests[index] for index in order)).hexdigest()
    if digest != sha256:
        raise DataError(
            f"{source}: other images or labels than published (order-independent SHA-256 {digest} "
            f"instead of {sha256}): fetch the data set again"
        )
    return records[order]


@contextmanager
def _refusals(path: Path) -> Iterator[None]:
    """Turn what a reader of archives raises into a DataError that says what it is."""
    try:
        yield
    except TimeoutError:
        # Somebody's limit on the time: it says nothing about the file.
        raise
    except (EOFError, gzip.BadGzipFile, zlib.error, tarfile.TarError) as error:
        raise DataError(f"{path}: damaged archive ({error}): fetch it again") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from None


def _from_folder(folder: Path, wanted: dict[str, Records], beat: Beat) -> set[str]:
    """Fill the arrays in `wanted` from the files of these names; return the names there are."""
    filled = set()
    for name, target in wanted.items():
        path = folder / name
        if not path.is_file():
            continue
        with open(path, "rb") as file:
            _fill(file, path.stat().st_size, target, str(path), beat)
        filled.add(name)
    return filled


def _from_archive(path: Path, wanted: dict[str, Records], beat: Beat) -> set[str]:
    """Fill the arrays in `wanted` from the members of these names; return the names there are.

    Each declared size is checked before a byte of it is unpacked.
    """
    filled = set()
    most = sum(len(target) for target in wanted.values()) + MAX_MEMBERS * MAX_OTHER_BYTES
    with (
        gzip.open(path) as file,
        # Of a stream, tarfile asks for `read` alone.
        tarfile.open(fileobj=cast("IO[bytes]", _Limited(file, most)), mode="r|") as archive,
    ):
        for count, member in enumerate(archive):
            name = PurePosixPath(member.name)
            if name.is_absolute() or ".." in name.parts:
                raise DataError(f"{path}: member {member.name!r} lies outside the archive's folder")
            target = wanted.get(name.name)
            if count >= MAX_MEMBERS or (target is None and member.size > MAX_OTHER_BYTES):
                raise DataError(f"{path}: holds more than CIFAR-10 does, such as {member.name!r}")
            if target is None:
                continue
            if name.name in filled:
                raise DataError(f"{path}: holds {name.name} twice: fetch it again")
            content = archive.extractfile(member) if member.isfile() else None
            if content is None:
                raise DataError(f"{path}: {member.name} is not a file: fetch it again")
            _fill(content, member.size, target, f"{path}: {member.name}", beat)
            filled.add(name.name)
    return filled


class _Limited:
    """An unpacked archive of at most so many bytes: tarfile reads a header of any size as one."""

    def __init__(self, file: gzip.GzipFile, most: int) -> None:
        """`file` is read from where it stands."""
        self._file, self._left = file, most

    def read(self, size: int) -> bytes:
        """Return the next bytes.

        Raises:
            TarError: there are more than CIFAR-10 has.
        """
        part = self._file.read(size)
        self._left -= len(part)
        if self._left < 0:
            raise tarfile.TarError("unpacks to more bytes than CIFAR-10 has")
        return part


def _fill(file: IO[bytes], size: int, target: Records, source: str, beat: Beat) -> None:
    """Read a file of `size` bytes into `target` (n,)."""
    if size != len(target):
        raise DataError(f"{source} has {size} bytes instead of {len(target)}: fetch it again")
    first = 0
    while first < size:
        beat()
        part = file.read(min(CHUNK, size - first))
        if not part:
            raise EOFError(f"{source} ends after {first} of {size} bytes")
        target[first : first + len(part)] = np.frombuffer(part, np.uint8)
        first += len(part)
