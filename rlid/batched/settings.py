"""The hyper-parameters of PPO over a batch of trials, checked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from rlid.agent import CHECKPOINT, LATER, check_minibatches, check_positive, check_shares

CriticMode = Literal["full", "shared", "subspace"]


@dataclass(frozen=True)
class PPOSettings:
    """The hyper-parameters of PPO, the same for all trials of a batch.

    Attributes:
        n_envs: environments of each trial.
        n_steps: steps of each environment in a rollout.
        batch_size: steps in a minibatch of one trial; it divides n_envs * n_steps.
        n_epochs: passes through a rollout.
        lr: step of Adam in units of theta.
        gamma: discount of a step.
        gae_lambda: of generalised advantage estimates (Schulman et al. 2016).
        clip_range: of the probability ratio.
        ent_coef: weight of the entropy.
        vf_coef: weight of the critic's squared error.
        max_grad_norm: to which the norm of a trial's gradient is clipped.
        log_std: logarithm of the fixed standard deviation of continuous actions.
        critic: "full" (a network outside the subspace), "shared" (a head on the actor's features,
            outside it), or "subspace" (the critic's weights follow the same z).
        scale: "sqrt" for steps in z of lr * sqrt(D/d), "none" for lr.
        anneal_lr: whether lr falls to zero, evenly over the budget.
        normalize_advantage: whether advantages are standardised.
        advantages: what they are standardised over: each "minibatch", or the whole "rollout".
        reward_scale: factor of the rewards in training.
        checkpoint: steps between two moments at which the trial can be saved.
        target_kl: mean KL divergence of a trial from its policy of the rollout; beyond 1.5 times it
            the trial's epochs on this rollout end. None for no such limit.
        anneal_clip_range: whether clip_range falls to zero, evenly over the budget.
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
    critic: CriticMode = "full"
    scale: Literal["sqrt", "none"] = "sqrt"
    anneal_lr: bool = False
    normalize_advantage: bool = True
    advantages: Literal["minibatch", "rollout"] = "minibatch"
    reward_scale: float = 1.0
    checkpoint: int = CHECKPOINT
    target_kl: float | None = field(default=None, metadata=LATER)
    anneal_clip_range: bool = field(default=False, metadata=LATER)

    def __post_init__(self) -> None:
        """Refuse settings that make no sense.

        Raises:
            InputError: a size or a share out of range, or minibatches that do not divide the
                rollout.
        """
        name = "batched_ppo"
        check_positive(
            name,
            n_envs=self.n_envs,
            n_steps=self.n_steps,
            batch_size=self.batch_size,
            n_epochs=self.n_epochs,
            lr=self.lr,
            clip_range=self.clip_range,
            max_grad_norm=self.max_grad_norm,
            reward_scale=self.reward_scale,
            checkpoint=self.checkpoint,
        )
        check_shares(name, gamma=self.gamma, gae_lambda=self.gae_lambda)
        check_minibatches(
            name,
            rollout=self.n_envs * self.n_steps,
            batch_size=self.batch_size,
            advantages=self.advantages,
            normalize_advantage=self.normalize_advantage,
            target_kl=self.target_kl,
        )
