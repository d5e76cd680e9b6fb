"""What a run leaves in the store besides its trials: what was asked, and how it was judged."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Literal, cast

from pydantic import BaseModel, ConfigDict, Field

from rlid.errors import DamagedRecord, StoreError
from rlid.records import (
    Finite,
    Judgement,
    MeasurementSpec,
    Name,
    Record,
    Sha256,
    parse_json,
    validate,
)
from rlid.store.files import read_limited, write_whole
from rlid.store.references import Reference
from rlid.store.store import Store, slug

MAX_BYTES = 16 * 1024 * 1024
PROCESSOR_FILE = Path("/proc/cpuinfo")


class Machine(BaseModel):
    """The class of machine that trials ran on: it bears on seconds, and on how sums are rounded."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    system: Name
    processor: Name
    cores: int = Field(ge=1)


class StoredMeasurement(BaseModel):
    """One measurement in a store: its question, its judgement, and the keys of its trials.

    `full_score` is what the rule takes for full performance, where that is not the reference.
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

    @property
    def judgement(self) -> Judgement:
        """What its trials are judged by."""
        full = self.reference.reference if self.full_score is None else self.full_score
        judgement = Judgement.of(self.question, random=self.reference.random, full=full)
        # The file's own figure: it may differ in the last bit from what this machine computes.
        return replace(judgement, threshold=self.threshold)


@cache
def this_machine() -> Machine:
    """Return the class of this machine."""
    name = platform.machine()
    if PROCESSOR_FILE.is_file():
        for line in PROCESSOR_FILE.read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                name = line.partition(":")[2].strip() or name
                break
    return Machine(system=platform.system(), processor=name[:200], cores=os.cpu_count() or 1)


def path(store: Store, question: MeasurementSpec) -> Path:
    """Return where a store keeps what a run of `question` left."""
    return store.room("measurements", slug(question.task)) / f"{question.digest}.json"


def save(
    store: Store,
    question: MeasurementSpec,
    kind: Literal["rl", "supervised", "synthetic"],
    judgement: Judgement,
    reference: Reference,
    records: Sequence[Record],
) -> Path:
    """Keep what was measured; the same outcome leaves the file as it is.

    Raises:
        StoreError: the store cannot be written.
    """
    full = judgement.reference
    ordered = sorted(records, key=lambda record: (record.spec.d, record.spec.seed))
    found = StoredMeasurement(
        question=question,
        kind=kind,
        threshold=cast(float, judgement.threshold),
        full_score=None if full == reference.reference else full,
        reference=reference,
        trials=tuple(record.key for record in ordered),
        machine=this_machine(),
    )
    target = path(store, question)
    if target.exists() and _is_same(target, found):
        return target
    try:
        return write_whole(target, (found.model_dump_json(indent=1) + "\n").encode())
    except OSError as error:
        raise StoreError(
            f"the store {str(store.folder)!r} cannot be written: {error.strerror or error}"
        ) from error


def load(source: Path) -> StoredMeasurement:
    """Read what a run left.

    Raises:
        DamagedRecord: it is not that.
    """
    try:
        text = read_limited(source, MAX_BYTES).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise DamagedRecord(f"{source}: {error}") from None
    try:
        return validate(StoredMeasurement, parse_json(text))
    except DamagedRecord as error:
        raise DamagedRecord(f"{source}: {error}") from None


def of_store(store: Store) -> Iterable[StoredMeasurement]:
    """Yield what runs left in a store, ordered by task and digest.

    Raises:
        StoreError: one of the files is damaged.
    """
    for source in sorted((store.folder / "measurements").glob("*/*.json")):
        try:
            yield load(source)
        except DamagedRecord as error:
            raise StoreError(
                f"{error}; delete the file and repeat its `rlid run`, which re-uses every trial"
            ) from None


def _is_same(target: Path, found: StoredMeasurement) -> bool:
    """Whether the file says the same, whatever machine it was written on."""
    try:
        return load(target).model_copy(update={"machine": found.machine}) == found
    except DamagedRecord:
        return False
