"""Tasks as Li et al. (2018) have them, where gymnasium's own differ."""

from __future__ import annotations

from rlid.task import TASKS, Task


@TASKS.add("classic", "paper")
def cartpole_v0() -> Task:
    """Balance a pole on a cart for 200 steps: CartPole-v0, solved at 195 of 200.

    The paper's rule is absolute: measure it with `--rule raw --fraction 0.975`.
    """
    return Task(
        version=1,
        # The very cart and pole of version 0, which differs in its cap alone.
        env="CartPole-v1",
        episode_cap=200,
        agent="dqn",
        budget=100_000,
        dmax=200,
        ceiling=200.0,
        floor=195.0,
        floor_source="Li et al. 2018; gymnasium's reward_threshold of CartPole-v0",
    )
