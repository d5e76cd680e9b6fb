"""Proximal policy optimisation (Schulman et al. 2017) in a subspace, by stable-baselines3."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from rlid.agent import (
    AGENTS,
    CHECKPOINT,
    LATER,
    SearchSteps,
    check_minibatches,
    check_positive,
    check_shares,
)

if TYPE_CHECKING:
    from rlid.networks import Network
    from rlid.problem import Notes, Problem


@AGENTS.add("policy-gradient", "gradient", name="ppo")
@dataclass(frozen=True)
class PPO:
    """PPO by stable-baselines3: z is all that its optimizer sees of the actor; the critic is full.

    The learning rate of z is lr * sqrt(D/d) (`scale="none"` takes lr as it is). Continuous actions
    are normal around the network's outputs, with the fixed standard deviation exp(log_std).

    Attributes:
        anneal_lr: whether lr falls linearly to zero over the budget. With constant steps the policy
            and its return still change at the end.
        advantages: standardised in each "minibatch" (as SB3 does) or over the "rollout", where a
            minibatch without any reward changes little.
        checkpoint: steps between two moments at which the trial can be saved; the environments
            begin anew there.
        reward_scale: factor of rewards in training. The critic starts near zero, and learns large
            returns slowly.
        precision: of the hidden layers in training, if the network has convolutions; evaluation is
            in float32. A processor that does not compute in bfloat16 trains in float32, and the
            record says so.
        critic: "full" (a network outside the subspace), "shared" (a head on the actor's features,
            outside it), or "subspace" (the critic's weights follow the same z). d counts z alone;
            the record notes how many trained numbers stand outside it.
        normalize_advantage: whether advantages are standardised at all.
        target_kl: mean KL divergence from the policy of the rollout; beyond 1.5 times it the epochs
            on this rollout end. None for no such limit.
        anneal_clip_range: whether clip_range falls linearly to zero over the budget.
    """

    n_envs: int = 8
    n_steps: int = 128
    batch_size: int = 256
    n_epochs: int = 10
    lr: float = 1e-3
    gamma: float = 0.99
    gae_lambda: float = 0.95
    clip_range: float = 0.2
    ent_coef: float = 0.0
    vf_coef: float = 0.5
    max_grad_norm: float = 0.5
    log_std: float = -0.5
    critic: Literal["full", "shared", "subspace"] = "full"
    scale: Literal["sqrt", "none"] = "sqrt"
    checkpoint: int = field(default=CHECKPOINT, metadata=LATER)
    precision: Literal["float32", "bfloat16"] = field(default="float32", metadata=LATER)
    anneal_lr: bool = field(default=False, metadata=LATER)
    advantages: Literal["minibatch", "rollout"] = field(default="minibatch", metadata=LATER)
    reward_scale: float = field(default=1.0, metadata=LATER)
    normalize_advantage: bool = field(default=True, metadata=LATER)
    target_kl: float | None = field(default=None, metadata=LATER)
    anneal_clip_range: bool = field(default=False, metadata=LATER)

    version: ClassVar[int] = 2
    """Since 2 precision=bfloat16 holds for fully connected hidden layers too."""
    recipes_of: ClassVar[tuple[str, ...]] = ("batched_ppo",)
    kinds: ClassVar[tuple[str, ...]] = ("rl",)
    shares_batch: ClassVar[bool] = False

    def __post_init__(self) -> None:
        """Refuse settings with which SB3 cannot run.

        Raises:
            InputError: a size or a share out of range, or minibatches that do not divide the
                rollout.
        """
        check_positive(
            "ppo",
            n_envs=self.n_envs,
            n_steps=self.n_steps,
            batch_size=self.batch_size,
            n_epochs=self.n_epochs,
            lr=self.lr,
            clip_range=self.clip_range,
            max_grad_norm=self.max_grad_norm,
            checkpoint=self.checkpoint,
            reward_scale=self.reward_scale,
        )
        check_shares("ppo", gamma=self.gamma, gae_lambda=self.gae_lambda)
        check_minibatches(
            "ppo",
            rollout=self.n_envs * self.n_steps,
            batch_size=self.batch_size,
            advantages=self.advantages,
            normalize_advantage=self.normalize_advantage,
            target_kl=self.target_kl,
        )

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
        """Return the learning rate of z, and how many numbers are trained outside z.

        Where bfloat16 was asked for, the precision that is used is added.
        """
        from rlid.sb3_bridge import numbers_outside, used_precision

        outside = numbers_outside(problem.network, self.critic)
        notes: Notes = {
            "lr_z": self.lr * problem.scale(self.scale),
            "trained_outside_z": outside,
        }
        if self.precision == "bfloat16":
            notes["precision"] = used_precision(problem.network, self.precision)
        return notes

    def search(self, problem: Problem, rng: np.random.Generator) -> SearchSteps:
        """Train until closed."""
        from stable_baselines3 import PPO as Algorithm  # noqa: N811
        from stable_baselines3.common.utils import LinearSchedule

        from rlid.sb3_bridge import StandardisedRollouts, search_on_policy

        is_whole = self.advantages == "rollout"
        yield from search_on_policy(
            Algorithm,
            problem,
            rng,
            n_envs=self.n_envs,
            budget=problem.budget,
            scale=problem.scale(self.scale),
            log_std=self.log_std,
            critic=self.critic,
            precision=self.precision,
            checkpoint=self.checkpoint,
            reward_scale=self.reward_scale,
            n_steps=self.n_steps,
            batch_size=self.batch_size,
            n_epochs=self.n_epochs,
            learning_rate=LinearSchedule(self.lr, 0.0, 1.0) if self.anneal_lr else self.lr,
            gamma=self.gamma,
            gae_lambda=self.gae_lambda,
            clip_range=(
                LinearSchedule(self.clip_range, 0.0, 1.0)
                if self.anneal_clip_range
                else self.clip_range
            ),
            ent_coef=self.ent_coef,
            vf_coef=self.vf_coef,
            max_grad_norm=self.max_grad_norm,
            normalize_advantage=self.normalize_advantage and not is_whole,
            target_kl=self.target_kl,
            rollout_buffer_class=StandardisedRollouts if is_whole else None,
        )
