"""Engines: where trials run. Each is one file, chosen by name; the runner knows this protocol."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Protocol

from rlid.errors import InputError, brief
from rlid.operating_system import cores
from rlid.registry import unknown

if TYPE_CHECKING:
    from rlid.engine.agenda import Agenda

ENGINES = ("local", "ray")
GIGABYTE = 2**30


class Engine(Protocol):
    """Runs cells of trials in other processes."""

    @property
    def capacity(self) -> int:
        """How many cells can run at once."""

    def run(self, agenda: Agenda) -> None:
        """Run the cells that the agenda hands out, until every trial has its record.

        Raises:
            StoreError: the store cannot be written.
            TaskChanged: the task is not what it was when the trials were planned.
            EngineError: no worker can start.
        """

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Run one function, which takes a `report` last, in another process; return its result.

        Raises:
            EngineError: it raised, died, or gave no sign of life for the engine's patience.
        """

    def close(self) -> None:
        """End the workers: at once, since every finished trial is stored already."""


@dataclass(frozen=True)
class Place:
    """Where trials run, and what each cell may use there.

    Attributes:
        engine: a name in ENGINES.
        jobs: how many cells run at once; None for as many as there is room for.
        address: of a Ray cluster; None for one that is started on this machine and then stopped.
        cpus: processors of the cluster that a cell takes.
        gpus: GPUs of the cluster that a cell takes, a fraction where cells share one.
        memory: gigabytes that a local worker may use; None for an equal share of the machine's.
    """

    engine: str = "local"
    jobs: int | None = None
    address: str | None = None
    cpus: float = 1.0
    gpus: float = 0.0
    memory: float | None = None

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            InputError: a value is out of range, or two do not go together.
        """
        if self.engine not in ENGINES:
            raise InputError(unknown("engine", self.engine, list(ENGINES)))
        if not isinstance(self.jobs, Integral | None):
            raise InputError(f"--jobs {brief(self.jobs)}: must be a whole number")
        if not isinstance(self.memory, Real | None):
            raise InputError(f"--memory {brief(self.memory)}: must be a number of gigabytes")
        if self.jobs is not None and self.jobs < 1:
            raise InputError(f"--jobs {self.jobs}: must be at least 1")
        for option, value in (("--cpus", self.cpus), ("--gpus", self.gpus)):
            if not 0 <= value <= 1000 or (value > 1 and value != int(value)):
                raise InputError(f"{option} {value:g}: a fraction of one, or a whole number")
        if self.memory is not None and not 0 < self.memory < 1e6:
            raise InputError(f"--memory {self.memory:g}: must be above 0, in gigabytes")
        if self.engine != "ray" and (self.address is not None or (self.cpus, self.gpus) != (1, 0)):
            raise InputError("--address, --cpus and --gpus need --engine ray")
        if self.engine != "local" and self.memory is not None:
            raise InputError("--memory needs --engine local: a cluster sets its own limits")


def make_engine(place: Place, patience: float) -> Engine:
    """Return the engine of that name; no worker starts before there is work.

    Args:
        place: where trials run, and with what.
        patience: seconds without a sign of life that make a trial hung.

    Raises:
        InputError: what it needs is not installed.
    """
    if place.engine == "ray":
        from rlid.engine.ray_cluster import RayEngine

        return RayEngine(place, patience)
    from rlid.engine.local import LocalEngine

    memory = None if place.memory is None else int(place.memory * GIGABYTE)
    return LocalEngine(place.jobs or cores(), patience, memory)
