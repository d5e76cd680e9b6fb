"""Small files that are read with a limit and replaced as a whole."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from rlid.record import DamagedRecord


def write_whole(path: Path, data: bytes) -> Path:
    """Write a file under a temporary name, flush it to disk, and give it its name.

    Whoever reads it sees the old content or the new one, never a part.

    Raises:
        OSError: it cannot be written; what stood there stays.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.parent / f".{path.name}.{secrets.token_hex(8)}.tmp"
    try:
        with open(temporary, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    return path


def read_limited(path: Path, limit: int) -> bytes:
    """Read a plain file of at most `limit` bytes; neither a device nor a pipe is waited for.

    Raises:
        DamagedRecord: it is larger.
        OSError: it cannot be read.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise DamagedRecord(f"{path}: larger than {limit} bytes")
    return data
