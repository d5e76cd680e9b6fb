"""Twin delayed deep deterministic policy gradient (Fujimoto et al. 2018) in a subspace, by SB3."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from rlid.agent import AGENTS, OffPolicyActorCritic, SearchSteps

if TYPE_CHECKING:
    from rlid.problem import Problem


@AGENTS.add("policy-gradient", "gradient", name="td3")
@dataclass(frozen=True)
class TD3(OffPolicyActorCritic):
    """TD3 by stable-baselines3: the actor is theta0 + P z, the critics are full.

    The target actor has a z of its own, which follows the trained one by `tau`.

    Attributes:
        noise: standard deviation of the normal noise that is added to actions in [-1, 1].
    """

    lr: float = 1e-3
    noise: float = 0.1

    critic_widths: ClassVar[tuple[int, ...]] = (400, 300)

    def search(self, problem: Problem, rng: np.random.Generator) -> SearchSteps:
        """Train until closed."""
        from stable_baselines3 import TD3 as Algorithm  # noqa: N811
        from stable_baselines3.common.noise import NormalActionNoise

        from rlid.sb3_bridge import SubspaceTD3Policy, search_off_policy

        outputs = problem.network.outputs
        yield from search_off_policy(
            Algorithm,
            SubspaceTD3Policy,
            problem,
            rng,
            n_envs=self.n_envs,
            budget=problem.budget,
            policy_settings={"scale": problem.scale(self.scale)},
            checkpoint=self.checkpoint,
            action_noise=NormalActionNoise(np.zeros(outputs), np.full(outputs, self.noise)),
            **self.algorithm_settings(),
        )
