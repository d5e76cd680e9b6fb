"""Truncated quantile critics (Kuznetsov et al. 2020) in a subspace, by sb3-contrib."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rlid.agent import AGENTS
from rlid.sb3_bridge import OffPolicyAgent


@AGENTS.add("policy-gradient", "gradient", "contrib", name="tqc")
@dataclass(frozen=True)
class TQC(OffPolicyAgent):
    """TQC by sb3-contrib: the actor's means are theta0 + P z, the quantile critics are full.

    The standard deviation before tanh is fixed at exp(log_std), and so is the entropy coefficient.

    Attributes:
        tau: share by which target critics follow, in each update.
        ent_coef: weight of the policy's entropy in the reward.
        top_quantiles_to_drop_per_net: the largest quantiles of each critic, left out of the target.
        n_quantiles: of each critic.
        n_critics: how many critics there are.
    """

    tau: float = 0.005
    ent_coef: float = 0.1
    top_quantiles_to_drop_per_net: int = 2
    n_quantiles: int = 25
    n_critics: int = 2

    algorithm: ClassVar[str] = "sb3_contrib:TQC"
    actions: ClassVar[tuple[str, ...]] = ("squashed", "clipped")
