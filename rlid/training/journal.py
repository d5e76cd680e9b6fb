"""The answers of an unfinished trial, on disk: a trial that was killed resumes from them.

A trial is a function of its spec and of the answers to its requests. So it resumes by running again
from the start, with answers from the journal until these run out. The optimizer's state is never
written. One file per trial, `<store>/journals/<task>/<key>.journal`: a line of JSON that
names the trial and the versions it ran with, then one frame per answer, each with a digest of its
request and a checksum. The file is removed when the record of the trial is in the store.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import stat
import struct
import time
import zlib
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from rlid.errors import DamagedRecord
from rlid.problem import Request, Returns
from rlid.records import TrialSpec, canonical, parse_json, versions
from rlid.store import Store, slug

FLUSH_SECONDS = 5.0
"""Seconds between two writes: a kill costs so much work, and a short trial writes nothing."""
MAX_BYTES = 16 * 1024 * 1024
"""Bytes of one journal; a trial with more answers resumes from the last that fitted."""
MAX_HEADER = 4096
"""Bytes of the first line."""
FORMAT = 1
_FRAME = struct.Struct("<II16sQ")
_CHECKSUM = struct.Struct("<I")


class _Frame(NamedTuple):
    """An answer, the digest of its request, and its first and last byte in the file."""

    digest: bytes
    returns: Returns
    start: int
    end: int


class Journals:
    """The journals of a store's unfinished trials."""

    def __init__(self, store: Store) -> None:
        """Write nothing before a trial has lasted FLUSH_SECONDS."""
        self._store = store

    def path(self, spec: TrialSpec) -> Path:
        """Return the path of a trial's journal, whether or not there is one."""
        return self._store.room("journals", slug(spec.task)) / f"{spec.key}.journal"

    def open(self, spec: TrialSpec) -> Journal:
        """Return a trial's journal, with the answers that were kept.

        A file that is no journal, or one of another trial or of other versions, goes to quarantine,
        with the reason beside it.

        Raises:
            StoreError: the file cannot be moved there.
        """
        path = self.path(spec)
        header = canonical({"journal": FORMAT, "key": spec.key, "versions": versions()})
        journal = Journal(path, header.encode() + b"\n")
        try:
            journal.recover()
        except DamagedRecord as damage:
            journal.close()
            self._store.set_aside(path, f"the trial begins anew: {damage}")
            return Journal(path, journal.header)
        except OSError:
            journal.close()
        return journal


