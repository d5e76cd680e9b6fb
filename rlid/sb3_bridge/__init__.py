"""Stable-baselines3 algorithms inside a subspace: theta = theta0 + P z, with z in their optimizer.

One function searches with on-policy algorithms and one with off-policy algorithms.
Both report after each round of training, so that the trial decides when to stop.
"""

from rlid.sb3_bridge.critics import check_critic as check_critic
from rlid.sb3_bridge.critics import numbers_outside as numbers_outside
from rlid.sb3_bridge.off_policy import SubspaceDQNPolicy as SubspaceDQNPolicy
from rlid.sb3_bridge.off_policy import SubspaceSACPolicy as SubspaceSACPolicy
from rlid.sb3_bridge.off_policy import SubspaceTD3Policy as SubspaceTD3Policy
from rlid.sb3_bridge.off_policy import search_off_policy as search_off_policy
from rlid.sb3_bridge.on_policy import StandardisedRollouts as StandardisedRollouts
from rlid.sb3_bridge.on_policy import SubspacePolicy as SubspacePolicy
from rlid.sb3_bridge.on_policy import search_on_policy as search_on_policy
from rlid.sb3_bridge.vec_env import SimulatorVecEnv as SimulatorVecEnv

__all__ = [
    "SimulatorVecEnv",
    "StandardisedRollouts",
    "SubspaceDQNPolicy",
    "SubspacePolicy",
    "SubspaceSACPolicy",
    "SubspaceTD3Policy",
    "check_critic",
    "numbers_outside",
    "search_off_policy",
    "search_on_policy",
]
