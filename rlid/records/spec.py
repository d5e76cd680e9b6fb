"""The spec of a trial: everything that its result depends on, and the key of its record."""

from __future__ import annotations

import hashlib
from typing import Any, Literal

from pydantic import Field

from rlid.records.fields import Finite, Name, Value
from rlid.records.strict_json import StrictModel, canonical

MAX_D = 10**9
MAX_SEED = 2**32
REFERENCE_SEED = 2**32
"""Direct training for the reference uses seeds from here on; measurements stay below."""
LATER = {"candidate": "best"}
"""Fields that specs got later, with their defaults: the keys of earlier trials stay valid."""


class TrialSpec(StrictModel):
    """All that a trial's result depends on. Same spec, same result: it is never run twice."""

    task: Name
    task_version: int = Field(ge=1)
    protocol: dict[Name, Value] = Field(max_length=100)
    backend: Name
    dtype: Literal["float32", "float64"] = "float32"
    agent: Name
    settings: dict[Name, Value] = Field(max_length=100)
    network: Name
    projection: Name
    projection_version: int = Field(ge=1)
    d: int = Field(ge=1, le=MAX_D)
    seed: int = Field(ge=0, lt=2 * REFERENCE_SEED)
    stop_score: Finite | None = None
    budget: int = Field(ge=1, le=10**15)
    candidate: Literal["best", "last"] = "best"
    """Which z is scored when the budget ends: the best validated one, or the last."""

    @property
    def key(self) -> str:
        """SHA-256 of the canonical JSON: sorted names, no spaces."""
        return hashlib.sha256(canonical(self._plain()).encode()).hexdigest()

    def _plain(self, *left_out: str) -> dict[str, Any]:
        """Return the fields; those added later only where they are not at their default."""
        later = {name for name in LATER if getattr(self, name) == LATER[name]}
        return self.model_dump(exclude=later | set(left_out))

    @property
    def group(self) -> str:
        """The canonical JSON without d and seed: what the trials of one measurement share.

        Subspaces of dimension D and direct training (identity) are different projections, so that
        a reference never mixes with a measurement.
        """
        return canonical(self._plain("d", "seed"))
