"""Soft actor-critic (Haarnoja et al. 2018) in a subspace, by stable-baselines3."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from rlid.agent import AGENTS, CHECKPOINT, LATER, SearchSteps, check_positive, check_shares

if TYPE_CHECKING:
    from rlid.problem import Problem

CRITIC_WIDTHS = (256, 256)
"""Hidden widths of SB3's Q-networks."""


@AGENTS.add("policy-gradient", "gradient", name="sac")
@dataclass(frozen=True)
class SAC:
    """SAC by stable-baselines3: the actor's means are theta0 + P z, the critics are full.

    The standard deviation before tanh is fixed at exp(log_std), and so is the entropy coefficient:
    trained by the actor, the deviation would be numbers that d does not count. The learning rate of
    z is lr * sqrt(D/d) (`scale="none"` takes lr as it is); the critics train at lr.

    Attributes:
        checkpoint: steps between two moments at which the trial can be saved; the environments
            begin anew there.
        critic: two Q-networks of SB3's shape (256, 256) outside the subspace. They are training
            machinery: no policy needs them, and d does not count them.
    """

    n_envs: int = 1
    lr: float = 3e-4
    buffer: int = 100_000
    learning_starts: int = 10_000
    batch_size: int = 256
    gamma: float = 0.99
    tau: float = 0.005
    train_freq: int = 1
    gradient_steps: int = 1
    ent_coef: float = 0.1
    log_std: float = -1.0
    critic: Literal["full"] = "full"
    scale: Literal["sqrt", "none"] = "sqrt"
    checkpoint: int = field(default=CHECKPOINT, metadata=LATER)

    kinds: ClassVar[tuple[str, ...]] = ("rl",)
    shares_batch: ClassVar[bool] = False
    actions: ClassVar[tuple[str, ...]] = ("squashed",)

    def __post_init__(self) -> None:
        """Refuse settings with which SB3 cannot run.

        Raises:
            ValueError: a size or a share is out of range.
        """
        check_positive(
            "sac",
            n_envs=self.n_envs,
            lr=self.lr,
            checkpoint=self.checkpoint,
            buffer=self.buffer,
            batch_size=self.batch_size,
            tau=self.tau,
            train_freq=self.train_freq,
            gradient_steps=self.gradient_steps,
        )
        check_shares("sac", gamma=self.gamma, tau=self.tau)

    def notes(self, problem: Problem) -> dict[str, str | int | float | bool]:
        """Return the learning rate of z, and how many numbers are trained outside z."""
        from rlid.sb3_bridge import numbers_of_layers

        inputs = problem.network.inputs + problem.network.outputs
        outside = 2 * numbers_of_layers(inputs, *CRITIC_WIDTHS, 1)
        return {"lr_z": self.lr * self._scale(problem), "trained_outside_z": outside}

    def _scale(self, problem: Problem) -> float:
        return problem.subspace.scale if self.scale == "sqrt" else 1.0

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
            policy_settings={"scale": self._scale(problem), "log_std": self.log_std},
            checkpoint=self.checkpoint,
            learning_rate=self.lr,
            buffer_size=self.buffer,
            learning_starts=self.learning_starts,
            batch_size=self.batch_size,
            gamma=self.gamma,
            tau=self.tau,
            train_freq=self.train_freq,
            gradient_steps=self.gradient_steps,
            ent_coef=self.ent_coef,
        )
