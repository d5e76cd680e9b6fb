"""The linear control: how one linear layer, trained in all its weights, does on a measured task.

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
        score: the best median over agents, on the reference's own seeds.
        agent: whose median it is.
        solves: whether that reaches the threshold of the measurement.
    """

    D: int
    score: float
    agent: str
    solves: bool

    def __str__(self) -> str:
        """Say it in two words, for a table."""
        return f"{self.D}, {'solves' if self.solves else 'fails'}"


def control(spec: TrialSpec, threshold: float | None, store: Path) -> Control | None:
    """Return the control of a measurement, or None where it has not been measured.

    It is the reference of `rlid reference TASK --network linear`: the store's own, or the shipped.

    Raises:
        StoreError: a reference is damaged.
    """
    if threshold is None:
        return None
    found = references.find(store, spec.task, spec.task_version, spec.protocol, NETWORK)
    if found is None:
        return None
    return Control(found.D, found.reference, found.agent, found.reference >= threshold)


def to_json(found: Control | None) -> dict[str, Any] | None:
    """Return what `rlid show --json` prints of it."""
    return None if found is None else vars(found)
