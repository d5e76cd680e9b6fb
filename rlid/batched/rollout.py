"""Experience of many trials at once: one pool of environments, and advantages for each trial."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from rlid.batched.actions import ActionDistribution, to_space
from rlid.batched.pairs import Pairs
from rlid.errors import EnvironmentFault
from rlid.evaluation import check_finite, check_returns
from rlid.problem import Problem
from rlid.simulators import make_training_world

EPISODE_SEEDS = 2**31
SEEDS_AT_ONCE = 64


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


class EpisodeSeeds:
    """Draws a trial's episode seeds, many at a time because one draw costs as much."""

    def __init__(self, rng: np.random.Generator) -> None:
        """`rng` is the trial's own."""
        self._rng = rng
        self._drawn: list[int] = []

    def next(self) -> int:
        """Return the seed of the trial's next episode."""
        if not self._drawn:
            self._drawn = self._rng.integers(0, EPISODE_SEEDS, SEEDS_AT_ONCE).tolist()
        return self._drawn.pop()

    def begin_anew(self) -> None:
        """Forget the seeds that were not used: a resumed trial has the generator alone."""
        self._drawn = []


class Pool:
    """The environments of n trials side by side, E slots for each, in one simulator.

    An episode's seed comes from its trial's own generator, so that no trial's experience depends
    on what stands beside it.
    """

    def __init__(self, problem: Problem, rngs: Sequence[np.random.Generator], n_envs: int) -> None:
        """Make the simulator of the trials' common task; `rngs` draw each trial's episode seeds."""
        slots = len(rngs) * n_envs
        self.simulator = make_training_world(problem.task, slots, problem.beat)
        self._problem, self._n_envs = problem, n_envs
        self._seeds = [EpisodeSeeds(rng) for rng in rngs]
        self._slots = np.arange(slots).reshape(len(rngs), n_envs)
        self._active = np.ones(self._slots.size, bool)
        self._running = np.zeros(self._slots.size)
        self._latest: NDArray[Any] = np.empty(0)
        self._actions: NDArray[Any] = np.empty(0)
        self.finished: list[list[float]] = [[] for _ in rngs]

    @property
    def observations(self) -> NDArray[Any]:
        """The latest observations (n, E, inputs)."""
        return self._of_trials(self._latest)

    def _of_trials(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return what belongs to the slots (slots, ...) by trials, (n, E, ...)."""
        if self._slots.size == len(values):
            # Nobody has left, so that slots are in the order of trials.
            return values.reshape(*self._slots.shape, *values.shape[1:])
        chosen: NDArray[Any] = values[self._slots]
        return chosen

    def begin(self) -> None:
        """Begin an episode in every slot; only once."""
        seeds = [own.next() for own in self._seeds for _ in range(self._n_envs)]
        self._latest = self.simulator.start(seeds).copy()
        check_finite(self._latest)

    def begin_anew(self, row: int) -> None:
        """Begin new episodes in the slots of one trial."""
        self._seeds[row].begin_anew()
        self._restart(self._slots[row], [self._seeds[row].next() for _ in range(self._n_envs)])

    def keep(self, rows: Sequence[int]) -> None:
        """Go on with these trials alone, in this order; the slots of the others idle."""
        self._slots = self._slots[list(rows)]
        self._seeds = [self._seeds[row] for row in rows]
        self.finished = [self.finished[row] for row in rows]
        self._active[:] = False
        self._active[self._slots] = True

    def step(self, actions: NDArray[Any]) -> tuple[NDArray[Any], ...]:
        """Act (n * E, *action shape) in every slot, and begin anew where an episode ends.

        Returns:
            Rewards, ends and cut ends, (n, E) each, and the last observations of ended episodes
            in place among those of the others (n, E, inputs).

        Raises:
            EnvironmentFault: an environment failed, or gave what is not finite, or rewards that add
                up to what no mean can be taken of.
        """
        if len(actions) < len(self._active):
            actions = self._spread(actions)
        seen, rewards, terminated, truncated = self.simulator.step(actions, self._active)
        check_finite(rewards, self._active)
        check_finite(seen, self._active)
        with np.errstate(over="ignore", invalid="ignore"):
            self._running += rewards
        # A simulator may use its arrays again at its next step.
        self._latest = np.array(seen)
        last = self._latest
        ends = (terminated | truncated) & self._active
        if ends.any():
            last = last.copy()
            rows, columns = np.nonzero(ends[self._slots])
            slots = self._slots[rows, columns]
            earned_in_all = self._running[slots]
            check_returns(earned_in_all)
            for row, earned in zip(rows.tolist(), earned_in_all.tolist(), strict=True):
                self.finished[row].append(earned)
            self._restart(slots, [self._seeds[row].next() for row in rows.tolist()])
        cut = truncated & ~terminated & self._active
        return tuple(self._of_trials(values) for values in (rewards.copy(), ends, cut, last))

    def _spread(self, actions: NDArray[Any]) -> NDArray[Any]:
        """Return an action for every slot; idle ones repeat their last."""
        if len(self._actions) == 0 or self._actions.dtype != actions.dtype:
            shape = (len(self._active), *actions.shape[1:])
            self._actions = np.broadcast_to(actions[:1], shape).copy()
        self._actions[self._slots.ravel()] = actions
        return self._actions

    def _restart(self, slots: NDArray[np.intp], seeds: list[int]) -> None:
        observations = self.simulator.restart(slots, seeds)
        check_finite(observations)
        self._latest[slots] = observations
        self._running[slots] = 0.0

    def close(self) -> None:
        """Close the simulator."""
        self.simulator.close()


@torch.no_grad()
def collect(
    pool: Pool,
    pairs: Pairs,
    distribution: ActionDistribution,
    noise: torch.Tensor,
    *,
    gamma: float,
    gae_lambda: float,
    reward_scale: float,
    chunk: int,
    problem: Problem,
) -> Experience:
    """Act for T steps by noise (T, n, numbers, E); return what was seen, with advantages.

    A cut episode's last reward is raised by the discounted value of its last observation, as
    stable-baselines3 does. Values and probabilities are computed afterwards, `chunk` at a time.

    Raises:
        EnvironmentFault: an environment failed, or gave rewards that training cannot take.
    """
    space, decode, device = pool.simulator.action_space, problem.decode, noise.device
    steps: list[tuple[torch.Tensor, torch.Tensor]] = []
    earned, ends_at = [], []
    for draws in noise:
        problem.beat()
        observations = torch.from_numpy(pool.observations)
        outputs = pairs.act(observations.to(device))
        # (n, E, entries), as the environments take them.
        actions = distribution.sample(outputs, draws).transpose(1, 2)
        flat = actions.reshape(-1, actions.shape[-1]).cpu().numpy()
        rewards, ends, cut, last = pool.step(to_space(space, decode, flat))
        rewards = _scaled(rewards, reward_scale)
        if cut.any():
            after = pairs.values(torch.from_numpy(last).to(device)).cpu().numpy()
            rewards = np.where(cut, rewards + gamma * after, rewards)
        steps.append((observations, actions))
        earned.append(rewards)
        ends_at.append(ends)
    seen, acted = (torch.stack(column, 1).flatten(1, 2) for column in zip(*steps, strict=True))
    values, log_probs = _looked_back(pairs, distribution, seen, acted, chunk)
    n, E, T = len(seen), noise.shape[-1], len(noise)  # noqa: N806
    after = pairs.values(torch.from_numpy(pool.observations).to(device)).cpu().numpy()
    advantages = torch.from_numpy(
        _advantages(
            values.cpu().numpy().reshape(n, T, E).swapaxes(0, 1),
            np.stack(earned).astype(np.float32),
            np.stack(ends_at),
            after,
            gamma,
            gae_lambda,
        )
    ).to(device)
    advantages = advantages.transpose(0, 1).reshape(n, T * E)
    return Experience(seen, acted, log_probs, advantages, advantages + values)


def _scaled(rewards: NDArray[np.float64], reward_scale: float) -> NDArray[np.float64]:
    """Return rewards (n, E) times a factor, as training takes them.

    Raises:
        EnvironmentFault: float32, in which advantages are computed, cannot hold one of them.
    """
    with np.errstate(over="ignore"):
        scaled = rewards * reward_scale
        is_held = np.isfinite(scaled.astype(np.float32))
    if not is_held.all():
        raise EnvironmentFault(
            f"a reward of {rewards[~is_held][0]:g}, and batched_ppo trains in float32, which "
            "cannot hold it: use --set reward_scale",
            "nonfinite",
        )
    return scaled


def _looked_back(
    pairs: Pairs,
    distribution: ActionDistribution,
    seen: torch.Tensor,
    acted: torch.Tensor,
    chunk: int,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the values and the actions' log probabilities, (n, T * E) each."""
    values, log_probs = [], []
    for first in range(0, seen.shape[1], chunk):
        part = slice(first, first + chunk)
        outputs, estimates = pairs.forward(seen[:, part].to(acted.device))
        likelihood = distribution.likelihood(outputs, acted[:, part].transpose(1, 2))
        values.append(estimates)
        log_probs.append(likelihood.log_prob)
    return torch.cat(values, 1), torch.cat(log_probs, 1)


def _advantages(
    values: NDArray[np.float32],
    rewards: NDArray[np.float32],
    ends: NDArray[np.bool_],
    after: NDArray[np.float32],
    gamma: float,
    gae_lambda: float,
) -> NDArray[np.float32]:
    """Return generalised advantage estimates (T, n, E) from arrays of that shape; after is (n, E).

    Equation 16 of Schulman et al. (2016), from the last step back.
    """
    discounts = np.where(ends, np.float32(0), np.float32(gamma))
    following = np.concatenate([values[1:], after[None]])
    deltas: NDArray[np.float32] = rewards + discounts * following - values
    kept = discounts * np.float32(gae_lambda)
    for t in reversed(range(len(deltas) - 1)):
        deltas[t] += kept[t] * deltas[t + 1]
    return deltas
