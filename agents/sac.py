"""Soft actor-critic (Haarnoja et al. 2018) in a subspace, by stable-baselines3."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from rlid.agent import AGENTS, OffPolicyActorCritic, SearchSteps

if TYPE_CHECKING:
    from rlid.problem import Problem


@AGENTS.add("policy-gradient", "gradient", name="sac")
@dataclass(frozen=True)
class SAC(OffPolicyActorCritic):
    """SAC by stable-baselines3: the actor's means are theta0 + P z, the critics are full.

    The standard deviation before tanh is fixed at exp(log_std), and so is the entropy coefficient:
    trained by the actor, the deviation would be numbers that d does not count.

    Attributes:
        ent_coef: weight of the policy's entropy in the reward.
        log_std: logarithm of the standard deviation before tanh.
    """

    lr: float = 3e-4
    ent_coef: float = 0.1
    log_std: float = -1.0

    critic_widths: ClassVar[tuple[int, ...]] = (256, 256)

    def search(self, problem: Problem, rng: np.random.Generator) -> SearchSteps:
        """Train until closed."""
        from stable_baselines3 import SAC as Algorithm  # noqa: N811

        from rlid.sb3_bridge import SubspaceSACPolicy, search_off_policy

        yield from search_off_policy(
            Algorithm,
            SubspaceSACPolicy,
            problem,
            rng,
            n_envs=self.n_envs,
            budget=problem.budget,
            policy_settings={"scale": problem.scale(self.scale), "log_std": self.log_std},
            checkpoint=self.checkpoint,
            ent_coef=self.ent_coef,
            **self.algorithm_settings(),
        )
