"""Gzip IDX files, as MNIST and its kin come in (LeCun, Cortes and Burges 1998)."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rlid.errors import DataError

UNSIGNED_BYTES = 8
"""The type code of an IDX file of bytes."""


def read_idx(path: Path, sha256: str, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Return the array of `shape` in a gzip IDX file whose unpacked bytes have this SHA-256.

    No more is unpacked than the array takes, whatever the file holds.

    Raises:
        DataError: the file is damaged, or holds something else.
    """
    header = bytes([0, 0, UNSIGNED_BYTES, len(shape)]) + b"".join(
        size.to_bytes(4, "big") for size in shape
    )
    size = len(header) + int(np.prod(shape))
    try:
        with gzip.open(path) as file:
            content = file.read(size + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: damaged gzip file ({error}): fetch it again") from None
    if len(content) != size:
        found = "more" if len(content) > size else f"{len(content)}"
        raise DataError(f"{path}: holds {found} bytes unpacked instead of {size}: fetch it again")
    if not content.startswith(header):
        sides = "x".join(map(str, shape))
        raise DataError(f"{path}: not an IDX file of {sides} bytes: fetch it again")
    if hashlib.sha256(content).hexdigest() != sha256:
        raise DataError(f"{path}: wrong checksum, its content was changed: fetch it again")
    return np.frombuffer(content, np.uint8, offset=len(header)).reshape(shape)
