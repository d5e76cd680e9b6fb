"""Deep Q-learning (Mnih et al. 2015) in a subspace, by stable-baselines3."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from rlid.agent import AGENTS, CHECKPOINT, LATER, SearchSteps, check_positive, check_shares

if TYPE_CHECKING:
    from rlid.problem import Notes, Problem


@AGENTS.add("value-based", "gradient", name="dqn")
@dataclass(frozen=True)
class DQN:
    """DQN by stable-baselines3: the Q-network is theta0 + P z, and z is all that is trained.

    The target network has a z of its own, copied from the trained one every `target_interval`
    steps. There is no critic besides: d counts every number that is trained. The learning rate of
    z is lr * sqrt(D/d) (`scale="none"` takes lr as it is). The defaults are those that SB3's
    published agent for CartPole was trained with.

    Attributes:
        checkpoint: steps between two moments at which the trial can be saved; the environments
            begin anew there.
        train_freq: steps (of each environment) between two phases of learning.
        gradient_steps: updates in one phase.
        exploration: share of the budget over which epsilon falls from its first to its last value.
        anneal_lr: whether lr falls linearly to zero over the budget.
    """

    n_envs: int = 1
    lr: float = 2.3e-3
    buffer: int = 100_000
    learning_starts: int = 1000
    batch_size: int = 64
    gamma: float = 0.99
    train_freq: int = 256
    gradient_steps: int = 128
    target_interval: int = 10
    exploration: float = 0.16
    epsilon_first: float = 1.0
    epsilon_last: float = 0.04
    max_grad_norm: float = 10.0
    scale: Literal["sqrt", "none"] = "sqrt"
    checkpoint: int = field(default=CHECKPOINT, metadata=LATER)
    anneal_lr: bool = field(default=False, metadata=LATER)

    kinds: ClassVar[tuple[str, ...]] = ("rl",)
    shares_batch: ClassVar[bool] = False
    actions: ClassVar[tuple[str, ...]] = ("discrete",)

    def __post_init__(self) -> None:
        """Refuse settings with which SB3 cannot run.

        Raises:
            InputError: a size is not positive, or a share is not from 0 to 1.
        """
        check_positive(
            "dqn",
            n_envs=self.n_envs,
            lr=self.lr,
            checkpoint=self.checkpoint,
            buffer=self.buffer,
            batch_size=self.batch_size,
            train_freq=self.train_freq,
            gradient_steps=self.gradient_steps,
            target_interval=self.target_interval,
            max_grad_norm=self.max_grad_norm,
        )
        check_shares(
            "dqn",
            gamma=self.gamma,
            exploration=self.exploration,
            epsilon_first=self.epsilon_first,
            epsilon_last=self.epsilon_last,
        )

    def notes(self, problem: Problem) -> Notes:
        """Return the learning rate of z that d leads to."""
        return {"lr_z": self.lr * problem.scale(self.scale)}

    def search(self, problem: Problem, rng: np.random.Generator) -> SearchSteps:
        """Train until closed."""
        from stable_baselines3 import DQN as Algorithm  # noqa: N811
        from stable_baselines3.common.utils import LinearSchedule

        from rlid.sb3_bridge import SubspaceDQNPolicy, search_off_policy

        yield from search_off_policy(
            Algorithm,
            SubspaceDQNPolicy,
            problem,
            rng,
            n_envs=self.n_envs,
            budget=problem.budget,
            policy_settings={"scale": problem.scale(self.scale)},
            checkpoint=self.checkpoint,
            learning_rate=LinearSchedule(self.lr, 0.0, 1.0) if self.anneal_lr else self.lr,
            buffer_size=self.buffer,
            learning_starts=self.learning_starts,
            batch_size=self.batch_size,
            gamma=self.gamma,
            train_freq=self.train_freq,
            gradient_steps=self.gradient_steps,
            target_update_interval=self.target_interval,
            exploration_fraction=self.exploration,
            exploration_initial_eps=self.epsilon_first,
            exploration_final_eps=self.epsilon_last,
            max_grad_norm=self.max_grad_norm,
        )
