"""A problem: task, network and subspace as an agent sees them; the one place that counts steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from rlid.actions import Decode, decoder, sample
from rlid.networks import Network, parse
from rlid.simulator import make_simulator
from rlid.subspace import Subspace, make_subspace
from rlid.task import EnvironmentFault, Simulator, Task

COMPACT_AT = 0.25
"""Share of finished candidates at which the batch is made smaller."""


def no_beat() -> None:
    """Give no sign of life: the default where nobody watches."""


@dataclass
class Problem:
    """What an agent searches: `dim` coordinates of z, and what gradient agents need besides.

    Attributes:
        budget: environment steps that the search may take.
        beat: called at every step of the simulator, as a sign of life.
        search_steps: environment steps the search has taken so far.
    """

    task: Task
    network: Network
    subspace: Subspace
    simulator: Simulator
    budget: int
    beat: Callable[[], None] = no_beat
    search_steps: int = field(default=0)

    @property
    def dim(self) -> int:
        """The number of coordinates of z."""
        return self.subspace.d

    @property
    def decode(self) -> Decode:
        """The function from network outputs (n, outputs) to actions."""
        return decoder(self.simulator.action_space, self.task.action)[1]

    def evaluate(self, Z: NDArray[np.floating], seeds: Sequence[int]) -> Returns:  # noqa: N803
        """Run the policies at Z (n, d), deterministically, through one episode per seed.

        Raises:
            EnvironmentFault: the environment failed.
        """
        return evaluate([Request(self, np.asarray(Z), tuple(seeds))])[0]


@dataclass(frozen=True)
class Returns:
    """Returns of n policies in E episodes each: `values` (n, E), and the steps they took."""

    values: NDArray[np.float64]
    steps: int


@dataclass(frozen=True)
class Request:
    """Policies Z (n, d) of one problem, each to be run through the episodes of `seeds` (E,)."""

    problem: Problem
    Z: NDArray[np.floating]
    seeds: tuple[int, ...]


def make_network(task: Task, name: str, simulator: Simulator) -> Network:
    """Return the network `name` with the task's inputs and outputs.

    Raises:
        ValueError: the name is not in the grammar, or the task's actions are not supported.
    """
    outputs, _ = decoder(simulator.action_space, task.action)
    return Network(parse(name), simulator.observation_size, outputs, task.activation)


def make_problem(
    task: Task,
    network: Network,
    projection: str,
    d: int,
    seed: int,
    simulator: Simulator | None = None,
    budget: int | None = None,
    beat: Callable[[], None] = no_beat,
) -> Problem:
    """Return the problem of one trial; the simulator may be shared with other problems.

    Raises:
        ValueError: d is not from 1 to D, or the projection is unknown or too large for memory.
    """
    return Problem(
        task,
        network,
        make_subspace(network, projection, d, seed),
        simulator or make_simulator(task),
        budget or task.budget,
        beat,
    )


def evaluate(requests: Sequence[Request]) -> list[Returns]:
    """Run several problems' requests, which share task, network and simulator, in one batch.

    The result of a request does not depend on what it is batched with: initial states come from
    its own seeds, and each row of a batched product has a shape of its own.

    Raises:
        EnvironmentFault: the environment failed in some slot.
    """
    results: list[Returns | None] = [None] * len(requests)
    by_episodes: dict[int, list[int]] = {}
    for index, request in enumerate(requests):
        by_episodes.setdefault(len(request.seeds), []).append(index)
    for indices in by_episodes.values():
        group = [requests[index] for index in indices]
        values, steps = _run_group(group)
        ends = np.cumsum([len(request.Z) for request in group])[:-1]
        parts = zip(np.split(values, ends), np.split(steps, ends), strict=True)
        for index, (value, step) in zip(indices, parts, strict=True):
            results[index] = Returns(value, int(step.sum()))
    return [result for result in results if result is not None]


def _run_group(group: list[Request]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Run requests with equal numbers of episodes; return values (n, E) and steps (n,)."""
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
    size = max(1, problem.simulator.max_slots // seeds.shape[1])
    parts = [
        _rollout(problem, theta[at : at + size], seeds[at : at + size])
        for at in range(0, len(seeds), size)
    ]
    return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])


