"""Stable-baselines3 algorithms inside a subspace: theta = theta0 + P z, with z in their optimizer.

A dataclass that names an algorithm of SB3 or sb3-contrib and its settings is an agent: it derives
from `OnPolicyAgent` or `OffPolicyAgent`. For more than that, one function searches with on-policy
and one with off-policy algorithms, and both report after each round of training.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rlid.registry import import_target
from rlid.sb3_bridge.any_agent import OffPolicyAgent as OffPolicyAgent
from rlid.sb3_bridge.any_agent import OnPolicyAgent as OnPolicyAgent

if TYPE_CHECKING:
    from rlid.sb3_bridge.critics import check_critic as check_critic
    from rlid.sb3_bridge.critics import numbers_outside as numbers_outside
    from rlid.sb3_bridge.half import computes_bfloat16 as computes_bfloat16
    from rlid.sb3_bridge.half import used_precision as used_precision
    from rlid.sb3_bridge.off_policy import SubspaceDQNPolicy as SubspaceDQNPolicy
    from rlid.sb3_bridge.off_policy import SubspaceSACPolicy as SubspaceSACPolicy
    from rlid.sb3_bridge.off_policy import SubspaceTD3Policy as SubspaceTD3Policy
    from rlid.sb3_bridge.off_policy import search_off_policy as search_off_policy
    from rlid.sb3_bridge.on_policy import StandardisedRollouts as StandardisedRollouts
    from rlid.sb3_bridge.on_policy import SubspacePolicy as SubspacePolicy
    from rlid.sb3_bridge.on_policy import search_on_policy as search_on_policy
    from rlid.sb3_bridge.policies import subspace_policy as subspace_policy
    from rlid.sb3_bridge.vec_env import SimulatorVecEnv as SimulatorVecEnv

__all__ = [
    "OffPolicyAgent",
    "OnPolicyAgent",
    "SimulatorVecEnv",
    "StandardisedRollouts",
    "SubspaceDQNPolicy",
    "SubspacePolicy",
    "SubspaceSACPolicy",
    "SubspaceTD3Policy",
    "check_critic",
    "computes_bfloat16",
    "numbers_outside",
    "search_off_policy",
    "search_on_policy",
    "subspace_policy",
    "used_precision",
]

# Imported on first use: agents derive from the two classes above, and to list agents must not
# import torch.
_HOMES = {
    "SimulatorVecEnv": "vec_env",
    "StandardisedRollouts": "on_policy",
    "SubspaceDQNPolicy": "off_policy",
    "SubspacePolicy": "on_policy",
    "SubspaceSACPolicy": "off_policy",
    "SubspaceTD3Policy": "off_policy",
    "check_critic": "critics",
    "computes_bfloat16": "half",
    "numbers_outside": "critics",
    "search_off_policy": "off_policy",
    "search_on_policy": "on_policy",
    "subspace_policy": "policies",
    "used_precision": "half",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return import_target(f"{__name__}.{_HOMES[name]}:{name}")
