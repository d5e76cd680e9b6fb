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
LATER = {"candidate": "best", "stopping": "look", "agent_version": 1, "device": "cpu"}
"""Fields that specs got later, with their defaults: the keys of earlier trials stay valid."""

Stopping = Literal["look", "confirmed"]


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
    """Which z is scored when the budget ends: the best of the looks, or the last candidate."""
    stopping: Stopping = "look"
    """What ends a trial early: a look alone, or a look, a confirmation and a scoring that agree.

    "look" is the rule of the first edition, and that of tasks whose validation and test data are
    fixed (kinds "supervised" and "synthetic"): there is nothing fresh to confirm a look with.
    """
    agent_version: int = Field(default=1, ge=1)
    """The `version` of the agent's class; it rises when the same settings search otherwise."""
    device: Name = "cpu"
    """Where a gradient agent trains."""

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
