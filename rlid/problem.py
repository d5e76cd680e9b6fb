"""A problem: task, network and subspace as an agent sees them, and the count of search steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, cast

import numpy as np
import torch
from numpy.typing import NDArray

from rlid.errors import EnvironmentFault, named_line
from rlid.evaluation import Rollouts
from rlid.networks import Network
from rlid.records import State
from rlid.simulators import Decode, decoder, make_world
from rlid.subspace import Subspace, make_subspace
from rlid.task import Task
from rlid.world import Objective, Part, Simulator, World, beating, no_beat

Notes = dict[str, str | int | float | bool | None]
"""What an agent decided by itself, for the record."""


@dataclass(eq=False)
class Problem:
    """What an agent searches: `dim` coordinates of z, and what gradient agents need besides.

    Attributes:
        world: the task's simulator, or its objective where it has no environment.
        budget: steps that the search may take (of the environment, or evaluations).
        beat: called every few steps, as a sign of life.
        search_steps: steps the search has taken so far.
        notes: what the agent decided in the course of the search, for the record.
        saved: the state from which an interrupted search resumes.
        is_watched: whether its scalars are written for TensorBoard.
        device: where a gradient agent trains, as torch names it.
    """

    task: Task
    network: Network
    subspace: Subspace
    world: World
    budget: int
    beat: Callable[[], None] = no_beat
    search_steps: int = field(default=0)
    notes: Notes = field(default_factory=dict)
    saved: State | None = None
    is_watched: bool = False
    device: str = "cpu"

    @property
    def dim(self) -> int:
        """The number of coordinates of z."""
        return self.subspace.d

    def scale(self, rule: Literal["sqrt", "full", "none"]) -> float:
        """Return the length of a step in z for each unit of a step in theta.

        It is sqrt(D/d), since the columns of P have unit norm, or 1 by the rule "none". By the rule
        "full" learning rates are multiplied by its square, D/d.
        """
        return 1.0 if rule == "none" else self.subspace.scale

    @property
    def simulator(self) -> Simulator:
        """The world of a task of kind "rl"."""
        return cast(Simulator, self.world)

    @property
    def objective(self) -> Objective:
        """The world of a task of any other kind."""
        return cast(Objective, self.world)

    @property
    def decode(self) -> Decode:
        """The function from network outputs (n, outputs) to actions."""
        return decoder(self.simulator.action_space, self.task.action)[1]

    def loss(
        self, z: torch.Tensor, rng: np.random.Generator, weight_decay: float = 0.0
    ) -> torch.Tensor:
        """Return the loss of an objective at z (d,), differentiable; counted as one step.

        What is random in it, such as a minibatch, is drawn from rng. The weight decay is on theta,
        all of it: weight_decay / 2 times its squared norm is added.
        """
        self.beat()
        self.search_steps += 1
        theta = self.subspace.theta(z)
        loss: torch.Tensor = self.objective.loss(self.network, theta, rng)
        return loss + weight_decay / 2 * theta.square().sum() if weight_decay else loss

    def evaluate(
        self,
        Z: NDArray[np.floating],  # noqa: N803
        seeds: Sequence[int],
        part: Part = "search",
    ) -> Returns:
        """Score the policies at Z (n, d), deterministically, in one episode per seed.

        Raises:
            EnvironmentFault: the environment failed.
        """
        return evaluate([Request(self, np.asarray(Z), tuple(seeds), part)])[0]


@dataclass(frozen=True)
class Returns:
    """Returns of n policies in E episodes each: `values` (n, E), and the steps they took."""

    values: NDArray[np.float64]
    steps: int


Answer = Returns | EnvironmentFault
"""What comes back: returns, or the fault that kept the environment from giving any."""


@dataclass(frozen=True)
class Request:
    """Policies Z (n, d) of one problem, each to be scored in the episodes of `seeds` (E,).

    `part` says of what data an objective scores them; episodes are the same for all parts.
    """

    problem: Problem
    Z: NDArray[np.floating]
    seeds: tuple[int, ...]
    part: Part = "search"


def make_problem(
    task: Task,
    network: Network,
    projection: str,
    d: int,
    seed: int,
    world: World | None = None,
    budget: int | None = None,
    beat: Callable[[], None] = no_beat,
) -> Problem:
    """Return the problem of one trial; the world may be shared with other problems.

    Raises:
        ValueError: d is not from 1 to D, or the projection is unknown or too large for memory.
    """
    with beating(beat):
        subspace = make_subspace(network, projection, d, seed)
    return Problem(
        task,
        network,
        subspace,
        world or make_world(task, beat),
        budget or task.budget,
        beat,
    )


class Evaluation:
    """Answers requests of problems that share task, network and world, each as soon as it is done.

    An answer does not depend on what is under way beside it: initial states come from a request's
    own seeds, and each row of a batched product has a shape of its own.
    """

    def __init__(self) -> None:
        """Make nothing before the first request."""
        self._rollouts: Rollouts | None = None
        self._of_objectives: dict[int, Request] = {}

    def add(self, key: int, request: Request) -> None:
        """Take in a request; `key` names it in the answer.

        What is held of a request is let go of when it is answered.
        """
        problem = request.problem
        if problem.task.kind != "rl":
            self._of_objectives[key] = request
            return
        if self._rollouts is None:
            self._rollouts = Rollouts(
                problem.task, problem.network, problem.simulator, problem.beat
            )
        self._rollouts.add(key, _theta([request]), _seeds([request]))

    def run(self) -> list[tuple[int, Answer]]:
        """Return the answers to at least one request, as soon as there are any."""
        if self._rollouts is None:
            requests, self._of_objectives = self._of_objectives, {}
            return _scores(requests)
        return [
            (outcome.key, outcome.fault or Returns(outcome.values, int(outcome.steps.sum())))
            for outcome in self._rollouts.run()
        ]


def evaluate(requests: Sequence[Request]) -> list[Returns]:
    """Answer several problems' requests, which share task, network and world.

    Raises:
        EnvironmentFault: the environment failed in one of them.
    """
    evaluation, results = Evaluation(), dict[int, Returns]()
    for key, request in enumerate(requests):
        evaluation.add(key, request)
    while len(results) < len(requests):
        for key, answer in evaluation.run():
            if isinstance(answer, EnvironmentFault):
                raise answer
            results[key] = answer
    return [results[key] for key in range(len(requests))]


def _scores(requests: dict[int, Request]) -> list[tuple[int, Answer]]:
    """Score requests by an objective, those of equal part and number of evaluations together."""
    answers: list[tuple[int, Answer]] = []
    groups: dict[tuple[int, Part], list[int]] = {}
    for key, request in requests.items():
        groups.setdefault((len(request.seeds), request.part), []).append(key)
    for (_, part), keys in groups.items():
        group = [requests[key] for key in keys]
        problem = group[0].problem
        problem.beat()
        try:
            seeds = _seeds(group)
            with torch.inference_mode():
                values = problem.objective.scores(problem.network, _theta(group), seeds, part)
            values = _checked_scores(values, seeds.shape)
        except EnvironmentFault as fault:
            answers += [(keys[0], fault)] if len(keys) == 1 else _one_by_one(requests, keys)
            continue
        ends = np.cumsum([len(request.Z) for request in group])[:-1]
        for key, value in zip(keys, np.split(values, ends), strict=True):
            answers.append((key, Returns(value, value.size)))
    return answers


def _checked_scores(values: Any, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Return what an objective gave, as scores of this shape (n, E).

    Raises:
        EnvironmentFault: it is no array of numbers of this shape, or a number is not finite.
    """
    try:
        scores = np.asarray(values)
        is_finite = bool(np.isfinite(scores).all())
    except (TypeError, ValueError) as error:
        raise EnvironmentFault(f"the objective gave no scores: {named_line(error)}") from error
    if scores.shape != shape:
        raise EnvironmentFault(f"the objective gave scores of shape {scores.shape}, not {shape}")
    if not is_finite:
        raise EnvironmentFault("the objective gave a score that is not finite", "nonfinite")
    return scores


def _one_by_one(requests: dict[int, Request], keys: list[int]) -> list[tuple[int, Answer]]:
    return [answer for key in keys for answer in _scores({key: requests[key]})]


def _theta(group: list[Request]) -> torch.Tensor:
    with torch.inference_mode():
        thetas = [
            request.problem.subspace.theta(torch.from_numpy(request.Z.astype(np.float32)))
            for request in group
        ]
        # Joining a single tensor would copy it.
        return thetas[0] if len(thetas) == 1 else torch.cat(thetas)


def _seeds(group: list[Request]) -> NDArray[np.int64]:
    return np.concatenate(
        [np.tile(np.array(request.seeds), (len(request.Z), 1)) for request in group]
    )