@torch.inference_mode()
def _rollout(
    problem: Problem,
    Theta: torch.Tensor,  # noqa: N803
    seeds: NDArray[np.int64],
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Run weights Theta (n, D) through episodes `seeds` (n, E), all slots in step.

    A finished episode's slot idles; a candidate whose episodes have all finished leaves the batch.
    """
    simulator, decode = problem.simulator, problem.decode
    n, episodes = seeds.shape
    values, lengths = np.zeros((n, episodes)), np.zeros((n, episodes), np.int64)
    rows = np.arange(n)
    observations = simulator.start(seeds.ravel().tolist())
    check_finite(observations)
    policy = problem.network.bind(Theta)
    active = np.ones(n * episodes, bool)
    totals, steps = np.zeros(n * episodes), np.zeros(n * episodes, np.int64)
    for _ in range(problem.task.episode_cap):
        problem.beat()
        x = torch.from_numpy(observations).view(len(rows), episodes, -1)
        actions = decode(policy(x).view(len(rows) * episodes, -1).numpy())
        observations, rewards, terminated, truncated = simulator.step(actions, active)
        check_finite(rewards, active)
        check_finite(observations, active)
        totals += rewards * active
        steps += active
        active &= ~(terminated | truncated)
        going = active.reshape(-1, episodes).any(1)
        left = int(going.sum())
        if left <= (1 - COMPACT_AT) * len(rows):
            values[rows], lengths[rows] = totals.reshape(-1, episodes), steps.reshape(-1, episodes)
            if left == 0:
                break
            slots = np.flatnonzero(np.repeat(going, episodes))
            simulator.keep(slots)
            rows, Theta = rows[going], Theta[torch.from_numpy(going)]
            policy = problem.network.bind(Theta)
            observations, active = observations[slots], active[slots]
            totals, steps = totals[slots], steps[slots]
    values[rows], lengths[rows] = totals.reshape(-1, episodes), steps.reshape(-1, episodes)
    return values, lengths.sum(1)


def check_finite(values: NDArray[np.floating], active: NDArray[np.bool_] | None = None) -> None:
    """Refuse NaN and infinity in the active slots of rewards (n,) or observations (n, size).

    Raises:
        EnvironmentFault: with status "nonfinite".
    """
    # One sum is cheaper than a test of every entry, and finite unless something is amiss.
    if np.isfinite(values.sum()):
        return
    wrong = ~np.isfinite(values if active is None else values[active])
    if wrong.any():
        what = "a reward" if values.ndim == 1 else "an observation"
        raise EnvironmentFault(f"the environment gave {what} that is not finite", "nonfinite")


def random_returns(
    task: Task,
    simulator: Simulator,
    seeds: Sequence[int],
    rng: np.random.Generator,
    beat: Callable[[], None] = no_beat,
) -> NDArray[np.float64]:
    """Return the returns (n,) of uniformly random actions in one episode per seed.

    Raises:
        EnvironmentFault: the environment failed.
    """
    totals: list[NDArray[np.float64]] = []
    for at in range(0, len(seeds), simulator.max_slots):
        part = seeds[at : at + simulator.max_slots]
        simulator.start(part)
        active, returns = np.ones(len(part), bool), np.zeros(len(part))
        for _ in range(task.episode_cap):
            beat()
            actions = sample(simulator.action_space, rng, len(part))
            _, rewards, terminated, truncated = simulator.step(actions, active)
            check_finite(rewards, active)
            returns += rewards * active
            active &= ~(terminated | truncated)
            if not active.any():
                break
        totals.append(returns)
    return np.concatenate(totals)
