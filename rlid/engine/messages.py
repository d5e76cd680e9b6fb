"""What a worker says to its engine: one dataclass for each thing that it can say."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rlid.records import Standing, TrialSpec

BEAT_INTERVAL = 0.5
"""Seconds between two signs of life at least."""


@dataclass(frozen=True)
class Begun:
    """The worker has started: until then a job waits for its place on a cluster."""


@dataclass(frozen=True)
class Alive:
    """A sign of life."""


@dataclass(frozen=True)
class TrialsStand:
    """Where the trials of a cell that takes long stand."""

    standings: tuple[Standing, ...]


@dataclass(frozen=True)
class TrialAdded:
    """The worker has added the record of a trial to the store, which it shares with its engine."""

    spec: TrialSpec


@dataclass(frozen=True)
class TrialSent:
    """A trial's record as JSON and its z as bytes, from a worker that has no store."""

    record: str
    z: bytes | None


@dataclass(frozen=True)
class Finished:
    """The job is done; `result` is what its function returned."""

    result: Any


@dataclass(frozen=True)
class Failed:
    """The job's function raised; `reason` is the error in one line."""

    reason: str


@dataclass(frozen=True)
class Refused:
    """The task has changed, so that no job of the run can go on; `reason` is one line."""

    reason: str


@dataclass(frozen=True)
class StoreUnwritable:
    """The store cannot be read or written; `reason` is the error in one line."""

    reason: str


Message = (
    Begun
    | Alive
    | TrialsStand
    | TrialAdded
    | TrialSent
    | Finished
    | Failed
    | Refused
    | StoreUnwritable
)
Report = Callable[[Message], None]


def beats(report: Report) -> Callable[[], None]:
    """Return a function that reports a sign of life, at most every BEAT_INTERVAL seconds."""
    last = 0.0

    def beat() -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= BEAT_INTERVAL:
            last = now
            report(Alive())

    return beat
