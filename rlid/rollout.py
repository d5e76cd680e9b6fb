"""Episodes of many policies at once: one simulator, batched networks, finished ones dropped."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from rlid.actions import decoder, sample
from rlid.networks import Network
from rlid.task import EnvironmentFault, Simulator, Task

COMPACT_AT = 0.25
"""Share of finished candidates at which the batch is made smaller."""


def no_beat() -> None:
    """Give no sign of life: the default where nobody watches."""


def returns_of(
    task: Task,
    network: Network,
    simulator: Simulator,
    Theta: torch.Tensor,  # noqa: N803
    seeds: NDArray[np.int64],
    beat: Callable[[], None] = no_beat,
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Run weights Theta (n, D) through episodes `seeds` (n, E).

    Returns:
        Returns (n, E), and the steps of each policy (n,). Row i depends on row i alone.

    Raises:
        EnvironmentFault: the environment failed in some slot.
    """
    size = max(1, simulator.max_slots // seeds.shape[1])
    parts = [
        _rollout(task, network, simulator, Theta[at : at + size], seeds[at : at + size], beat)
        for at in range(0, len(seeds), size)
    ]
    return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])


@torch.inference_mode()
def _rollout(
    task: Task,
    network: Network,
    simulator: Simulator,
    Theta: torch.Tensor,  # noqa: N803
    seeds: NDArray[np.int64],
    beat: Callable[[], None],
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Run all slots in step.

    A finished episode's slot idles; a candidate whose episodes have all finished leaves the batch.
    """
    _, decode = decoder(simulator.action_space, task.action)
    n, episodes = seeds.shape
    values, lengths = np.zeros((n, episodes)), np.zeros((n, episodes), np.int64)
    rows = np.arange(n)
    observations = simulator.start(seeds.ravel().tolist())
    check_finite(observations)
    policy = network.bind(Theta)
    active = np.ones(n * episodes, bool)
    totals, steps = np.zeros(n * episodes), np.zeros(n * episodes, np.int64)
    for _ in range(task.episode_cap):
        beat()
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
            policy = network.bind(Theta)
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
