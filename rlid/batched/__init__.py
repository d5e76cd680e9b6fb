"""Policy gradients over the trials of a cell in one batched torch program.

Each trial has its own seed, d, theta0, P and z, and shares nothing with the others but the batch.
One trial alone and the same trial among others give the same bits on one machine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rlid.batched.settings import PPOSettings as PPOSettings

if TYPE_CHECKING:
    from rlid.batched.critics import check_critic as check_critic
    from rlid.batched.critics import numbers_outside as numbers_outside
    from rlid.batched.learner import PPOLearner as PPOLearner
    from rlid.batched.ppo import PPOBatch as PPOBatch
    from rlid.batched.self_test import differing_batches as differing_batches

__all__ = [
    "PPOBatch",
    "PPOLearner",
    "PPOSettings",
    "check_critic",
    "differing_batches",
    "numbers_outside",
]


def __getattr__(name: str) -> Any:
    # Looked up on first use: `rlid list` imports every agent, and must not pay for torch.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from rlid.batched import critics, learner, ppo, self_test

    homes = {"PPOBatch": ppo, "PPOLearner": learner, "differing_batches": self_test}
    module = homes.get(name, critics)
    return getattr(module, name)
