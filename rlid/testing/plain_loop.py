"""The comparison of a policy's score with a plain loop: reset, predict, step, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rlid.errors import InputError, guarded
from rlid.policies import Policy
from rlid.task import Task

SEEDS = (11, 12, 13, 14, 15)
"""Seeds of the episodes that are compared."""
D = 10
"""Dimension of the subspace of that policy."""
Z_SEED = 0
"""Seed of the random policy that plays them."""


@dataclass(frozen=True)
class LoopComparison:
    """Returns and steps of the same episodes, by rlid and by a plain loop.

    Attributes:
        seeds: of the episodes (E,).
        returns, steps: by rlid (E,), one episode at a time.
        plain_returns, plain_steps: by the plain loop (E,).
        together: the returns by rlid of all episodes at once (E,).
    """

    seeds: tuple[int, ...]
    returns: tuple[float, ...]
    steps: tuple[int, ...]
    plain_returns: tuple[float, ...]
    plain_steps: tuple[int, ...]
    together: tuple[float, ...]

    @property
    def is_equal(self) -> bool:
        """Whether every return and every number of steps is the same, to the last bit."""
        return self.returns == self.plain_returns and self.steps == self.plain_steps

    @property
    def detail(self) -> str:
        """The comparison in words."""
        if self.is_equal:
            return (
                f"{len(self.seeds)} episodes ({sum(self.steps):,} steps) have the returns of a "
                "plain loop"
            )
        rows = zip(
            self.seeds, self.returns, self.plain_returns, self.steps, self.plain_steps, strict=True
        )
        seed, ours, plain, steps, plain_steps = next(
            row for row in rows if row[1] != row[2] or row[3] != row[4]
        )
        return (
            f"seed {seed}: rlid scores {ours:.10g} in {steps} steps, a plain loop "
            f"{plain:.10g} in {plain_steps}"
        )


def compare(
    task: Task,
    network: str | None = None,
    *,
    d: int = D,
    seeds: Sequence[int] = SEEDS,
    z_seed: int = Z_SEED,
) -> LoopComparison:
    """Score a random policy of a task by rlid, and by a plain loop over the same episodes.

    Args:
        task: of kind "rl".
        network: the policy's; the task's own by default.
        d: the dimension of its subspace, at most the network's number of weights.
        seeds: of the episodes.
        z_seed: of the policy.

    Raises:
        InputError: the task cannot be made, or there is no environment beside it to loop over.
        EnvironmentFault: the environment failed.
    """
    z = np.random.default_rng(z_seed).standard_normal(d).astype(np.float32)
    policy = Policy.of(task, network or task.network, "onehot", 0, z)
    problem = policy.problem
    try:
        env = problem.simulator.plain()
        if env is None:
            raise InputError(f"task {task.name!r} has no plain environment to compare with")
        try:
            with guarded("a plain loop"):
                plain = [play(policy, env, seed) for seed in seeds]
        finally:
            env.close()
        alone = [problem.evaluate(z[None], (seed,)) for seed in seeds]
        together = problem.evaluate(z[None], seeds)
    finally:
        problem.world.close()
    return LoopComparison(
        tuple(seeds),
        tuple(float(score.values[0, 0]) for score in alone),
        tuple(score.steps for score in alone),
        tuple(total for total, _ in plain),
        tuple(steps for _, steps in plain),
        tuple(together.values[0].tolist()),
    )


def play(policy: Policy, env: Any, seed: int) -> tuple[float, int]:
    """Return the return and the steps of one episode, as anyone would play it.

    Args:
        policy: what acts.
        env: an environment with gymnasium's `reset` and `step`.
        seed: of the episode.
    """
    observation, _ = env.reset(seed=seed)
    total, steps, is_over = 0.0, 0, False
    while not is_over:
        observation, reward, terminated, truncated, _ = env.step(policy.predict(observation))
        total += float(np.asarray(reward).item())
        steps += 1
        is_over = bool(terminated or truncated) or steps == policy.problem.task.episode_cap
    return total, steps
