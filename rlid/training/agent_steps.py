"""The steps of an agent's search: checked, and what it raises told apart from other faults."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from traceback import walk_tb
from types import FrameType, GeneratorType
from typing import Annotated, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, TypeAdapter, ValidationError

from rlid.agent import AGENTS, Agent, Ask, Progress, TrainingRound
from rlid.errors import (
    AgentFault,
    Diverged,
    EnvironmentFault,
    InputError,
    StoreError,
    named_line,
)
from rlid.problem import Notes, Problem
from rlid.records import MAX_NAMES, Name, TrialSpec, Value

_NOTES: TypeAdapter[Notes] = TypeAdapter(Annotated[dict[Name, Value], Field(max_length=MAX_NAMES)])


class Step(NamedTuple):
    """What an agent yielded, with its candidates Z (n, d) as float32, n = 1 for a `Progress`."""

    yielded: Ask | Progress
    Z: NDArray[np.float32]

    @property
    def scalars(self) -> Mapping[str, float]:
        """Numbers to watch the search by."""
        return self.yielded.scalars if isinstance(self.yielded, Progress) else {}


def make_agent(spec: TrialSpec, problem: Problem) -> tuple[Agent, Notes]:
    """Return the agent of a trial, and its notes on the problem.

    Raises:
        AgentFault: it raised, or its notes cannot be recorded.
    """
    with faults_of(spec.agent):
        agent: Agent = AGENTS[spec.agent](**spec.settings)
        return agent, check_notes(agent.notes(problem))


class AgentSteps:
    """The search of one agent, step by step."""

    def __init__(self, name: str, agent: Agent, problem: Problem, rng: np.random.Generator) -> None:
        """Begin the search; its first step is taken by `send(None)`.

        Raises:
            AgentFault: the agent raised, or its search is no generator.
        """
        self._name, self._problem = name, problem
        with faults_of(name):
            search = agent.search(problem, rng)
            if not isinstance(search, GeneratorType):
                raise TypeError(f"search is a {type(search).__name__}, not a generator")
            self._search: GeneratorType[Any, Any, None] = search

    def send(self, reply: NDArray[np.float64] | None) -> Step | TrainingRound | None:
        """Return the next step, or None where the search is over.

        Raises:
            Diverged: a candidate is not finite.
            EnvironmentFault: the environment failed under the agent.
            AgentFault: the agent raised, or what it yielded is no step.
        """
        with faults_of(self._name, self._search.gi_frame):
            try:
                yielded = self._search.send(reply)
            except StopIteration:
                return None
            if isinstance(yielded, TrainingRound):
                return yielded
            return Step(yielded, candidates_of(yielded, self._problem.dim))

    def close(self) -> None:
        """End the search.

        Raises:
            AgentFault: the agent raised as its search was closed.
        """
        with faults_of(self._name):
            self._search.close()


def candidates_of(yielded: Any, d: int) -> NDArray[np.float32]:
    """Return the candidates (n, d) of what an agent yielded, as float32.

    Raises:
        TypeError: it is no `Ask`, `Progress` or `TrainingRound`, or its score is no number.
        ValueError: its candidates have another shape.
        Diverged: they are not finite.
    """
    if isinstance(yielded, Ask):
        Z = np.asarray(yielded.Z)  # noqa: N806
    elif isinstance(yielded, Progress):
        Z = np.asarray(yielded.z)[None]  # noqa: N806
        if yielded.score is not None and math.isnan(float(yielded.score)):
            raise ValueError("the score of a Progress is NaN")
    else:
        raise TypeError(
            f"search yielded a {type(yielded).__name__}, not Ask, Progress or TrainingRound"
        )
    if Z.ndim != 2 or Z.shape[1] != d or len(Z) == 0:
        raise ValueError(f"candidates of shape {Z.shape}, not (n, {d})")
    with np.errstate(over="ignore"):
        checked = Z.astype(np.float32)
    if not np.isfinite(checked).all():
        raise Diverged("z is not finite")
    return checked


def check_notes(notes: Any) -> Notes:
    """Return notes as a record can hold them.

    Raises:
        ValueError: they are no dictionary of texts, finite numbers and truth values.
    """
    plain = {
        name: value.item() if isinstance(value, np.generic) else value
        for name, value in dict(notes).items()
    }
    try:
        return _NOTES.validate_python(plain)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise ValueError(f"notes: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None


@contextmanager
def faults_of(name: str, search: FrameType | None = None) -> Iterator[None]:
    """Turn what an agent raises inside the block into an `AgentFault`.

    `search` is the frame of its search, which says where it stood when it yielded something wrong.

    Raises:
        AgentFault: the agent raised; the reason says what, and where in its code.
        EnvironmentFault, StoreError, Diverged: as they are.
    """
    try:
        yield
    except (EnvironmentFault, StoreError, Diverged, AgentFault):
        raise
    except (Exception, SystemExit) as error:
        where = _place(name, error, search)
        raise AgentFault(f"agent {name} raised {named_line(error)}{where}") from error


def _place(name: str, error: BaseException, search: FrameType | None) -> str:
    """Return " (FILE:LINE)" of the innermost frame in the agent's code, or of any other.

    The agent's code lies in the folder of its class, or in that of its search.
    """
    homes = {_home_of(name)}
    if search is not None:
        homes.add(Path(search.f_code.co_filename).parent)
    traced = walk_tb(error.__traceback__)
    frames = [(Path(frame.f_code.co_filename), line) for frame, line in traced]
    own = [(file, line) for file, line in frames if file.parent in homes]
    if not own and search is not None:
        own = [(Path(search.f_code.co_filename), search.f_lineno)]
    file, line = (own or frames)[-1]
    return f" ({file.name}:{line})"


def _home_of(name: str) -> Path | None:
    """Return the folder of the agent's class, or None where there is no such agent or no file."""
    try:
        return Path(inspect.getfile(AGENTS[name].search)).parent
    except (InputError, TypeError, OSError):
        return None
