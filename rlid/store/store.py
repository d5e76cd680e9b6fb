"""A folder of trial records, one immutable file each; every answer is recomputed from them."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rlid.errors import DamagedRecord, NewerRecord, StoreError
from rlid.records import NOT_WHOLE, Record, TrialSpec, parse_record, split_checksum, written
from rlid.store.files import add_whole, inside, read_limited, write_whole
from rlid.store.names import slug
from rlid.store.z_files import add_z, has_z, parse_z, read_z

MAX_RECORD_BYTES = 2 * 1024 * 1024
MARKER = "rlid-store.txt"
"""The file that marks a folder as a store."""
MARKER_TEXT = "This folder is a store of rlid: `rlid store check` looks after it.\n"
_KEY = re.compile("[0-9a-f]{64}")


def _ignore(_: str) -> None:
    """Drop a message."""


class Store:
    """Records under `<folder>/trials/<task>/<key>.json`, with z beside each as safetensors.

    The files of a trial are written under a temporary name, flushed to disk and then published by
    link(), z first and the record last, so that a record is complete or absent. A damaged file is
    moved to `<folder>/quarantine/` with the reason beside it.
    """

    def __init__(
        self, folder: str | os.PathLike[str], on_damage: Callable[[str], None] = _ignore
    ) -> None:
        """`folder` need not exist yet; `on_damage` gets one line for each file set aside."""
        self.folder = Path(folder)
        self._on_damage = on_damage
        self._identity: tuple[int, int] | None = None

    def room(self, *names: str) -> Path:
        """Return the path of a folder of this store, which need not exist.

        Raises:
            StoreError: the folder is a link or lies behind one: a store lies inside its folder.
        """
        try:
            return inside(self.folder, *names)
        except OSError as error:
            raise _cannot("used", self.folder, error) from None

    def path(self, spec: TrialSpec) -> Path:
        """Return the path of the record of `spec`, which need not exist.

        Raises:
            StoreError: the folder is a link.
        """
        return self.room("trials", slug(spec.task)) / f"{spec.key}.json"

    def check_writable(self) -> None:
        """Make the folder, write to it once, and leave the marker of a store in it.

        Raises:
            StoreError: it cannot be written.
        """
        try:
            write_whole(self.folder / f".probe.{secrets.token_hex(8)}.tmp", b"").unlink()
            if not (self.folder / MARKER).exists():
                write_whole(self.folder / MARKER, MARKER_TEXT.encode())
        except OSError as error:
            raise _cannot("written", self.folder, error) from error
        self.check_there()

    def check_there(self, *, must_exist: bool = False) -> None:
        """Refuse to go on where the folder is no longer the one that this object wrote to before.

        Args:
            must_exist: whether another process has made the folder already.

        Raises:
            StoreError: the folder was moved, deleted or replaced.
        """
        try:
            state = os.stat(self.folder)
        except OSError:
            state = None
        now = None if state is None else (state.st_dev, state.st_ino)
        if self._identity not in (None, now) or (must_exist and now is None):
            raise StoreError(
                f"the store {str(self.folder)!r} was moved or deleted while it was in use: the "
                "records so far are where it is now; repeat the command there"
            )
        self._identity = now

    def is_marked(self) -> bool:
        """Whether the folder is a store: it has the marker, or a file named as a record is."""
        if (self.folder / MARKER).is_file():
            return True
        return any(_KEY.fullmatch(path.stem) for path in self.files(".json"))

    def add(self, record: Record, z: NDArray[np.float32] | None = None) -> Record:
        """Publish a record and its z (d,); a record that is already there stays as it is.

        Returns:
            The record as stored, with the hash of z in it.

        Raises:
            StoreError: the store cannot be written.
        """
        from safetensors.numpy import save

        self.check_there()
        stored = self.get(record.spec)
        if stored is not None:
            return stored
        path = self.path(record.spec)
        try:
            if z is not None:
                data = save({"z": np.ascontiguousarray(z, dtype=np.float32)})
                record = record.model_copy(update={"z_sha256": hashlib.sha256(data).hexdigest()})
                add_z(path, data)
            is_new = add_whole(path, written(record).encode())
        except OSError as error:
            raise _cannot("written", self.folder, error) from error
        if self._identity is None:
            self.check_there()
        if is_new:
            if z is not None and not has_z(path, record.z_sha256):
                # A repair took it for one that a crash left behind: this process was stopped.
                add_z(path, data)
            return record
        stored = self.get(record.spec)
        if stored is None:
            raise StoreError(f"{path}: damaged, and cannot be moved out of the way")
        return stored

    def get(self, spec: TrialSpec) -> Record | None:
        """Return the record of `spec`, or None; a damaged record is moved to quarantine."""
        path = self.path(spec)
        return self._load(path) if path.exists() or path.is_symlink() else None

    def retire(self, spec: TrialSpec) -> None:
        """Move a failed trial's record out of the way, so that the trial may be run again.

        Raises:
            StoreError: the store cannot be written.
        """
        path = self.path(spec)
        target = self.room("retired") / f"{path.stem}.{secrets.token_hex(4)}.json"
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileNotFoundError):  # another process was quicker
                os.rename(path, target)
        except OSError as error:
            raise _cannot("written", self.folder, error) from error

    def has(self, spec: TrialSpec) -> bool:
        """Whether the store holds a record of `spec`; the record is not read."""
        return self.path(spec).exists()

    def records(self, task: str | None = None) -> Iterator[Record]:
        """Yield every sound record (of one task), ordered by file name."""
        for path in self.files(".json", task):
            record = self._load(path)
            if record is not None and task in (None, record.spec.task):
                yield record

    def files(self, suffix: str, task: str | None = None) -> Iterator[Path]:
        """Yield the trials' files that end in `suffix`, ordered by name; hidden files are left out.

        Raises:
            StoreError: a folder is a link.
        """
        names = [slug(task)] if task else _names(self.room("trials"))
        for folder in (self.room("trials", name) for name in names):
            if folder.is_dir():
                yield from (folder / name for name in _names(folder) if name.endswith(suffix))

    def parse(self, path: Path) -> Record:
        """Return the record in a file of this store.

        Raises:
            NewerRecord: another version of rlid wrote it, and this one cannot read it.
            DamagedRecord: it holds no valid record, or that of another spec.
            OSError: it cannot be read.
        """
        try:
            text = read_limited(path, MAX_RECORD_BYTES).decode()
        except UnicodeDecodeError as error:
            raise DamagedRecord(str(error)) from None
        body, is_whole = split_checksum(text)
        try:
            record = parse_record(body)
        except NewerRecord:
            if not is_whole:
                raise DamagedRecord(NOT_WHOLE) from None
            raise
        except DamagedRecord as error:
            if is_whole and body != text:
                # Its checksum agrees: it is as it was written, by a version with other fields.
                message = f"another version of rlid wrote it ({error}): upgrade rlid to read it"
                raise NewerRecord(message) from None
            raise
        if record.key != path.stem:
            raise DamagedRecord("the file's name is not the key of the spec in it")
        if not is_whole:
            raise DamagedRecord(NOT_WHOLE)
        return record

    def z(self, record: Record) -> NDArray[np.float32]:
        """Return the z (d,) of a record.

        Raises:
            DamagedRecord: there is no z, or it is not what the record says.
        """
        return parse_z(self.z_bytes(record.spec, record.z_sha256), record.spec.d)

    def has_z(self, record: Record) -> bool:
        """Whether a z lies beside a record; it is not read."""
        return has_z(self.path(record.spec), record.z_sha256)

    def z_bytes(self, spec: TrialSpec, sha256: str | None) -> bytes:
        """Return the bytes of the safetensors file with the z of a trial.

        Raises:
            DamagedRecord: there is no such file, or its SHA-256 differs from `sha256`.
        """
        return read_z(self.path(spec), spec.d, sha256)

    def quarantined(self) -> list[Path]:
        """Return the damaged files that were set aside."""
        return sorted(
            path for path in self.room("quarantine").glob("*") if path.suffix != ".reason"
        )

    def set_aside(self, path: Path, reason: str) -> None:
        """Move a file to quarantine, with the reason beside it.

        Raises:
            StoreError: it cannot be moved.
        """
        target = self.room("quarantine") / f"{path.name}.{secrets.token_hex(4)}"
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            os.rename(path, target)
            target.with_suffix(target.suffix + ".reason").write_text(reason + "\n")
        except FileNotFoundError:
            return
        except OSError as error:
            raise _cannot("repaired", self.folder, error) from error
        self._on_damage(f"damaged, moved to {target}: {reason}")

    def _load(self, path: Path) -> Record | None:
        try:
            return self.parse(path)
        except FileNotFoundError:
            return None
        except NewerRecord as error:
            raise StoreError(f"{path}: {error}") from None
        except DamagedRecord as error:
            try:
                self.set_aside(path, str(error))
            except StoreError:
                # A reader without write permission still gets the sound records.
                self._on_damage(f"damaged, and cannot be moved: {path}: {error}")
            return None
        except OSError as error:
            raise _cannot("read", self.folder, error) from error


def _names(folder: Path) -> list[str]:
    """Return the names in a folder, sorted; hidden files are left out."""
    try:
        return sorted(name for name in os.listdir(folder) if not name.startswith("."))
    except (FileNotFoundError, NotADirectoryError):
        return []


def _cannot(what: str, folder: Path, error: OSError) -> StoreError:
    return StoreError(f"the store {str(folder)!r} cannot be {what}: {error.strerror or error}")
