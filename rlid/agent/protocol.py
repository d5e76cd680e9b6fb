"""What an agent is: an optimizer that searches z, driven by the trial."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from rlid.errors import InputError
from rlid.records import State
from rlid.registry import Registry

if TYPE_CHECKING:
    from rlid.networks import Network
    from rlid.problem import Notes, Problem

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

    `score` is None when no episode ended since the last report. The problem counts the steps of
    the training. The trial sends back None. Where the search can be saved, `state` returns a state,
    from which a later search resumes when it finds it in `problem.saved`. `scalars` are numbers
    for TensorBoard.
    """

    z: NDArray[np.floating]
    score: float | None
    state: Callable[[], State] | None = None
    scalars: Mapping[str, float] = dataclasses.field(default_factory=dict)


class TrainingBatch(Protocol):
    """Learners that train together, each by itself: nothing that one does moves another."""

    def round(self) -> None:
        """Train each learner that has not left for one round.

        Raises:
            EnvironmentFault: an environment failed; which learner's it was is not known.
        """

    def close(self) -> None:
        """Release what the batch holds."""


class Learner(Protocol):
    """One trial's part in a training batch."""

    @property
    def batch(self) -> TrainingBatch | None:
        """The batch that it trains in, or None before its first round."""

    def begin_batches(self, learners: Sequence[Any]) -> None:
        """Give learners of this class, this one among them, their batches."""


@dataclass(frozen=True)
class TrainingRound:
    """A request for one round of training, together with the other trials of the cell.

    The trial sends back None once the learner has been trained; the steps are counted by the
    problem.
    """

    learner: Learner


SearchSteps = Generator[Ask | Progress | TrainingRound, "NDArray[np.float64] | None", None]


class Agent(Protocol):
    """A frozen dataclass: its fields are its hyper-parameters, and go into the spec.

    A class may inherit from this one. Registration lends the defaults below to a class that does
    not, so that `kinds` and `search` are all that an agent must have.
    """

    kinds: ClassVar[tuple[str, ...]]
    """Which kinds of task it can take: "rl", "supervised", "synthetic"."""
    version: ClassVar[int] = 1
    """Part of every trial's key: raise it when the same settings search in another way."""
    shares_batch: ClassVar[bool] = False
    """Whether its trials may share a process and a batch with others."""
    trains_together: ClassVar[bool] = False
    """Whether its trials gain from sharing a process whatever the simulator: they train in one
    batch, by `TrainingRound`."""
    recipes_of: ClassVar[tuple[str, ...]] = ()
    """Agents whose recipe it takes for a task that has none for itself, with what it has of it."""
    devices: ClassVar[tuple[str, ...]] = ("cpu",)
    """Where it can train: "cpu", "cuda"."""
    actions: ClassVar[tuple[str, ...]] = ()
    """Kinds of actions that it takes, as `rlid.simulators.kind_of` names them; () for all."""

    def search(self, problem: Problem, rng: np.random.Generator) -> SearchSteps:
        """Search z until closed: yield what to score, or where it stands.

        Returns first only where a setting says so; the trial then ends as at the budget's end.

        Raises:
            EnvironmentFault: the environment failed under a gradient agent.
            Diverged: z stopped being finite; the trial is unsolved.
            Exception: anything else is a fault of the agent; the trial is missing.
        """

    def notes(self, problem: Problem) -> Notes:
        """Return what the agent decided by itself for this problem, for the record."""
        return {}

    def check_network(self, network: Network, d: int) -> None:
        """Refuse a network, or a d, with which the agent's settings make no sense.

        Raises:
            InputError: in one line, why.
        """


class AgentRegistry(Registry):
    """The registry of agents; what it holds has every attribute of `Agent`."""

    def add(self, *tags: str, name: str | None = None, example: str = "") -> Callable[[Any], Any]:
        """Return a decorator that registers an agent's class, and lends it `Agent`'s defaults.

        Raises:
            ValueError: the name is taken.
            InputError: the class is no dataclass, or has no `kinds` or no `search`.
        """
        register = super().add(*tags, name=name, example=example)
        return lambda cls: register(_complete(cls, name or cls.__name__))


AGENTS = AgentRegistry("agent", package="rlid.agents", group="rlid.agents")


def _complete(cls: type, name: str) -> type:
    """Return a class that has every attribute of `Agent`: cls, or one that inherits from both."""
    lacks = [attribute for attribute in ("kinds", "search") if attribute not in dir(cls)]
    if lacks or not dataclasses.is_dataclass(cls):
        what = f"has no {' and no '.join(lacks)}" if lacks else "is no dataclass"
        raise InputError(f"agent {name!r} {what}: see rlid.agent.Agent")
    if Agent in cls.__mro__:
        return cls
    names = {key: getattr(cls, key) for key in ("__doc__", "__module__", "__qualname__")}
    return type(cls.__name__, (cls, Agent), names)
