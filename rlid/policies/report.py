"""What `rlid export` found while it rounded a policy: kept beside the file, and published."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
)

from rlid.errors import DamagedRecord
from rlid.records import MAX_D, Count, Finite, Sha256, parse_json, validate
from rlid.store import read_limited

MAX_BYTES = 1024 * 1024


class Attempt(BaseModel):
    """One trial's z at one width, in the validation episodes; `d` is 0 where it was not kept."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    d: int = Field(default=0, ge=0, le=MAX_D)
    seed: Count
    bits: int = Field(ge=2, le=32)
    mean: Finite
    error: Finite

    @model_serializer(mode="wrap")
    def _as_before(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave d out where it was not kept: older files and their digests stay as they are."""
        fields: dict[str, Any] = write(self)
        return fields if self.d else {name: fields[name] for name in fields if name != "d"}


class PolicyReport(BaseModel):
    """The exported policy: which trial's, how it was rounded, and its one fresh scoring.

    `description_bits` are all the bits that a reader who has rlid needs: the file's, and 32 for
    each number of hidden state that follows from no seed of the policy.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: Literal[1] = 1
    trial: Sha256
    d: int = Field(ge=1, le=MAX_D)
    D: int = Field(ge=1, le=MAX_D)
    seed: Count
    bits: int = Field(ge=2, le=32)
    z_bytes: Count
    file_bytes: Count
    file_sha256: Sha256
    network_bytes: Count
    description_bits: Count
    attempts: list[Attempt] = Field(max_length=1000)
    score: Finite
    episodes: Count
    threshold: Finite
    solved: bool

    @property
    def compression(self) -> float:
        """Bytes of the network's float32 weights over bytes of the file."""
        return self.network_bytes / self.file_bytes


def load(source: Path) -> PolicyReport:
    """Read a report.

    Raises:
        DamagedRecord: it is none.
    """
    try:
        return validate(PolicyReport, parse_json(read_limited(source, MAX_BYTES).decode()))
    except (DamagedRecord, OSError, UnicodeDecodeError) as error:
        raise DamagedRecord(f"{source}: {error}") from None