class Journal:
    """The answers of one trial: those kept from an earlier run, then new ones.

    Whatever goes wrong with the file costs the chance to resume, never the trial.
    """

    def __init__(self, path: Path, header: bytes) -> None:
        """`header` is the line that the file begins with."""
        self._path, self.header = path, header
        self._kept: deque[_Frame] = deque()
        self._fresh: list[bytes] = []
        self._descriptor: int | None = None
        self._size = 0
        self._is_broken = False
        self._written_at = time.monotonic()

    def recover(self) -> None:
        """Read the answers of an earlier run, and cut off a torn end.

        Raises:
            DamagedRecord: the file is not this trial's journal.
            OSError: the file cannot be read, or another process writes it.
        """
        if not self._path.exists() and not self._path.is_symlink():
            return
        self._descriptor = _open(self._path, os.O_RDWR)
        with os.fdopen(os.dup(self._descriptor), "rb") as file:
            data = file.read(MAX_BYTES)
        if self.header.startswith(data):
            data = b""
        elif not data.startswith(self.header):
            end = data.find(b"\n", 0, MAX_HEADER) + 1
            raise DamagedRecord(_difference(data[:end], self.header))
        self._kept.extend(_frames(data, len(self.header)))
        self._cut(self._kept[-1].end if self._kept else min(len(data), len(self.header)))

    def _cut(self, size: int) -> None:
        if self._descriptor is None:
            return
        os.ftruncate(self._descriptor, size)
        self._size = size

    @property
    def kept(self) -> int:
        """The number of answers of an earlier run that were not asked for yet."""
        return len(self._kept)

    def answer(self, request: Request) -> Returns | None:
        """Return the answer of an earlier run to this request, or None where there is none.

        When a request differs from that of the earlier run, its later answers are dropped.
        """
        if not self._kept:
            return None
        frame = self._kept.popleft()
        shape = (len(request.Z), len(request.seeds))
        if frame.digest == _digest(request) and frame.returns.values.shape == shape:
            return frame.returns
        self._kept.clear()
        try:
            self._cut(frame.start)
        except OSError:
            # What follows would stand behind answers that are no longer true.
            self._is_broken = True
        return None

    def add(self, request: Request, returns: Returns) -> None:
        """Keep the answer to a request; it is written when FLUSH_SECONDS have passed."""
        if self._is_broken:
            return
        n, episodes = returns.values.shape
        frame = _FRAME.pack(n, episodes, _digest(request), returns.steps)
        frame += returns.values.astype("<f8").tobytes()
        self._fresh.append(frame + _CHECKSUM.pack(zlib.crc32(frame)))
        if time.monotonic() - self._written_at >= FLUSH_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Write the new answers to disk."""
        data, self._fresh = b"".join(self._fresh), []
        self._written_at = time.monotonic()
        try:
            if self._descriptor is None:
                # Not above the folder of journals: a store that is gone is not made again.
                self._path.parent.parent.mkdir(exist_ok=True)
                self._path.parent.mkdir(exist_ok=True)
                self._descriptor = _open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
            if self._size == 0:
                data = self.header + data
            if self._size + len(data) > MAX_BYTES:
                raise OSError("the journal is full")
            # Without fsync: a killed process loses nothing, and a torn end is found and cut off.
            if os.pwrite(self._descriptor, data, self._size) < len(data):
                raise OSError("a part was written")
            self._size += len(data)
        except OSError:
            self._is_broken = True

    def remove(self) -> None:
        """Delete the file: the trial is over, and its record is in the store."""
        self._fresh.clear()
        if self._descriptor is not None:
            with contextlib.suppress(OSError):
                self._path.unlink()
        self.close()

    def close(self) -> None:
        """Write the new answers and close the file."""
        if self._fresh and not self._is_broken:
            self.flush()
        if self._descriptor is not None:
            os.close(self._descriptor)
        self._descriptor, self._is_broken = None, True


def _open(path: Path, flags: int) -> int:
    """Open a plain file for this process alone; a link is not followed, a pipe not waited for."""
    descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o644)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(f"{path}: not a plain file")
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _frames(data: bytes, at: int) -> Iterator[_Frame]:
    """Yield the sound frames of a file from byte `at` on."""
    while at + _FRAME.size <= len(data):
        n, episodes, digest, steps = _FRAME.unpack_from(data, at)
        end = at + _FRAME.size + 8 * n * episodes
        if end + _CHECKSUM.size > len(data):
            return
        if _CHECKSUM.unpack_from(data, end)[0] != zlib.crc32(data[at:end]):
            return
        values = np.frombuffer(data, "<f8", n * episodes, at + _FRAME.size)
        returns = Returns(values.astype(np.float64).reshape(n, episodes), steps)
        yield _Frame(digest, returns, at, end + _CHECKSUM.size)
        at = end + _CHECKSUM.size


def _digest(request: Request) -> bytes:
    """Return 16 bytes that tell this request from any other of the trial."""
    digest = hashlib.blake2b(np.ascontiguousarray(request.Z, "<f4").tobytes(), digest_size=16)
    digest.update(f"{request.part}/{request.Z.shape}/{request.seeds}".encode())
    return digest.digest()


def _difference(header: bytes, expected: bytes) -> str:
    """Return in one line why a header is not the expected one."""
    try:
        present, wanted = parse_json(header.decode()), parse_json(expected.decode())
        for name in wanted:
            if present[name] != wanted[name]:
                return f"its journal has {name} {present[name]}, not {wanted[name]}"[:500]
    except (DamagedRecord, UnicodeDecodeError, KeyError, TypeError):
        pass
    return "its journal does not begin as a journal does"
