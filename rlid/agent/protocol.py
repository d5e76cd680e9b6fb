"""The agent protocol: an optimizer that searches z, driven by the trial."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from rlid.errors import InputError
from rlid.records import State
from rlid.registry import Registry, unknown

if TYPE_CHECKING:
    from rlid.networks import Network
    from rlid.problem import Problem

AGENTS = Registry("agent", package="rlid.agents", group="rlid.agents")

CHECKPOINT = 250_000
"""Steps between two moments at which a gradient agent's search can be saved."""


@dataclass(frozen=True)
class Ask:
    """A gradient-free agent's question: what do the policies at Z (n, d) score?

    The trial sends back their mean returns (n,), higher is better, always finite. Every row of Z
    is a candidate.
    """

    Z: NDArray[np.floating]


@dataclass(frozen=True)
class Progress:
    """Where a gradient agent stands: its current z (d,), and the mean return it saw in training.

    `score` is None when no episode ended since the last report. The steps it took are counted by
    the problem. The trial sends back None. Where the search can be saved, `state` gives what it
    goes on from when it finds that in `problem.saved`. `scalars` are numbers to watch it by.
    """

    z: NDArray[np.floating]
    score: float | None
    state: Callable[[], State] | None = None
    scalars: Mapping[str, float] = dataclasses.field(default_factory=dict)


SearchSteps = Generator[Ask | Progress, "NDArray[np.float64] | None", None]


class Agent(Protocol):
    """A frozen dataclass: its fields are its hyper-parameters, and go into the spec."""

    kinds: ClassVar[tuple[str, ...]]
    """Which kinds of task it can take: "rl", "supervised", "synthetic"."""
    shares_batch: ClassVar[bool]
    """Whether its trials may share a process and a batch with others."""

    def search(self, problem: Problem, rng: np.random.Generator) -> SearchSteps:
        """Search z until closed: yield what to score, or where it stands.

        Returns first only where a setting says so; the trial then ends as at the budget's end.

        Raises:
            EnvironmentFault: the environment failed under a gradient agent.
            Exception: anything else counts against the agent: its trial is unsolved.
        """

    def notes(self, problem: Problem) -> dict[str, str | int | float | bool]:
        """Return what the agent decided by itself for this problem, for the record."""
