"""The linear control: what direct training of a linear network reaches on a measured task.

Where it solves the task, a d_int90 near its number of weights says little of the larger network.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlid.records import TrialSpec
from rlid.store import references

NETWORK = "linear"


@dataclass(frozen=True)
class Control:
    """Direct training of the linear network under a measurement's own protocol.

    Attributes:
        D: its number of weights.
        score: the best median over agents, on the seeds of references.
        agent: the agent of that median.
        solves: whether the score reaches the threshold of the measurement.
    """

    D: int
    score: float
    agent: str
    solves: bool

    def __str__(self) -> str:
        """Return D and the verdict, for a table."""
        return f"{self.D}, {'solves' if self.solves else 'fails'}"


def control(spec: TrialSpec, threshold: float | None, store: Path) -> Control | None:
    """Return the control of a measurement, or None where it has not been measured.

    It is what `rlid reference TASK --network linear` leaves in the store, or the shipped one.

    Raises:
        StoreError: a reference is damaged.
    """
    if threshold is None:
        return None
    reference = references.find(store, spec.task, spec.task_version, spec.protocol, NETWORK)
    if reference is None:
        return None
    score = reference.reference
    return Control(reference.D, score, reference.agent, score >= threshold)


def to_json(linear: Control | None) -> dict[str, Any] | None:
    """Return what `rlid show --json` prints of a control."""
    return None if linear is None else vars(linear)
