"""Files that are complete or absent when read, and safe reading of files from anywhere."""

from __future__ import annotations

import errno
import os
import re
import secrets
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from rlid.errors import DamagedRecord, InputError

NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK}
"""Answers of a file system without hard links: there a claim and a rename publish a file."""
CLAIM_SECONDS = 30.0
"""Seconds for which a claim stands before it is one that a killed process left behind.

The process that waits counts them by its own clock: the file's age is told by another one.
"""
_CLAIM_WAIT = 0.01
TEMPORARY = re.compile(r"\..+\.[0-9a-f]{16}\.(tmp|claim)|\..+\.claim")
"""Names of the files that writers of a store use before a file gets its own name."""
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
        if error.errno == errno.ENXIO:
            raise DamagedRecord(f"{path}: not a plain file") from None
        raise
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise DamagedRecord(f"{path}: not a plain file")
        # As one list: adding to bytes would copy all of them at each step.
        chunks, size = list[bytes](), 0
        while chunk := os.read(descriptor, _CHUNK):
            chunks.append(chunk)
            size += len(chunk)
            if size > limit:
                raise DamagedRecord(f"{path}: larger than {limit} bytes")
        return b"".join(chunks)
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


def plain_target(path: Path) -> Path:
    """Return where a path that a user gave leads, for a file to be written there.

    Links are followed, since a rename would put the file in place of the link.

    Raises:
        InputError: something is there that is no plain file, such as a folder, a pipe or a device,
            or it cannot be looked at.
    """
    target = Path(os.path.realpath(path)) if path.is_symlink() else path
    try:
        mode = os.lstat(target).st_mode
    except FileNotFoundError:
        return target
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{str(path)!r} cannot be written: {reason}") from None
    if not stat.S_ISREG(mode):
        raise InputError(f"{str(path)!r} is no plain file: give the name of a new one")
    return target


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
        with _named(path):
            with open(temporary, "xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            give_name(temporary, path)
    except BaseException:
        # On a disk that cannot be written this fails as well, and would hide the first error.
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    temporary.unlink(missing_ok=True)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Give an error of the system the name of the file: a full disk says none, or a temporary one.

    Raises:
        OSError: what was raised.
    """
    try:
        yield
    except OSError as error:
        error.filename = str(path)
        raise


def _link(temporary: Path, path: Path) -> None:
    try:
        os.link(temporary, path)
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        _rename_first(temporary, path)


def _rename_first(temporary: Path, path: Path) -> None:
    """Rename a file where there are no links, unless a file of that name exists.

    A rename replaces what is there, so that of several processes only the holder of the claim may
    rename: a file that one of them alone can create.

    Raises:
        FileExistsError: there is such a file.
        OSError: it cannot be renamed, or the claim was taken from this process.
    """
    claim = path.with_name(f".{path.name}.claim")
    mine = secrets.token_hex(8)
    waiting = _Waiting(claim)
    while True:
        if path.exists():
            raise FileExistsError(path)
        try:
            descriptor = os.open(claim, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o644)
            break
        except FileExistsError:
            waiting.step()
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(mine)
        # The holder before this one may have published the file just now.
        if path.exists():
            raise FileExistsError(path)
        if claim.read_text() != mine:
            raise OSError(errno.EAGAIN, "another process took the claim", str(claim))
        os.rename(temporary, path)
    finally:
        claim.unlink(missing_ok=True)


class _Waiting:
    """Waits for the holders of a claim; a claim that a killed process left is removed."""

    def __init__(self, claim: Path) -> None:
        self._claim = claim
        self._seen: tuple[int, int] | None = None
        self._since = 0.0

    def step(self) -> None:
        """Wait a moment; remove the claim where it has been the same one for CLAIM_SECONDS."""
        try:
            state = self._claim.stat()
            same = state.st_ino, state.st_mtime_ns
            if same != self._seen:
                self._seen, self._since = same, time.monotonic()
            elif time.monotonic() - self._since > CLAIM_SECONDS:
                aside = self._claim.with_name(
                    f"{self._claim.name[:-6]}.{secrets.token_hex(8)}.claim"
                )
                # Of several processes that wait, one moves it.
                os.rename(self._claim, aside)
                aside.unlink()
        except FileNotFoundError:
            return
        time.sleep(_CLAIM_WAIT)
