"""From a published file back to a store, so that a run adds seeds or other d to its trials."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from rlid.errors import DamagedRecord, InputError
from rlid.leaderboard import learning_curves
from rlid.leaderboard import publish as publisher
from rlid.leaderboard.policy_checks import MAX_POLICY_BYTES
from rlid.leaderboard.published import Published
from rlid.leaderboard.verify import verify
from rlid.measurement import summary
from rlid.records import MERGED_FROM, Record, validate
from rlid.store import Store, StoredMeasurement, measurements, parse_z, read_limited, references


def unfold(source: Path, folder: Path) -> Store:
    """Return a new store with the trials, the reference and the question of a published file.

    A published file holds the z of one trial, its smallest solved one: it is taken from beside the
    file. The other trials have the hash of their z alone. Every record notes the digest of the
    first file that it came from. Learning curves are taken from beside the file as well; the
    exported policy is not.

    Args:
        source: the JSON file of a published measurement.
        folder: where the store is made; it holds none yet.

    Raises:
        InputError: the file contradicts itself or what lies beside it.
        StoreError: the store cannot be written.
    """
    try:
        published, verdict = verify(source)
        _refuse(source, verdict.problems)
        records = _records(published, source)
        smallest = published.smallest()
        if smallest is not None:
            data = read_limited(source.with_suffix(publisher.Z_SUFFIX), MAX_POLICY_BYTES)
            z = parse_z(data, smallest.d)
    except (DamagedRecord, OSError) as error:
        raise InputError(str(error)) from None
    _refuse(source, tuple(_of_curves(published, records, source)))
    store = Store(folder)
    for record in records:
        is_smallest = smallest is not None and record.key == smallest.key
        store.add(record, z if is_smallest else None)
    references.save(published.reference_record, store.folder)
    measurements.write(store, _measurement(published, records))
    return store


def _refuse(source: Path, problems: Sequence[str]) -> None:
    if problems:
        raise InputError(
            f"{source}: {problems[0]}; a published file is merged only where it is consistent "
            "(`rlid verify` says all that is wrong)"
        )


def _records(published: Published, source: Path) -> list[Record]:
    """Return the rows as records with their learning curves, and a note of where they are from."""
    records = published.records()
    beside = learning_curves.path_beside(source)
    if beside.is_file():
        records = learning_curves.joined(records, learning_curves.load(beside))
    return [
        validate(
            Record,
            record.model_dump(mode="json")
            | {"notes": {MERGED_FROM: published.sha256} | record.notes},
        )
        for record in records
    ]


def _of_curves(published: Published, records: Sequence[Record], source: Path) -> Iterator[str]:
    """Yield the rows that say of their learning curves what those beside the file do not show."""
    for row, record in zip(published.rows, records, strict=True):
        if row.is_improving is not None and row.is_improving != summary.is_improving(record):
            name = learning_curves.path_beside(source).name
            yield f"d = {row.d}, seed {row.seed}: its learning curve is not the one in {name}"


def _measurement(published: Published, records: Sequence[Record]) -> StoredMeasurement:
    full, reference = published.reference, published.reference_record
    return StoredMeasurement(
        question=published.question,
        kind=published.kind,
        threshold=published.threshold,
        full_score=None if full == reference.reference else full,
        reference=reference,
        trials=tuple(record.key for record in records),
        machine=published.machine,
        ended="" if published.origin is None else published.origin.when,
    )
