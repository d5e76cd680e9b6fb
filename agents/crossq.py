"""CrossQ (Bhatt et al. 2024) in a subspace, by sb3-contrib."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rlid.agent import AGENTS
from rlid.sb3_bridge import OffPolicyAgent


@AGENTS.add("policy-gradient", "gradient", "contrib", name="crossq")
@dataclass(frozen=True)
class CrossQ(OffPolicyAgent):
    """CrossQ by sb3-contrib: the actor's means are theta0 + P z, the critics are full.

    The critics have batch renormalisation and no targets, as in the paper. The actor is the
    network of the task and has no such layers, unlike sb3-contrib's own. The standard deviation
    before tanh is fixed at exp(log_std), and so is the entropy coefficient.

    Attributes:
        ent_coef: weight of the policy's entropy in the reward.
        policy_delay: updates of the critics for each update of z.
        n_critics: how many critics there are.
        renorm_warmup_steps: updates after which batch renormalisation uses running statistics.
    """

    lr: float = 1e-3
    ent_coef: float = 0.1
    policy_delay: int = 3
    n_critics: int = 2
    renorm_warmup_steps: int = 100_000

    algorithm: ClassVar[str] = "sb3_contrib:CrossQ"
    actions: ClassVar[tuple[str, ...]] = ("squashed", "clipped")
