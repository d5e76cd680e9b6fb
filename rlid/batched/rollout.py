"""Experience of many trials at once: one pool of environments, and advantages for each trial."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from rlid.batched.actions import ActionDistribution, to_space
from rlid.batched.critics import Values
from rlid.batched.weights import BoundNetworks
from rlid.evaluation import check_finite
from rlid.problem import Problem
from rlid.simulators import make_world
from rlid.world import Simulator

EPISODE_SEEDS = 2**31


@dataclass(frozen=True)
class Experience:
    """What n trials saw in T steps of E environments each, all as (n, T * E, ...).

    Attributes:
        observations: inputs of the networks.
        actions: what the distribution drew.
        log_probs: of the actions, by the policy that drew them.
        advantages: generalised advantage estimates (Schulman et al. 2016).
        returns: advantages plus the values that they were taken from.
    """

    observations: torch.Tensor
    actions: torch.Tensor
    log_probs: torch.Tensor
    advantages: torch.Tensor
    returns: torch.Tensor


class Pool:
    """The environments of n trials side by side, E slots for each, in one simulator.

    An episode's seed comes from its trial's own generator, so that no trial's experience depends
    on what stands beside it.
    """

    def __init__(self, problem: Problem, rngs: Sequence[np.random.Generator], n_envs: int) -> None:
        """Make the simulator of the trials' common task; `rngs` draw each trial's episode seeds."""
        world: Any = make_world(problem.task)
        self.simulator: Simulator = world
        self._problem, self._n_envs = problem, n_envs
        self._rngs = list(rngs)
        self._slots = np.arange(len(rngs) * n_envs).reshape(len(rngs), n_envs)
        self._active = np.ones(self._slots.size, bool)
        self._running = np.zeros(self._slots.size)
        self._latest: NDArray[Any] = np.empty(0)
        self._actions: NDArray[Any] = np.empty(0)
        self.finished: list[list[float]] = [[] for _ in rngs]

    @property
    def observations(self) -> NDArray[Any]:
        """The latest observations (n, E, inputs)."""
        latest: NDArray[Any] = self._latest[self._slots]
        return latest

    def begin(self) -> None:
        """Begin an episode in every slot; only once."""
        seeds = [seed for rng in self._rngs for seed in self._draw(rng, self._n_envs)]
        self._latest = self.simulator.start(seeds).copy()
        check_finite(self._latest)

    def begin_anew(self, row: int) -> None:
        """Begin new episodes in the slots of one trial."""
        self._restart(self._slots[row], self._draw(self._rngs[row], self._n_envs))

    def keep(self, rows: Sequence[int]) -> None:
        """Go on with these trials alone, in this order; the slots of the others idle."""
        self._slots = self._slots[list(rows)]
        self._rngs = [self._rngs[row] for row in rows]
        self.finished = [self.finished[row] for row in rows]
        self._active[:] = False
        self._active[self._slots] = True

    def step(self, actions: NDArray[Any]) -> tuple[NDArray[Any], ...]:
        """Act (n * E, *action shape) in every slot, and begin anew where an episode ends.

        Returns:
            Rewards, ends and cut ends, (n, E) each, and the last observations of ended episodes
            in place among those of the others (n, E, inputs).

        Raises:
            EnvironmentFault: an environment failed, or gave what is not finite.
        """
        slots = self._slots.ravel()
        if len(self._actions) == 0 or self._actions.dtype != actions.dtype:
            shape = (len(self._active), *actions.shape[1:])
            self._actions = np.broadcast_to(actions[:1], shape).copy()
        self._actions[slots] = actions
        seen, rewards, terminated, truncated = self.simulator.step(self._actions, self._active)
        check_finite(rewards, self._active)
        check_finite(seen, self._active)
        last = seen[self._slots]
        self._running[slots] += rewards[slots]
        self._latest = np.array(seen)
        ends = (terminated | truncated) & self._active
        if ends.any():
            for row, own in enumerate(self._slots):
                ended = own[ends[own]]
                if len(ended):
                    self.finished[row] += self._running[ended].tolist()
                    self._restart(ended, self._draw(self._rngs[row], len(ended)))
        cut = truncated & ~terminated
        return rewards[self._slots], ends[self._slots], cut[self._slots], last

    def _restart(self, slots: NDArray[np.intp], seeds: list[int]) -> None:
        observations = self.simulator.restart(slots, seeds)
        check_finite(observations)
        self._latest[slots] = observations
        self._running[slots] = 0.0

    def _draw(self, rng: np.random.Generator, n: int) -> list[int]:
        seeds: list[int] = rng.integers(0, EPISODE_SEEDS, n).tolist()
        return seeds

    def close(self) -> None:
        """Close the simulator."""
        self.simulator.close()


@torch.no_grad()
def collect(
    pool: Pool,
    actors: BoundNetworks,
    values: Values,
    distribution: ActionDistribution,
    noise: torch.Tensor,
    *,
    gamma: float,
    gae_lambda: float,
    reward_scale: float,
    problem: Problem,
) -> Experience:
    """Act for T steps by noise (T, n, E, entries); return what was seen, with advantages.

    A cut episode's last reward is raised by the discounted value of its last observation, as
    stable-baselines3 does.

    Raises:
        EnvironmentFault: an environment failed.
    """
    space, decode = pool.simulator.action_space, problem.decode
    steps: list[tuple[torch.Tensor, ...]] = []
    for draws in noise:
        problem.beat()
        observations = torch.from_numpy(pool.observations)
        outputs = actors.outputs(observations)
        actions = distribution.sample(outputs, draws)
        log_probs = distribution.log_prob(outputs, actions)
        estimates = values(observations)
        flat = actions.reshape(-1, actions.shape[-1]).numpy()
        rewards, ends, cut, last = pool.step(to_space(space, decode, flat))
        earned = torch.from_numpy((rewards * reward_scale).astype(np.float32))
        if cut.any():
            after = values(torch.from_numpy(last))
            earned = torch.where(torch.from_numpy(cut), earned + gamma * after, earned)
        steps.append((observations, actions, log_probs, estimates, earned, torch.from_numpy(ends)))
    observations, actions, log_probs, estimates, earned, ends_at = (
        torch.stack(column, 1) for column in zip(*steps, strict=True)
    )
    after = values(torch.from_numpy(pool.observations))
    advantages = _advantages(estimates, earned, ends_at, after, gamma, gae_lambda)
    return Experience(
        *(
            column.flatten(1, 2)
            for column in (observations, actions, log_probs, advantages, advantages + estimates)
        )
    )


def _advantages(
    values: torch.Tensor,
    rewards: torch.Tensor,
    ends: torch.Tensor,
    after: torch.Tensor,
    gamma: float,
    gae_lambda: float,
) -> torch.Tensor:
    """Return generalised advantage estimates (n, T, E) from arrays of that shape; after is (n, E).

    Equation 16 of Schulman et al. (2016), from the last step back.
    """
    going_on = 1.0 - ends.to(values.dtype)
    advantages = torch.zeros_like(values)
    running = torch.zeros_like(after)
    for t in reversed(range(values.shape[1])):
        delta = rewards[:, t] + gamma * after * going_on[:, t] - values[:, t]
        running = delta + gamma * gae_lambda * going_on[:, t] * running
        advantages[:, t] = running
        after = values[:, t]
    return advantages
