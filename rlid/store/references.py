"""The scores that make returns comparable: the random policy's, and direct training's."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from rlid.errors import DamagedRecord, ReferenceRefused, StoreError
from rlid.records import (
    Count,
    Finite,
    Name,
    Record,
    Sha256,
    Status,
    StrictModel,
    Text,
    Value,
    canonical,
    parse_json,
    validate,
)
from rlid.store.files import read_limited, write_whole
from rlid.store.store import Store, slug
from rlid.task import Task

MAX_BYTES = 1024 * 1024


class DirectTrial(StrictModel):
    """One run of direct training, as a row."""

    seed: int = Field(ge=0)
    status: Status
    score: Finite | None
    env_steps: Count
    theta_sha256: Sha256 | None


class DirectTraining(StrictModel):
    """What one agent reaches without a subspace; the median counts a missing trial as absent."""

    agent: Name
    settings: dict[Name, Value]
    budget: Count
    median: Finite | None
    trials: list[DirectTrial] = Field(max_length=1000)


class Reference(StrictModel):
    """Random and reference score of one (task, network), and how they came about."""

    schema_version: Literal[1] = 1
    task: Name
    task_version: int = Field(ge=1)
    protocol: dict[Name, Value]
    backend: Name
    network: Name
    D: int = Field(ge=1)
    random: Finite
    random_error: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    random_episodes: Count
    reference: Finite
    agent: Name
    direct: list[DirectTraining] = Field(min_length=1, max_length=50)
    command: Text
    versions: dict[Name, Name]

    def fits(self, task: str, version: int, protocol: Mapping[str, Value], network: str) -> bool:
        """Whether it was measured under this very protocol."""
        return (self.task, self.task_version, self.network) == (task, version, network) and (
            canonical(self.protocol) == canonical(protocol)
        )


def summarise(agent: str, settings: dict[str, Value], records: Sequence[Record]) -> DirectTraining:
    """Return one agent's direct training from its records."""
    scores = [record.score for record in records if record.score is not None]
    return DirectTraining(
        agent=agent,
        settings=settings,
        budget=records[0].spec.budget,
        median=statistics.median(scores) if scores else None,
        trials=[
            DirectTrial(
                seed=record.spec.seed,
                status=record.status,
                score=record.score,
                env_steps=record.env_steps,
                theta_sha256=record.theta_sha256,
            )
            for record in sorted(records, key=lambda record: record.spec.seed)
        ],
    )


def check(task: Task, reference: float, random: float) -> None:
    """Refuse a reference that shows that direct training did not work.

    Raises:
        ReferenceRefused: it is below the task's floor, or no better than random.
    """
    if task.floor is not None and reference < task.floor:
        raise ReferenceRefused(
            f"direct training on {task.name} reached {reference:.6g}, below the floor of "
            f"{task.floor:g} ({task.floor_source}): no dimension follows from it; "
            "a larger --budget or another --agent may reach it"
        )
    if reference <= random:
        raise ReferenceRefused(
            f"direct training on {task.name} reached {reference:.6g}, no better than random "
            f"actions ({random:.6g}): no dimension follows from it; "
            "a larger --budget or another --agent may do better"
        )


def is_outgrown(task: Task, agent: str, reference: Reference) -> bool:
    """Whether direct training failed, but with fewer steps, or never by this agent."""
    try:
        check(task, reference.reference, reference.random)
    except ReferenceRefused:
        tried = {direct.agent: direct.budget for direct in reference.direct}
        return task.budget > tried.get(agent, 0)
    return False


def path(store: Path, task: str, network: str, observation: Value = "raw") -> Path:
    """Return where a store keeps the reference of (task, network), under an observation rule.

    What was measured under frozen statistics must not replace what was measured without them.

    Raises:
        StoreError: its folder is a link.
    """
    ending = ".frozen.json" if observation == "frozen" else ".json"
    return Store(store).room("references", slug(task)) / f"{slug(network)}{ending}"


def load(task: Task, network: str, store: Path) -> Reference | None:
    """Return the reference of (task, network): the store's own, or else the shipped one."""
    return find(store, task.name, task.version, task.protocol(), network)


def find(
    store: Path, task: str, version: int, protocol: Mapping[str, Value], network: str
) -> Reference | None:
    """Return the reference of what a spec names: the store's own, or else the shipped one.

    Raises:
        StoreError: a file that should hold it does not.
    """
    own = path(store, task, network, protocol.get("observation"))
    shipped = resources.files("rlid") / "references" / own.parent.name / own.name
    sources: tuple[Path | Traversable, ...] = (own, shipped)
    for source in sources:
        if source.is_file():
            reference = read(source)
            if reference.fits(task, version, protocol, network):
                return reference
    return None


def read(source: Path | Traversable) -> Reference:
    """Return the reference in a file.

    Raises:
        StoreError: it holds none.
    """
    try:
        data = read_limited(source, MAX_BYTES) if isinstance(source, Path) else source.read_bytes()
        return validate(Reference, parse_json(data.decode()))
    except (DamagedRecord, UnicodeDecodeError) as error:
        raise StoreError(f"{source}: damaged reference: {error}; delete it") from None


def save(reference: Reference, store: Path) -> Path:
    """Write a reference into a store, replacing what stood there; return its path.

    Raises:
        StoreError: it cannot be written.
    """
    observation = reference.protocol.get("observation")
    target = path(store, reference.task, reference.network, observation)
    try:
        write_whole(target, (reference.model_dump_json(indent=1) + "\n").encode())
    except OSError as error:
        raise StoreError(
            f"the store {str(store)!r} cannot be written: {error.strerror or error}"
        ) from error
    return target
