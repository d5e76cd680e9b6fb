"""Finds damaged and left-over files of stores, repairs stores, and merges them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rlid.errors import DamagedRecord, StoreError
from rlid.records import Record
from rlid.store import references
from rlid.store.store import Store, slug

Remedy = Literal["set aside", "removed"]
Z_SUFFIX = ".safetensors"


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
    """

    added: int
    known: int
    conflicts: tuple[Record, ...]


def examine(store: Store) -> Iterator[Defect]:
    """Yield every defect of a store; nothing is changed.

    Raises:
        StoreError: it cannot be read.
    """
    try:
        yield from _records(store)
        for path in store.files(Z_SUFFIX):
            if not path.with_suffix(".json").exists():
                yield Defect(path, "a z without its record, left from a crash", "removed")
        for path in sorted(store.folder.rglob(".*.tmp")):
            yield Defect(path, "a half-written file, left from a crash", "removed")
    except OSError as error:
        raise StoreError(f"the store cannot be read: {error}") from error


def repair(store: Store, defect: Defect) -> None:
    """Repair one defect: a damaged file goes to quarantine, a left-over file is removed.

    A record whose z is lost goes to quarantine too, so that its trial is run again.

    Raises:
        StoreError: the store cannot be written.
    """
    if defect.remedy == "set aside":
        store.set_aside(defect.path, defect.what)
        z = defect.path.with_suffix(Z_SUFFIX)
        if z.exists() or z.is_symlink():
            store.set_aside(z, f"the z of a record that is: {defect.what}")
        return
    try:
        defect.path.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(f"the store cannot be repaired: {error}") from error


def merge(target: Store, source: Store) -> Merged:
    """Add the records of one store to another; records of the target stay.

    The record of a failed trial is replaced by one of the same trial that did not fail. References
    that the target lacks are added as well.

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
            known += 1
        else:
            conflicts.append(record)
    for path in sorted(source.room("references").glob("*/*.json")):
        reference = references.read(source.room("references", path.parent.name) / path.name)
        if not references.path_of(reference, target.folder).exists():
            references.save(reference, target.folder)
    return Merged(added, known, tuple(conflicts))


def is_same_result(a: Record, b: Record) -> bool:
    """Whether two records of one spec have the same result, whatever machine ran the trial.

    A missing trial contradicts no other.
    """
    if a.is_missing or b.is_missing:
        return True
    return (a.theta_sha256, a.score, a.search_steps) == (b.theta_sha256, b.score, b.search_steps)


def _copy(source: Store, record: Record, target: Store) -> None:
    try:
        z = source.z(record) if record.z_sha256 is not None else None
    except (DamagedRecord, OSError) as error:
        raise StoreError(
            f"the z of {record.key} cannot be read ({error}): `rlid store check --repair` first"
        ) from None
    target.add(record, z)


def _records(store: Store) -> Iterator[Defect]:
    for path in store.files(".json"):
        try:
            record = store.parse(path)
            if slug(record.spec.task) != path.parent.name:
                raise DamagedRecord(f"a record of {record.spec.task}, in the wrong folder")
            if record.z_sha256 is not None:
                store.z(record)
        except DamagedRecord as error:
            yield Defect(path, str(error), "set aside")
