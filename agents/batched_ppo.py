"""Proximal policy optimisation (Schulman et al. 2017) over all trials of a cell in one batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from rlid.agent import AGENTS, Progress, SearchSteps, TrainingRound
from rlid.batched import PPOSettings

if TYPE_CHECKING:
    from rlid.networks import Network
    from rlid.problem import Problem


@AGENTS.add("policy-gradient", "gradient", name="batched_ppo")
@dataclass(frozen=True)
class BatchedPPO(PPOSettings):
    """PPO of our own: the trials of a cell train side by side, each by itself.

    One update equals that of stable-baselines3's PPO. The critic is outside the subspace, and the
    standard deviation of continuous actions is fixed: d counts z alone.
    """

    kinds: ClassVar[tuple[str, ...]] = ("rl",)
    shares_batch: ClassVar[bool] = True
    trains_together: ClassVar[bool] = True
    devices: ClassVar[tuple[str, ...]] = ("cpu", "cuda")
    recipes_of: ClassVar[tuple[str, ...]] = ("ppo",)

    def check_network(self, network: Network, d: int) -> None:
        """Refuse a network without what the critic needs.

        Raises:
            InputError: critic=shared without a hidden layer, or critic=subspace with too large a d.
        """
        if self.critic != "full":
            from rlid.batched import check_critic

            check_critic(network, self.critic, d)

    def notes(self, problem: Problem) -> dict[str, str | int | float | bool]:
        """Return the learning rate of z, and how many numbers are trained outside z."""
        from rlid.batched import numbers_outside

        outside = numbers_outside(problem.network, self.critic)
        return {"lr_z": self.lr * problem.scale(self.scale), "trained_outside_z": outside}

    def search(self, problem: Problem, rng: np.random.Generator) -> SearchSteps:
        """Train until closed: ask for rounds of training, and report after each."""
        from rlid.batched import PPOLearner

        learner = PPOLearner(problem, self, problem.scale(self.scale), rng)
        reached = problem.search_steps // self.checkpoint
        try:
            while True:
                yield TrainingRound(learner)
                is_due = problem.search_steps // self.checkpoint > reached
                score = float(np.mean(learner.returns)) if learner.returns else None
                saver = learner.saver() if is_due else None
                yield Progress(learner.z, score, saver, learner.scalars)
                if is_due:
                    # What is saved needs no episode in mid-course, and a resumed trial is equal.
                    reached = problem.search_steps // self.checkpoint
                    learner.begin_anew()
        finally:
            learner.has_left = True
