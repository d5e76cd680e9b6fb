"""A problem: task, network and subspace as an agent sees them; the one place that counts steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray

from rlid.actions import Decode, decoder
from rlid.networks import Network
from rlid.rollout import no_beat, returns_of
from rlid.simulator import make_world
from rlid.state import State
from rlid.subspace import Subspace, make_subspace
from rlid.task import Objective, Part, Simulator, Task, World


@dataclass
class Problem:
    """What an agent searches: `dim` coordinates of z, and what gradient agents need besides.

    Attributes:
        world: the task's simulator, or its objective where it has no environment.
        budget: steps that the search may take (of the environment, or evaluations).
        beat: called now and then, as a sign of life.
        search_steps: steps the search has taken so far.
        notes: what the agent decided in the course of the search, for the record.
        saved: what an interrupted search left, and goes on from.
    """

    task: Task
    network: Network
    subspace: Subspace
    world: World
    budget: int
    beat: Callable[[], None] = no_beat
    search_steps: int = field(default=0)
    notes: dict[str, str | int | float | bool] = field(default_factory=dict)
    saved: State | None = None

    @property
    def dim(self) -> int:
        """The number of coordinates of z."""
        return self.subspace.d

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
    return Problem(
        task,
        network,
        make_subspace(network, projection, d, seed),
        world or make_world(task),
        budget or task.budget,
        beat,
    )


def evaluate(requests: Sequence[Request]) -> list[Returns]:
    """Run several problems' requests, which share task, network and world, in one batch.

    The result of a request does not depend on what it is batched with: initial states come from
    its own seeds, and each row of a batched product has a shape of its own.

    Raises:
        EnvironmentFault: the environment failed in some slot.
    """
    results: list[Returns | None] = [None] * len(requests)
    groups: dict[tuple[int, Part], list[int]] = {}
    for index, request in enumerate(requests):
        groups.setdefault((len(request.seeds), request.part), []).append(index)
    for indices in groups.values():
        group = [requests[index] for index in indices]
        values, steps = _run_group(group)
        ends = np.cumsum([len(request.Z) for request in group])[:-1]
        parts = zip(np.split(values, ends), np.split(steps, ends), strict=True)
        for index, (value, step) in zip(indices, parts, strict=True):
            results[index] = Returns(value, int(step.sum()))
    return [result for result in results if result is not None]


def _run_group(group: list[Request]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Run requests with equal parts and numbers of episodes; return values (n, E), steps (n,)."""
    problem = group[0].problem
    with torch.inference_mode():
        theta = torch.cat(
            [
                request.problem.subspace.theta(torch.from_numpy(request.Z.astype(np.float32)))
                for request in group
            ]
        )
    seeds = np.concatenate(
        [np.tile(np.array(request.seeds), (len(request.Z), 1)) for request in group]
    )
    if problem.task.kind == "rl":
        return returns_of(
            problem.task, problem.network, problem.simulator, theta, seeds, problem.beat
        )
    problem.beat()
    with torch.inference_mode():
        values = problem.objective.scores(problem.network, theta, seeds, group[0].part)
    return values, np.full(len(seeds), seeds.shape[1])
