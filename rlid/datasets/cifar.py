"""The binary archive of CIFAR-10 (Krizhevsky 2009): a label byte, then 3072 bytes, per image."""

from __future__ import annotations

import hashlib
import tarfile
import zlib
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from rlid.errors import DataError

TRAIN_FILES = tuple(f"data_batch_{number}.bin" for number in range(1, 6))
TEST_FILES = ("test_batch.bin",)
MAX_MEMBERS = 100
MAX_OTHER_BYTES = 1_000_000
"""What the archive holds besides are a list of names and a page."""


def check_md5(path: Path, md5: str) -> None:
    """Refuse an archive with another MD5 than the published one.

    Raises:
        DataError: it has.
    """
    with open(path, "rb") as file:
        found = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    if found != md5:
        raise DataError(f"{path}: MD5 {found} instead of {md5}: fetch it again")


def read_archive(
    path: Path, train: int, test: int, pixels: int
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return the training and test records (n, 1 + pixels) of an archive: labels come first.

    Members are read in memory and nothing is extracted.

    Raises:
        DataError: the archive is damaged, a member is missing, of the wrong size, or has a name
            outside the archive's folder.
    """
    sizes = {name: train // len(TRAIN_FILES) * (1 + pixels) for name in TRAIN_FILES}
    sizes |= dict.fromkeys(TEST_FILES, test * (1 + pixels))
    try:
        found = _members(path, sizes)
    except (OSError, EOFError, zlib.error, tarfile.TarError) as error:
        raise DataError(f"{path}: damaged archive ({error}): fetch it again") from None
    for name in sizes:
        if name not in found:
            raise DataError(f"{path}: {name} is missing from the archive: fetch it again")
    parts = [
        np.frombuffer(b"".join(found[name] for name in names), np.uint8).reshape(-1, 1 + pixels)
        for names in (TRAIN_FILES, TEST_FILES)
    ]
    return parts[0], parts[1]


def _members(path: Path, sizes: dict[str, int]) -> dict[str, bytes]:
    """Return the contents of the members in `sizes` by name.

    Each declared size is checked before a byte of it is unpacked.
    """
    found: dict[str, bytes] = {}
    with tarfile.open(path, "r|gz") as archive:
        for count, member in enumerate(archive):
            place = PurePosixPath(member.name)
            if place.is_absolute() or ".." in place.parts:
                raise DataError(f"{path}: member {member.name!r} lies outside the archive's folder")
            expected = sizes.get(place.name)
            if count >= MAX_MEMBERS or (expected is None and member.size > MAX_OTHER_BYTES):
                raise DataError(f"{path}: holds more than CIFAR-10 does, such as {member.name!r}")
            if expected is None:
                continue
            file = archive.extractfile(member) if member.isfile() else None
            if file is None or member.size != expected:
                raise DataError(
                    f"{path}: {member.name} has {member.size} bytes instead of {expected}"
                )
            found[place.name] = file.read()
    return found
