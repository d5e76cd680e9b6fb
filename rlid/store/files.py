"""Files that are complete or absent when read, and safe reading of files from anywhere."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Callable
from pathlib import Path

from rlid.errors import DamagedRecord

NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK}
"""Answers of a file system without hard links: there a rename publishes a file."""
_CHUNK = 64 * 1024


def read_limited(path: str | os.PathLike[str], limit: int) -> bytes:
    """Read a plain file of at most `limit` bytes; links are not followed, pipes not waited for.

    Raises:
        DamagedRecord: it is larger, or no plain file.
        OSError: it cannot be read.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise DamagedRecord(f"{path}: a symbolic link") from None
        raise
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise DamagedRecord(f"{path}: not a plain file")
        data = b""
        while chunk := os.read(descriptor, _CHUNK):
            data += chunk
            if len(data) > limit:
                raise DamagedRecord(f"{path}: larger than {limit} bytes")
        return data
    finally:
        os.close(descriptor)


def inside(folder: Path, *names: str) -> Path:
    """Return the path of these names below a folder; none of them may be a link.

    Raises:
        OSError: one of them is a symbolic link.
    """
    path = folder
    for name in names:
        path = path / name
        if path.is_symlink():
            raise OSError(errno.ELOOP, f"{path} is a symbolic link", str(path))
    return path


def write_whole(path: Path, data: bytes) -> Path:
    """Write a file under a temporary name, flush it to disk, and give it its name.

    A reader sees the old content or the new one, never a part. Folders above it are made.

    Raises:
        OSError: it cannot be written; the old content stays.
    """
    _publish(path, data, os.replace)
    return path


def add_whole(path: Path, data: bytes) -> bool:
    """Write a file as `write_whole` does, unless a file of that name exists.

    Returns:
        Whether this call has written the file; of several at once, one gets True.

    Raises:
        OSError: it cannot be written.
    """
    try:
        _publish(path, data, _link)
    except FileExistsError:
        return False
    return True


def _publish(path: Path, data: bytes, give_name: Callable[[Path, Path], None]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.parent / f".{path.name}.{secrets.token_hex(8)}.tmp"
    try:
        with open(temporary, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        give_name(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _link(temporary: Path, path: Path) -> None:
    try:
        os.link(temporary, path)
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        if path.exists():
            raise FileExistsError(path) from None
        os.rename(temporary, path)
