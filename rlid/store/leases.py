"""Which process runs which trial, where several share a store: one lease file for each trial.

A process writes an owner file and touches it every HEARTBEAT seconds; a lease names its owner. The
operating system says whether an owner on this machine is alive. An owner on another machine counts
as dead when its file has not changed for STALE seconds by the clock of the process that waits: two
clocks are never compared. The lease of a dead owner stays, and the process that creates the next
generation of it holds it: creating a file that must not exist is atomic on a shared folder.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import secrets
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from rlid.errors import DamagedRecord
from rlid.records import parse_json
from rlid.store.files import inside, read_limited, write_whole

HEARTBEAT = 5.0
"""Seconds between two touches of the owner file."""
STALE = 120.0
"""Seconds without a touch after which an owner on another machine is dead.

Shared folders cache for 60 seconds.
"""
MAX_BYTES = 4096


@dataclass(frozen=True)
class Process:
    """A process; `started` (clock ticks) tells it apart from an earlier process with its number."""

    machine: str
    pid: int
    started: int

    def lives(self) -> bool | None:
        """Whether it is alive; None where this machine cannot tell, or the process is stopped."""
        if not self.machine or self.machine != machine() or self.pid < 1:
            return None
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            pass
        if start_of(self.pid) not in (self.started, -1):
            return False
        return None if _status(self.pid)[:1] == ["T"] else True


class Leases:
    """The leases of one process in one store; its owner file is written with the first lease."""

    def __init__(self, store: str | os.PathLike[str], stale: float = STALE) -> None:
        """Write nothing yet; `stale` is in seconds, see STALE."""
        self.folder = Path(store) / "leases"
        self.stale = stale
        self.name = secrets.token_hex(8)
        self._held: dict[str, int] = {}
        self._seen: dict[str, tuple[int, float]] = {}
        self._ending: threading.Event | None = None

    def take(self, key: str) -> bool:
        """Take the lease of a trial, unless a living process holds it.

        The holder must look for the trial's record once more before it runs the trial.

        Returns:
            Whether this process holds the lease now.

        Raises:
            OSError: the folder cannot be written.
        """
        if key in self._held:
            return True
        self._open()
        generation = 0
        while not _create(self._path(key, generation), self.name):
            owner = self._owner(key, generation)
            if owner is None:
                continue
            if self._lives(owner):
                return False
            generation += 1
        self._held[key] = generation
        return True

    def release(self, key: str, *, done: bool) -> None:
        """Give a lease back; where the trial is `done`, remove those of its dead owners too."""
        held = self._held.pop(key, None)
        if held is None:
            return
        # Without a record the lower generations stay: a waiting process would create them anew.
        for generation in range(held, -1 if done else held - 1, -1):
            self._path(key, generation).unlink(missing_ok=True)

    def others(self) -> int:
        """Return how many other living processes work in this store."""
        names = [path.stem for path in self.folder.glob("*.owner")]
        return sum(name != self.name and self._lives(name) for name in names)

    def close(self) -> None:
        """Give back all leases that are still held, and the owner file."""
        for key in list(self._held):
            self.release(key, done=False)
        if self._ending is not None:
            self._ending.set()
            self._ending = None
            (self.folder / f"{self.name}.owner").unlink(missing_ok=True)

    def _open(self) -> None:
        if self._ending is not None:
            return
        path = inside(self.folder.parent, self.folder.name) / f"{self.name}.owner"
        me = Process(machine(), os.getpid(), start_of(os.getpid()))
        write_whole(path, json.dumps(vars(me)).encode())
        self._ending = ending = threading.Event()

        def beat() -> None:
            while not ending.wait(HEARTBEAT):
                with contextlib.suppress(OSError):
                    os.utime(path)

        threading.Thread(target=beat, daemon=True).start()
        for other in self.folder.glob("*.owner"):
            # It was killed before it removed its file; without the file it counts as dead as well.
            if _lives(other) is False:
                other.unlink(missing_ok=True)

    def _path(self, key: str, generation: int) -> Path:
        return self.folder / f"{key}.{generation}.lease"

    def _owner(self, key: str, generation: int) -> str | None:
        """Return the owner that a lease names, or None if the lease is gone."""
        path = self._path(key, generation)
        try:
            name = read_limited(path, MAX_BYTES).decode("ascii", "replace")
        except FileNotFoundError:
            return None
        except DamagedRecord:
            name = ""
        if len(name) == len(self.name) and name.isalnum():
            return name
        # The name is not written yet, or never will be: the age of the lease decides.
        return path.name

    def _lives(self, name: str) -> bool:
        path = self.folder / (name if name.endswith(".lease") else f"{name}.owner")
        lives = _lives(path)
        if lives is not None:
            return lives
        try:
            # The file was opened before: a shared folder then looks at its state anew.
            changed = path.stat().st_mtime_ns
        except FileNotFoundError:
            return False
        before, since = self._seen.get(name, (None, 0.0))
        if before != changed:
            self._seen[name] = (changed, time.monotonic())
            return True
        return time.monotonic() - since < self.stale


def _create(path: Path, text: str) -> bool:
    """Create a file that must not exist; return whether it did not.

    Raises:
        OSError: it cannot be written. It is removed: a torn lease would block until it is STALE.
    """
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o644)
    except FileExistsError:
        return False
    try:
        if os.write(descriptor, text.encode()) < len(text):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    except OSError:
        path.unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)
    return True


def _lives(owner: Path) -> bool | None:
    """Whether the process that an owner file names is alive; None where that cannot be told."""
    try:
        fields = parse_json(read_limited(owner, MAX_BYTES).decode())
        return Process(fields["machine"], fields["pid"], fields["started"]).lives()
    except FileNotFoundError:
        return False
    except (DamagedRecord, UnicodeDecodeError, KeyError, TypeError, OverflowError):
        return None


def machine() -> str:
    """Return an identifier of this boot of this machine and of this container, or ""."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return ""


def start_of(pid: int) -> int:
    """Return when a process started (clock ticks); 0 if it has ended, -1 where unknown."""
    fields = _status(pid)
    if not fields:
        return -1
    return 0 if fields[0] in "ZX" else int(fields[19])


def _status(pid: int) -> list[str]:
    """Return the fields of /proc/PID/stat from the third on (the state first); [] where unknown."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
