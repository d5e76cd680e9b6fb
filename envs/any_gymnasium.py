"""Any registered gymnasium environment, by its id: `gym:MyEnv-v0`."""

from __future__ import annotations

import difflib

from rlid.errors import InputError
from rlid.task import TASKS, Task

DEFAULT_CAP = 1000
"""Steps of an episode where the environment's spec names no limit."""


@TASKS.add("any", name="gym", example="Blackjack-v1")
def gym(env_id: str) -> Task:
    """Any gymnasium environment: gym:MyEnv-v0, with --import for the package that registers it."""
    import gymnasium

    try:
        spec = gymnasium.spec(env_id)
    except Exception as error:
        near = difflib.get_close_matches(env_id, list(gymnasium.registry), n=1)
        hint = f"did you mean 'gym:{near[0]}'?" if near else "use --import for its package"
        raise InputError(f"unknown gymnasium environment {env_id!r}: {hint}") from error
    return Task(
        version=1,
        env=spec.id,
        episode_cap=spec.max_episode_steps or DEFAULT_CAP,
        budget=200_000,
        floor=spec.reward_threshold,
        floor_source="" if spec.reward_threshold is None else "the environment's reward_threshold",
        # Which of the two works here is not known beforehand: both measure the reference.
        recipes={"ppo": {}},
    )
