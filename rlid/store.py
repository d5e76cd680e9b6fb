"""A folder of trial records, one immutable file each; everything else is recomputed from it."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rlid.record import DamagedRecord, Record, Spec, parse_record

MAX_RECORD_BYTES = 2 * 1024 * 1024
_HEADER_BYTES = 1024
NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK}
"""What a file system answers that has no hard links: there a rename publishes."""
_UNSAFE = re.compile(r"[^A-Za-z0-9_.=+-]+")


class StoreError(Exception):
    """The store cannot be written or read; the message is one line."""


class Store:
    """Records under `<folder>/trials/<task>/<key>.json`, with z beside each as safetensors.

    A trial's files are written under a temporary name, flushed to disk and then published by
    link(), z first and the record last, so that a record is there whole or not at all. A damaged
    file is moved to `<folder>/quarantine/` with the reason beside it.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        """`folder` need not exist yet; it is made at the first write."""
        self.folder = Path(folder)

    def path(self, spec: Spec) -> Path:
        """Return where the record of `spec` stands, or would stand."""
        return self.folder / "trials" / slug(spec.task) / f"{spec.key}.json"

    def check_writable(self) -> None:
        """Make the folder and write to it once.

        Raises:
            StoreError: it cannot be written.
        """
        try:
            self._publish(self.folder / f".probe-{secrets.token_hex(8)}", b"").unlink()
        except OSError as error:
            raise _cannot("written", self.folder, error) from error

    def add(self, record: Record, z: NDArray[np.float32] | None = None) -> Record:
        """Publish a record and its z (d,); a record that is already there stays as it is.

        Returns:
            The record as stored, with the hash of z in it.

        Raises:
            StoreError: the store cannot be written.
        """
        from safetensors.numpy import save

        path = self.path(record.spec)
        try:
            if z is not None:
                data = save({"z": np.ascontiguousarray(z, dtype=np.float32)})
                record = record.model_copy(update={"z_sha256": hashlib.sha256(data).hexdigest()})
                self._publish(path.with_suffix(".safetensors"), data)
            self._publish(path, (record.model_dump_json(indent=1) + "\n").encode())
        except OSError as error:
            raise _cannot("written", self.folder, error) from error
        return record

    def get(self, spec: Spec) -> Record | None:
        """Return the record of `spec`, or None; a damaged one is put into quarantine."""
        path = self.path(spec)
        return self._load(path) if path.exists() or path.is_symlink() else None

    def retire(self, spec: Spec) -> None:
        """Move a failed trial's record out of the way, so that the trial may be run again.

        Raises:
            StoreError: the store cannot be written.
        """
        path = self.path(spec)
        target = self.folder / "retired" / f"{path.stem}.{secrets.token_hex(4)}.json"
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            os.rename(path, target)
        except OSError as error:
            raise _cannot("written", self.folder, error) from error

    def has(self, spec: Spec) -> bool:
        """Whether a record of `spec` stands in the store, without reading it."""
        return self.path(spec).exists()

    def records(self, task: str | None = None) -> Iterator[Record]:
        """Yield every sound record (of one task), ordered by file name."""
        trials = self.folder / "trials"
        folder = trials / slug(task) if task else trials
        for path in sorted(folder.glob("*.json" if task else "*/*.json")):
            record = self._load(path)
            if record is not None and task in (None, record.spec.task):
                yield record

    def z(self, record: Record) -> NDArray[np.float32]:
        """Return the z (d,) of a record.

        Raises:
            DamagedRecord: there is none, or it is not what the record says.
        """
        return parse_z(self.z_bytes(record.spec, record.z_sha256), record.spec.d)

    def z_bytes(self, spec: Spec, sha256: str | None) -> bytes:
        """Return the safetensors file with the z of a trial, as it stands.

        Raises:
            DamagedRecord: there is none, or its SHA-256 is another.
        """
        path = self.path(spec).with_suffix(".safetensors")
        try:
            data = _read(path, spec.d * 4 + _HEADER_BYTES)
        except OSError as error:
            raise DamagedRecord(f"{path.name}: {error.strerror or error}") from None
        if hashlib.sha256(data).hexdigest() != sha256:
            raise DamagedRecord(f"{path.name}: not the z of its record")
        return data

    def quarantined(self) -> list[Path]:
        """Return the damaged files that were set aside."""
        return sorted(
            path for path in (self.folder / "quarantine").glob("*") if path.suffix != ".reason"
        )

    def _load(self, path: Path) -> Record | None:
        try:
            record = parse_record(_read(path, MAX_RECORD_BYTES).decode())
            if record.key != path.stem:
                raise DamagedRecord("the file's name is not the key of the spec in it")
            return record
        except FileNotFoundError:
            return None
        except (DamagedRecord, UnicodeDecodeError, OSError) as error:
            self._set_aside(path, str(error))
            return None

    def _set_aside(self, path: Path, reason: str) -> None:
        target = self.folder / "quarantine" / f"{path.name}.{secrets.token_hex(4)}"
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            os.rename(path, target)
            target.with_suffix(target.suffix + ".reason").write_text(reason + "\n")
        except OSError as error:
            raise _cannot("mended", self.folder, error) from error

    def _publish(self, path: Path, data: bytes) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.parent / f".{path.name}.{secrets.token_hex(8)}.tmp"
        try:
            with open(temporary, "xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            _link(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
        directory = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
        return path


def _link(temporary: Path, path: Path) -> None:
    """Give a finished file its name, unless a record stands there already."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        if path.suffix == ".safetensors":
            # A z without its record is left from a crash: same spec, same z.
            os.replace(temporary, path)
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        if path.suffix == ".safetensors" or not path.exists():
            os.rename(temporary, path)


def parse_z(data: bytes, d: int) -> NDArray[np.float32]:
    """Return the z (d,) in the bytes of a safetensors file.

    Raises:
        DamagedRecord: they hold none.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        z = load(data).get("z")
    except SafetensorError as error:
        raise DamagedRecord(f"not a file of z: {error}") from None
    if z is None or z.shape != (d,) or z.dtype != np.float32:
        raise DamagedRecord(f"holds no z of shape ({d},)")
    return np.asarray(z)


def slug(name: str) -> str:
    """Return `name` as a file name; only the key tells names apart that fall together here."""
    return _UNSAFE.sub("_", name).strip(".")[:100] or "_"


def _read(path: Path, limit: int) -> bytes:
    """Read a plain file of at most `limit` bytes; a symlink is not followed."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise DamagedRecord(f"larger than {limit} bytes")
    return data


def _cannot(what: str, folder: Path, error: OSError) -> StoreError:
    return StoreError(f"the store {str(folder)!r} cannot be {what}: {error.strerror or error}")
