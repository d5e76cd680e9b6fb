"""What every agent that uses proximal policy optimisation (Schulman et al. 2017) refuses."""

from __future__ import annotations

from rlid.agent.settings import check_positive
from rlid.errors import InputError


def check_minibatches(
    agent: str,
    *,
    rollout: int,
    batch_size: int,
    advantages: str,
    normalize_advantage: bool,
    target_kl: float | None,
) -> None:
    """Refuse minibatches that do not fit their rollout or the way advantages are standardised.

    Args:
        agent: its name, for the message.
        rollout: steps of all environments between two updates.
        batch_size: steps in a minibatch.
        advantages: what advantages are standardised over: "minibatch" or "rollout".
        normalize_advantage: whether advantages are standardised.
        target_kl: mean KL divergence at which the epochs on a rollout end, or None.

    Raises:
        InputError: the message names the setting and its value.
    """
    if target_kl is not None:
        check_positive(agent, target_kl=target_kl)
    if advantages == "rollout" and not normalize_advantage:
        raise InputError(
            f"{agent}: advantages=rollout standardises: leave normalize_advantage true"
        )
    if batch_size == 1:
        raise InputError(f"{agent}: batch_size must be at least 2 to standardise advantages")
    if rollout % batch_size:
        raise InputError(
            f"{agent}: batch_size {batch_size} does not divide a rollout of "
            f"n_envs * n_steps = {rollout}"
        )
