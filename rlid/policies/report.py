"""The report of an exported policy: how it was rounded, and its scores.

It is written beside the policy file, and published with the measurement.
"""

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
    """Validation of the z of one trial at one width.

    Attributes:
        d: dimension of z; 0 in reports that do not say.
        seed: seed of the trial.
        bits: width of an entry of z.
        mean: mean return of the validation episodes.
        error: its standard error.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    d: int = Field(default=0, ge=0, le=MAX_D)
    seed: Count
    bits: int = Field(ge=2, le=32)
    mean: Finite
    error: Finite

    @model_serializer(mode="wrap")
    def _as_before(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave d out where it is not known, so that digests of older files stay valid."""
        fields: dict[str, Any] = write(self)
        return fields if self.d else {name: fields[name] for name in fields if name != "d"}


class PolicyReport(BaseModel):
    """The exported policy: its trial, its size and its scores.

    Attributes:
        trial: key of the trial.
        description_bits: all bits that a reader who has rlid needs: those of the file, and 32 for
            each number of hidden state that follows from no seed of the policy.
        attempts: every validation of a rounded z.
        score: mean return of `episodes` fresh episodes.
        solved: whether the policy counts as a solution. Where `confirmations` is 0, `score`
            decides; else `deciding_score` does, and `score` is that of further episodes.
        confirmations: how many candidates were played again on fresh episodes.
        deciding_score: mean return of the scoring that the policy passed; None where it passed
            none.
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
    confirmations: Count = 0
    deciding_score: Finite | None = None

    @property
    def compression(self) -> float:
        """Bytes of the network's weights in float32, over bytes of the file."""
        return self.network_bytes / self.file_bytes


def load(source: Path) -> PolicyReport:
    """Read a report.

    Raises:
        DamagedRecord: the file is no report.
    """
    try:
        return validate(PolicyReport, parse_json(read_limited(source, MAX_BYTES).decode()))
    except (DamagedRecord, OSError, UnicodeDecodeError) as error:
        raise DamagedRecord(f"{source}: {error}") from None
