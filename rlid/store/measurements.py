"""The file that a run leaves in the store: its question, judgement and the keys of its trials."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Literal, cast

from pydantic import BaseModel, ConfigDict, Field

from rlid.errors import DamagedRecord, NewerRecord, StoreError, UnknownField
from rlid.records import (
    Finite,
    Judgement,
    MeasurementSpec,
    Name,
    Record,
    Sha256,
    Text,
    parse_json,
    validate,
)
from rlid.store.files import read_limited, write_whole
from rlid.store.names import slug
from rlid.store.references import Reference
from rlid.store.store import Store

MAX_BYTES = 16 * 1024 * 1024
PROCESSOR_FILE = Path("/proc/cpuinfo")


class Machine(BaseModel):
    """The kind of machine that trials ran on: seconds and the rounding of sums depend on it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    system: Name
    processor: Name
    cores: int = Field(ge=1)


class StoredMeasurement(BaseModel):
    """One measurement in a store.

    Attributes:
        question: what was asked.
        kind: the kind of the task.
        threshold: the score that counts as solved.
        full_score: the score that the rule takes for full performance, where that is not the
            reference.
        reference: what the judgement rests on.
        trials: the keys of the records, by rising d, then seed.
        machine: where the run ended.
        ended: the day on which it ended, by the clock of that machine: "2026-11-27"; "" in files
            that do not say.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    schema_version: Literal[1] = 1
    question: MeasurementSpec
    kind: Literal["rl", "supervised", "synthetic"]
    threshold: Finite
    full_score: Finite | None = None
    reference: Reference
    trials: tuple[Sha256, ...] = Field(max_length=1_000_000)
    machine: Machine
    ended: Text = ""

    @property
    def judgement(self) -> Judgement:
        """What its trials are judged by."""
        full = self.reference.reference if self.full_score is None else self.full_score
        judgement = Judgement.of(self.question, random=self.reference.random, full=full)
        # The file's own figure: it may differ in the last bit from what this machine computes.
        return replace(judgement, threshold=self.threshold)


@cache
def this_machine() -> Machine:
    """Return the kind of this machine."""
    name = platform.machine()
    if PROCESSOR_FILE.is_file():
        for line in PROCESSOR_FILE.read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                name = line.partition(":")[2].strip() or name
                break
    return Machine(system=platform.system(), processor=name[:200], cores=os.cpu_count() or 1)


def path(store: Store, question: MeasurementSpec) -> Path:
    """Return the path of the file that a run of `question` leaves in a store."""
    return store.room("measurements", slug(question.task)) / f"{question.digest}.json"


def save(
    store: Store,
    question: MeasurementSpec,
    kind: Literal["rl", "supervised", "synthetic"],
    judgement: Judgement,
    reference: Reference,
    records: Sequence[Record],
) -> Path:
    """Write the file of a measurement; where the outcome is the same, the file stays as it is.

    Raises:
        StoreError: the store cannot be written.
    """
    store.check_there()
    full = judgement.reference
    ordered = sorted(records, key=lambda record: (record.spec.d, record.spec.seed))
    measurement = StoredMeasurement(
        question=question,
        kind=kind,
        threshold=cast(float, judgement.threshold),
        full_score=None if full == reference.reference else full,
        reference=reference,
        trials=tuple(record.key for record in ordered),
        machine=this_machine(),
        ended=datetime.now(UTC).date().isoformat(),
    )
    target = path(store, question)
    if target.exists() and _is_same(target, measurement):
        return target
    return write(store, measurement)


def merge(target: Store, source: Store) -> tuple[int, tuple[MeasurementSpec, ...]]:
    """Add the measurements of one store to another; those of the target stay.

    Returns:
        How many were added, and the questions to which the target has another answer.

    Raises:
        StoreError: a file is damaged, or the target cannot be written.
    """
    added, kept = 0, list[MeasurementSpec]()
    for measurement in of_store(source):
        present = path(target, measurement.question)
        if not present.exists():
            write(target, measurement)
            added += 1
        elif not _is_same(present, measurement):
            kept.append(measurement.question)
    return added, tuple(kept)


def write(store: Store, measurement: StoredMeasurement) -> Path:
    """Write the file of a measurement, in place of one of the same question.

    Raises:
        StoreError: the store cannot be written.
    """
    target = path(store, measurement.question)
    try:
        return write_whole(target, (measurement.model_dump_json(indent=1) + "\n").encode())
    except OSError as error:
        raise StoreError(
            f"the store {str(store.folder)!r} cannot be written: {error.strerror or error}"
        ) from error


def load(source: Path) -> StoredMeasurement:
    """Read the file of a measurement.

    Raises:
        NewerRecord: another version of rlid wrote it, and this one cannot read it.
        DamagedRecord: it holds no valid measurement.
    """
    try:
        text = read_limited(source, MAX_BYTES).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise DamagedRecord(f"{source}: {error}") from None
    try:
        return validate(StoredMeasurement, parse_json(text))
    except NewerRecord as error:
        raise NewerRecord(f"{source}: {error}") from None
    except UnknownField as error:
        raise NewerRecord(
            f"{source}: {error}; a later version of rlid may have written it: upgrade rlid"
        ) from None
    except DamagedRecord as error:
        raise DamagedRecord(f"{source}: {error}") from None


def of_store(store: Store) -> Iterable[StoredMeasurement]:
    """Yield the measurements of finished runs in a store, ordered by task and digest.

    Raises:
        StoreError: one of the files is damaged.
    """
    for source in sorted((store.folder / "measurements").glob("*/*.json")):
        try:
            yield load(source)
        except NewerRecord as error:
            raise StoreError(str(error)) from None
        except DamagedRecord as error:
            raise StoreError(
                f"{error}; delete the file and repeat its `rlid run`, which re-uses every trial"
            ) from None


def readable(store: Store) -> Iterable[StoredMeasurement]:
    """Yield the measurements of finished runs whose files can be read, ordered by task and digest.

    Damaged files are passed over: `of_store` names them.
    """
    for source in sorted((store.folder / "measurements").glob("*/*.json")):
        with suppress(DamagedRecord):
            yield load(source)


def _is_same(target: Path, measurement: StoredMeasurement) -> bool:
    """Whether the file holds the same measurement, wherever and whenever it was written.

    Raises:
        StoreError: another version of rlid wrote it, and it must not be lost.
    """
    try:
        place = {"machine": measurement.machine, "ended": measurement.ended}
        return load(target).model_copy(update=place) == measurement
    except NewerRecord as error:
        raise StoreError(str(error)) from None
    except DamagedRecord:
        return False
