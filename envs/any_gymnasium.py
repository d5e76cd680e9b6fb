"""Any registered gymnasium environment, by its id: `gym:MyEnv-v0`."""

from __future__ import annotations

import difflib
from typing import Any

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
    cap, notes = _cap(spec)
    return Task(
        version=1,
        env=spec.id,
        episode_cap=cap,
        notes=notes,
        budget=200_000,
        floor=spec.reward_threshold,
        floor_source="" if spec.reward_threshold is None else "the environment's reward_threshold",
        # Which of the two works here is not known beforehand: both measure the reference.
        recipes={"batched_ppo": {}},
    )


def _cap(spec: Any) -> tuple[int, tuple[str, ...]]:
    """Return the episode cap of a registration, and what to say of it.

    Raises:
        InputError: a limit that is none.
    """
    limit = spec.max_episode_steps
    # Gymnasium documents -1 as "no limit".
    if limit is None or limit == -1:
        note = (
            f"{spec.id} names no limit of steps: its episodes are cut after {DEFAULT_CAP:,}; "
            "--episode-cap N sets another cap"
        )
        return DEFAULT_CAP, (note,)
    if limit < 1:
        raise InputError(
            f"gymnasium environment {spec.id!r} is registered with max_episode_steps={limit}: "
            "use at least 1, or -1 for no limit"
        )
    return int(limit), ()
