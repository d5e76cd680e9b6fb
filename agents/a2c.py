"""Advantage actor-critic (Mnih et al. 2016, synchronous) in a subspace, by stable-baselines3."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from rlid.agent import AGENTS, CHECKPOINT, LATER, SearchSteps, check_positive, check_shares

if TYPE_CHECKING:
    from rlid.networks import Network
    from rlid.problem import Notes, Problem


@AGENTS.add("policy-gradient", "gradient", name="a2c")
@dataclass(frozen=True)
class A2C:
    """A2C by stable-baselines3: z is all that its optimizer sees of the actor; the critic is full.

    The learning rate of z is lr * sqrt(D/d) (`scale="none"` takes lr as it is), by RMSProp as in
    the paper. Continuous actions are normal around the network's outputs, with the fixed standard
    deviation exp(log_std).

    Attributes:
        checkpoint: steps between two moments at which the trial can be saved; the environments
            begin anew there.
        critic: "full" (a network outside the subspace), "shared" (a head on the actor's features,
            outside it), or "subspace" (the critic's weights follow the same z). d counts z alone;
            the record notes how many trained numbers stand outside it.
        anneal_lr: whether lr falls linearly to zero over the budget.
        normalize_advantage: whether the advantages of a rollout are standardised.
    """

    n_envs: int = 8
    n_steps: int = 5
    lr: float = 7e-4
    gamma: float = 0.99
    gae_lambda: float = 1.0
    ent_coef: float = 0.0
    vf_coef: float = 0.5
    max_grad_norm: float = 0.5
    log_std: float = -0.5
    critic: Literal["full", "shared", "subspace"] = "full"
    scale: Literal["sqrt", "none"] = "sqrt"
    checkpoint: int = field(default=CHECKPOINT, metadata=LATER)
    anneal_lr: bool = field(default=False, metadata=LATER)
    normalize_advantage: bool = field(default=False, metadata=LATER)

    kinds: ClassVar[tuple[str, ...]] = ("rl",)
    shares_batch: ClassVar[bool] = False

    def __post_init__(self) -> None:
        """Refuse settings with which SB3 cannot run.

        Raises:
            InputError: a size or a share is out of range.
        """
        check_positive(
            "a2c",
            n_envs=self.n_envs,
            n_steps=self.n_steps,
            lr=self.lr,
            max_grad_norm=self.max_grad_norm,
            checkpoint=self.checkpoint,
        )
        check_shares("a2c", gamma=self.gamma, gae_lambda=self.gae_lambda)

    def check_network(self, network: Network, d: int) -> None:
        """Refuse a network without what the critic needs.

        Raises:
            InputError: critic=shared without a hidden layer, or critic=subspace with too large a d.
        """
        # The import takes seconds, and the usual critic fits every network.
        if self.critic != "full":
            from rlid.sb3_bridge import check_critic

            check_critic(network, self.critic, d)

    def notes(self, problem: Problem) -> Notes:
        """Return the learning rate of z, and how many numbers are trained outside z."""
        from rlid.sb3_bridge import numbers_outside

        outside = numbers_outside(problem.network, self.critic)
        return {"lr_z": self.lr * problem.scale(self.scale), "trained_outside_z": outside}

    def search(self, problem: Problem, rng: np.random.Generator) -> SearchSteps:
        """Train until closed."""
        from stable_baselines3 import A2C as Algorithm  # noqa: N811
        from stable_baselines3.common.utils import LinearSchedule

        from rlid.sb3_bridge import search_on_policy

        yield from search_on_policy(
            Algorithm,
            problem,
            rng,
            n_envs=self.n_envs,
            budget=problem.budget,
            scale=problem.scale(self.scale),
            log_std=self.log_std,
            critic=self.critic,
            checkpoint=self.checkpoint,
            n_steps=self.n_steps,
            learning_rate=LinearSchedule(self.lr, 0.0, 1.0) if self.anneal_lr else self.lr,
            gamma=self.gamma,
            gae_lambda=self.gae_lambda,
            ent_coef=self.ent_coef,
            vf_coef=self.vf_coef,
            max_grad_norm=self.max_grad_norm,
            normalize_advantage=self.normalize_advantage,
        )
