"""The scores that make returns comparable: the random policy's, and direct training's."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from rlid.errors import DamagedRecord, NewerRecord, ReferenceRefused, StoreError, UnknownField
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
from rlid.store.names import slug
from rlid.store.store import Store
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
    """What one agent reaches without a subspace; the median leaves missing trials out."""

    agent: Name
    settings: dict[Name, Value]
    budget: Count
    median: Finite | None
    trials: list[DirectTrial] = Field(max_length=1000)

    @property
    def scores(self) -> list[float]:
        """The scores of its trials; missing trials have none."""
        return [trial.score for trial in self.trials if trial.score is not None]


class Reference(StrictModel):
    """Random and reference score of one (task, network), and how they came about.

    Attributes:
        reference: the best median over agents of direct training, or a user's own figure.
        agent: the agent whose median it is, or "given" for a user's own figure.
        direct: direct training by each agent; empty for a user's own figure.
        measured_at: the day of the measurement, as YYYY-MM-DD; None in older files.
        stopping: the rule by which the trials of direct training could end early: "look" is that
            of the first edition (see `TrialSpec.stopping`).
        source: where a user's own figure comes from; "" for a measured reference.
    """

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
    direct: list[DirectTraining] = Field(max_length=50)
    command: Text
    versions: dict[Name, Name]
    measured_at: Name | None = None
    stopping: Literal["look", "confirmed"] = "look"
    source: Text = ""

    @model_validator(mode="after")
    def _has_an_origin(self) -> Reference:
        if bool(self.direct) == bool(self.source):
            raise ValueError("a reference rests on direct training, or on a source, not on both")
        return self

    @property
    def is_given(self) -> bool:
        """Whether it is a user's own figure."""
        return bool(self.source)

    @property
    def best(self) -> DirectTraining | None:
        """Direct training by the agent whose median is the reference; None for a given one."""
        return next((direct for direct in self.direct if direct.agent == self.agent), None)

    @property
    def seeds(self) -> int:
        """How many trials of direct training by that agent were run."""
        return len(self.best.trials) if self.best else 0

    @property
    def budget(self) -> int:
        """Steps of each of these trials."""
        return self.best.budget if self.best else 0

    @property
    def scores(self) -> list[float]:
        """The scores whose median is the reference."""
        return self.best.scores if self.best else []

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
        ReferenceRefused: the reference is below the task's floor, or no better than random.
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


def path(
    store: Path, task: str, network: str, observation: Value = "raw", *, is_given: bool = False
) -> Path:
    """Return where a store keeps the reference of (task, network), under an observation rule.

    A reference under frozen statistics has a file of its own, and so has a user's own figure: none
    of them replaces another.

    Raises:
        StoreError: its folder is a link.
    """
    name = _file_name(network, {"observation": observation}, is_given=is_given)
    return Store(store).room("references", slug(task)) / name


def _file_name(network: str, protocol: Mapping[str, Value], *, is_given: bool = False) -> str:
    ending = ".frozen" if protocol.get("observation") == "frozen" else ""
    return f"{slug(network)}{ending}{'.given.json' if is_given else '.json'}"


def path_of(reference: Reference, store: Path) -> Path:
    """Return where a store keeps this reference.

    Raises:
        StoreError: its folder is a link.
    """
    rule = reference.protocol.get("observation")
    return path(store, reference.task, reference.network, rule, is_given=reference.is_given)


def find(
    store: Path, task: str, version: int, protocol: Mapping[str, Value], network: str
) -> Reference | None:
    """Return the measured reference of what a spec names: the store's own, or else the shipped one.

    Raises:
        StoreError: a file that should hold it does not.
    """
    return locate(store, task, version, protocol, network)[0]


def load(task: Task, network: str, store: Path) -> Reference | None:
    """Return the measured reference of (task, network): the store's own, or else the shipped one.

    Raises:
        StoreError: a file that should hold it does not.
    """
    return find(store, task.name, task.version, task.protocol(), network)


def locate(
    store: Path, task: str, version: int, protocol: Mapping[str, Value], network: str
) -> tuple[Reference | None, bool]:
    """Return what `find` does, and whether it is the one that is shipped with rlid.

    Raises:
        StoreError: a file that should hold it does not.
    """
    own = path(store, task, network, protocol.get("observation"))
    reference = _read_fitting(own, task, version, protocol, network)
    if reference is not None:
        return reference, False
    reference = shipped(task, version, protocol, network)
    return reference, reference is not None


def shipped(
    task: str, version: int, protocol: Mapping[str, Value], network: str
) -> Reference | None:
    """Return the reference of (task, network) that is shipped with rlid, or None."""
    return _read_fitting(
        resources.files("rlid") / "references" / slug(task) / _file_name(network, protocol),
        task, version, protocol, network,
    )  # fmt: skip


def load_given(task: Task, network: str, store: Path) -> Reference | None:
    """Return the user's own figure that the last run with one left in the store, or None.

    Raises:
        StoreError: the file that should hold it does not.
    """
    protocol = task.protocol()
    source = path(store, task.name, network, protocol.get("observation"), is_given=True)
    return _read_fitting(source, task.name, task.version, protocol, network)


def _read_fitting(
    source: Path | Traversable, task: str, version: int, protocol: Mapping[str, Value], network: str
) -> Reference | None:
    if not source.is_file():
        return None
    reference = read(source)
    return reference if reference.fits(task, version, protocol, network) else None


def read(source: Path | Traversable) -> Reference:
    """Return the reference in a file.

    Raises:
        StoreError: it holds no valid reference, or one that this version of rlid cannot read.
    """
    try:
        data = read_limited(source, MAX_BYTES) if isinstance(source, Path) else source.read_bytes()
        return validate(Reference, parse_json(data.decode()))
    except NewerRecord as error:
        raise StoreError(f"{source}: {error}") from None
    except UnknownField as error:
        line = f"{error}; a later version of rlid may have written it: upgrade rlid"
        raise StoreError(f"{source}: {line}") from None
    except (DamagedRecord, UnicodeDecodeError) as error:
        raise StoreError(f"{source}: damaged reference: {error}; delete it") from None


def save(reference: Reference, store: Path) -> Path:
    """Write a reference into a store in place of the one before; return its path.

    Raises:
        StoreError: the store cannot be written.
    """
    target = path_of(reference, store)
    try:
        write_whole(target, (reference.model_dump_json(indent=1) + "\n").encode())
    except OSError as error:
        raise StoreError(
            f"the store {str(store)!r} cannot be written: {error.strerror or error}"
        ) from error
    return target
