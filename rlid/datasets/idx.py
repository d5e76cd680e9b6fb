"""Gzip IDX files, the format of MNIST and Fashion-MNIST (LeCun, Cortes and Burges 1998)."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rlid.errors import DataError
from rlid.world import Beat, no_beat

UNSIGNED_BYTES = 8
"""The type code of an IDX file of bytes."""
CHUNK = 1 << 20
"""Bytes unpacked between two signs of life."""


def read_idx(
    path: Path, sha256: str, shape: tuple[int, ...], beat: Beat = no_beat
) -> NDArray[np.uint8]:
    """Return the array of `shape` in a gzip IDX file whose unpacked bytes have this SHA-256.

    No more is unpacked than the array takes, whatever the file holds. `beat` is called as a sign
    of life.

    Raises:
        DataError: the file cannot be read, is damaged, or holds something else.
    """
    header = bytes([0, 0, UNSIGNED_BYTES, len(shape)]) + b"".join(
        side.to_bytes(4, "big") for side in shape
    )
    size = len(header) + int(np.prod(shape))
    content = _unpacked(path, size + 1, beat)
    if len(content) != size:
        bytes_seen = "more" if len(content) > size else f"{len(content)}"
        raise DataError(
            f"{path}: holds {bytes_seen} bytes unpacked instead of {size}: fetch it again"
        )
    if not content.startswith(header):
        sides = "x".join(map(str, shape))
        raise DataError(f"{path}: not an IDX file of {sides} bytes: fetch it again")
    if hashlib.sha256(content).hexdigest() != sha256:
        raise DataError(f"{path}: wrong checksum, its content was changed: fetch it again")
    return np.frombuffer(content, np.uint8, offset=len(header)).reshape(shape)


def _unpacked(path: Path, limit: int, beat: Beat) -> bytes:
    """Return what a gzip file holds, at most `limit` bytes of it."""
    content = bytearray()
    try:
        with gzip.open(path) as file:
            while len(content) < limit:
                beat()
                part = file.read(min(CHUNK, limit - len(content)))
                if not part:
                    break
                content += part
    except TimeoutError:
        # Somebody's limit on the time: it says nothing about the file.
        raise
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(f"{path}: damaged gzip file ({error}): fetch it again") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from None
    return bytes(content)
