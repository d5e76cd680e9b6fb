"""Finds damaged and left-over files of stores, repairs stores, and merges them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rlid.errors import DamagedRecord, NewerRecord, StoreError
from rlid.records import MeasurementSpec, Record
from rlid.store import measurements, references
from rlid.store.files import TEMPORARY
from rlid.store.leases import Leases
from rlid.store.names import slug
from rlid.store.store import Store
from rlid.store.z_files import Z_SUFFIX, add_z, named_by_hash

Remedy = Literal["set aside"]
LEFT_OVER = 60.0
"""Seconds from which on a file of a write counts as left over where no other process lives."""
LEFT_OVER_SHARED = 3600.0
"""The same where other processes work in the store."""
ROOMS = (
    "trials",
    "references",
    "measurements",
    "leases",
    "checkpoints",
    "journals",
    "policies",
    "plots",
    "suites",
)
"""Folders of a store in which files are written under temporary names."""


@dataclass(frozen=True)
class Defect:
    """A damaged or left-over file of a store, and what `repair` does with it."""

    path: Path
    what: str
    remedy: Remedy


@dataclass(frozen=True)
class Merged:
    """The outcome of a merge.

    Attributes:
        added: how many records were added.
        known: how many were in the target already, with the same result.
        conflicts: the records whose results differ from those in the target.
        measurements: how many measurements of finished runs were added.
        kept: the questions to which the target has another answer, which stays.
    """

    added: int
    known: int
    conflicts: tuple[Record, ...]
    measurements: int = 0
    kept: tuple[MeasurementSpec, ...] = ()


def examine(store: Store) -> Iterator[Defect]:
    """Yield every defect of a store; nothing is changed.

    A file that a living process may still be writing is no defect: it counts as left over only
    when it is old.

    Raises:
        StoreError: it cannot be read, or another version of rlid wrote a record of it.
    """
    try:
        yield from _records(store)
        oldest = time.time() - (LEFT_OVER_SHARED if Leases(store.folder).others() else LEFT_OVER)
        for path in store.files(Z_SUFFIX):
            if not _is_of_record(store, path) and _is_older(path, oldest):
                yield Defect(path, "a z without its record, left from a crash", "set aside")
        for path in finished(store):
            if _is_older(path, oldest):
                yield Defect(path, "of a trial that has its record, left from a crash", "set aside")
        for path in _temporary(store):
            if _is_older(path, oldest):
                yield Defect(path, "a half-written file, left from a crash", "set aside")
    except OSError as error:
        raise StoreError(f"the store cannot be read: {error}") from error


def repair(store: Store, defect: Defect) -> None:
    """Repair one defect: the file moves to quarantine, with the reason; nothing is deleted.

    A record whose z is lost goes to quarantine too, so that its trial is run again. A record that
    has become sound since it was examined, and a file that has gone, stay as they are.

    Raises:
        StoreError: the store cannot be written.
    """
    if not defect.path.name.endswith(".json"):
        if defect.path.suffix == Z_SUFFIX and _is_of_record(store, defect.path):
            return
        store.set_aside(defect.path, defect.what)
        return
    if not any(record.path == defect.path for record in _records(store, defect.path)):
        return
    store.set_aside(defect.path, defect.what)
    z = defect.path.with_suffix(Z_SUFFIX)
    if z.exists() or z.is_symlink():
        store.set_aside(z, f"the z of a record that is: {defect.what}")


def finished(store: Store) -> Iterator[Path]:
    """Yield checkpoints and journals of trials that have a record: a killed process left them.

    Raises:
        StoreError: a folder is a link.
    """
    trials = store.room("trials")
    for pattern in (f"checkpoints/*{Z_SUFFIX}", "journals/*/*.journal"):
        room = store.room(pattern.partition("/")[0])
        for path in sorted(room.glob(pattern.partition("/")[2])):
            if not path.name.startswith(".") and any(trials.glob(f"*/{path.stem}.json")):
                yield path


def clear_finished(store: Store) -> None:
    """Remove checkpoints and journals of trials that have a record.

    Raises:
        StoreError: they cannot be removed.
    """
    for path in finished(store):
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise StoreError(f"{path} cannot be removed: {error.strerror or error}") from error


def _is_of_record(store: Store, z: Path) -> bool:
    """Whether a z is that of the record beside it, or of a record that cannot be read now."""
    record = z.with_name(z.name.partition(".")[0] + ".json")
    if not record.exists():
        return False
    if z.stem == record.stem:
        return True
    try:
        return named_by_hash(record, store.parse(record).z_sha256 or "") == z
    except (DamagedRecord, OSError):
        return True


def _temporary(store: Store) -> Iterator[Path]:
    """Yield files with names of our own writers, in our own folders; links are not followed."""
    folders = [store.folder]
    for name in ROOMS:
        room = store.room(name)
        if room.is_dir():
            below = sorted(path for path in room.iterdir() if path.is_dir())
            folders += [room, *(path for path in below if not path.is_symlink())]
    for folder in folders:
        for path in sorted(folder.iterdir()):
            if TEMPORARY.fullmatch(path.name) and path.is_file() and not path.is_symlink():
                yield path


def _is_older(path: Path, oldest: float) -> bool:
    """Whether a file was last changed before a time; a file that has gone was not."""
    try:
        return path.lstat().st_mtime < oldest
    except FileNotFoundError:
        return False


def merge(target: Store, source: Store) -> Merged:
    """Add the records of one store to another; records of the target stay.

    The record of a failed trial is replaced by one of the same trial that did not fail. The z that
    a trial of a published file lacks is added, and so are references and measurements of finished
    runs.

    Raises:
        StoreError: a store cannot be read or written.
    """
    added, known, conflicts = 0, 0, list[Record]()
    for record in source.records():
        present = target.get(record.spec)
        if present is not None and present.is_missing and not record.is_missing:
            target.retire(record.spec)
            present = None
        if present is None:
            _copy(source, record, target)
            added += 1
        elif is_same_result(present, record):
            _bring_z(source, present, target)
            known += 1
        else:
            conflicts.append(record)
    for path in sorted(source.room("references").glob("*/*.json")):
        reference = references.read(source.room("references", path.parent.name) / path.name)
        if not references.path_of(reference, target.folder).exists():
            references.save(reference, target.folder)
    return Merged(added, known, tuple(conflicts), *measurements.merge(target, source))


def is_same_result(a: Record, b: Record) -> bool:
    """Whether two records of one spec have the same result, whatever machine ran the trial.

    A missing trial contradicts no other.
    """
    if a.is_missing or b.is_missing:
        return True
    return (a.theta_sha256, a.score, a.search_steps) == (b.theta_sha256, b.score, b.search_steps)


def _copy(source: Store, record: Record, target: Store) -> None:
    try:
        z = source.z(record) if _has_own_z(source, record) else None
    except (DamagedRecord, OSError) as error:
        raise StoreError(
            f"the z of {record.key} cannot be read ({error}): `rlid store check --repair` first"
        ) from None
    target.add(record, z)


def _bring_z(source: Store, record: Record, target: Store) -> None:
    """Add the z of a record that was merged without it, where the source has that z."""
    if record.is_merged and record.z_sha256 is not None and not target.has_z(record):
        with suppress(DamagedRecord, OSError):
            add_z(target.path(record.spec), source.z_bytes(record.spec, record.z_sha256))


def _has_own_z(store: Store, record: Record) -> bool:
    """Whether a record is to have its z beside it, which may be lost or damaged."""
    return record.z_sha256 is not None and (not record.is_merged or store.has_z(record))


def _records(store: Store, only: Path | None = None) -> Iterator[Defect]:
    for path in store.files(".json") if only is None else (only,):
        try:
            record = store.parse(path)
            if slug(record.spec.task) != path.parent.name:
                raise DamagedRecord(f"a record of {record.spec.task}, in the wrong folder")
            if _has_own_z(store, record):
                store.z(record)
        except NewerRecord as error:
            # It is sound: a repair by an older version would take it out of the store.
            raise StoreError(f"{path}: {error}") from None
        except DamagedRecord as error:
            yield Defect(path, str(error), "set aside")
        except FileNotFoundError:
            # Another process has moved it since the folder was listed.
            continue
