"""Proximal policy optimisation (Schulman et al. 2017) over the trials of a cell, in one batch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from rlid.batched.actions import ActionDistribution, distribution_of
from rlid.batched.adam import BatchedAdam
from rlid.batched.critics import (
    FullCritics,
    SharedCritics,
    SubspaceCritics,
    critic_subspace,
)
from rlid.batched.learner import PPOLearner
from rlid.batched.rollout import Experience, Pool, collect
from rlid.batched.weights import SubspaceBatch, bind

SPREAD_MARGIN = 1e-8
"""What is added to the standard deviation of advantages, as in stable-baselines3."""


class PPOBatch:
    """The trials that train together; they start together, and each may leave after any round."""

    def __init__(self, learners: Sequence[PPOLearner]) -> None:
        """Draw the critics, and make the environments; nothing is stepped yet."""
        problem, settings = learners[0].problem, learners[0].settings
        network = problem.network
        self.learners, self.settings = list(learners), settings
        self._actor = network.in_blocks()
        self._subspaces = SubspaceBatch(
            [learner.problem.subspace for learner in learners],
            [learner.scale for learner in learners],
        )
        self._critics = self._make_critics()
        widths = [learner.problem.dim for learner in learners]
        W = torch.zeros(len(learners), max(widths))
        self._adam = BatchedAdam([W, *self._critic_start()], widths)
        self._pool = Pool(problem, [learner.episodes for learner in learners], settings.n_envs)
        space = self._pool.simulator.action_space
        self._distribution: ActionDistribution = distribution_of(
            space, network.outputs, settings.log_std
        )
        self._has_begun = False
        for row, learner in enumerate(learners):
            if learner.optimizer is not None:
                self._adam.restore_row(row, learner.optimizer)

    def row(self, learner: PPOLearner) -> dict[str, NDArray[np.floating]]:
        """Return a learner's parameters and moments by name."""
        return self._adam.row(self.learners.index(learner))

    def begin_anew(self, learner: PPOLearner) -> None:
        """Begin new episodes in the environments of one learner."""
        self._pool.begin_anew(self.learners.index(learner))

    def _make_critics(self) -> FullCritics | SharedCritics | SubspaceCritics:
        if self.settings.critic == "full":
            return FullCritics(self._actor)
        if self.settings.critic == "shared":
            return SharedCritics(self._actor)
        subspaces, scales = [], []
        for learner in self.learners:
            own = critic_subspace(self._actor, learner.problem.dim, learner.start)
            subspaces.append(own)
            # A step in w is as long for each of the critic's weights as for the actor's.
            ratio = (own.D / learner.problem.subspace.D) ** 0.5
            scales.append(learner.scale * ratio)
        return SubspaceCritics(self._actor, scales, subspaces)

    def _critic_start(self) -> list[torch.Tensor]:
        if isinstance(self._critics, SubspaceCritics):
            return []
        starts = [self._critics.initial(learner.start) for learner in self.learners]
        return [torch.from_numpy(np.stack(starts))]

    def round(self) -> None:
        """Collect a rollout for every trial and learn from it; then read where each stands.

        Raises:
            EnvironmentFault: an environment failed; which trial's it was is not known.
        """
        self._close_ranks()
        if not self._has_begun:
            self._pool.begin()
            self._has_begun = True
        settings = self.settings
        steps = settings.n_envs * settings.n_steps
        experience = self._collect()
        for learner in self.learners:
            learner.problem.search_steps += steps
        self._learn(experience)
        for row, learner in enumerate(self.learners):
            learner.z = self._subspaces.z(self._adam.parameters[0], row).numpy().copy()
            learner.returns, self._pool.finished[row] = self._pool.finished[row], []

    def close(self) -> None:
        """Close the environments."""
        self._pool.close()

    def _close_ranks(self) -> None:
        rows = [row for row, learner in enumerate(self.learners) if not learner.has_left]
        if len(rows) == len(self.learners):
            return
        self.learners = [self.learners[row] for row in rows]
        self._adam.keep(rows)
        self._pool.keep(rows)
        self._subspaces = self._subspaces.keep(rows)
        if isinstance(self._critics, SubspaceCritics):
            self._critics = self._critics.keep(rows)

    def _bound(self) -> tuple[torch.Tensor, ...]:
        W, *others = self._adam.parameters
        return (W, others[0] if others else W[:, :0])

    def _collect(self) -> Experience:
        settings = self.settings
        shape = (settings.n_steps, settings.n_envs)
        draws = [self._distribution.noise(learner.noise, shape) for learner in self.learners]
        W, Phi = self._bound()
        with torch.no_grad():
            actors = bind(self._actor, self._subspaces.theta(W))
            values = self._critics.bind(W, Phi, actors)
        return collect(
            self._pool,
            actors,
            values,
            self._distribution,
            torch.from_numpy(np.stack(draws, 1)),
            gamma=settings.gamma,
            gae_lambda=settings.gae_lambda,
            reward_scale=settings.reward_scale,
            problem=self.learners[0].problem,
        )

    def _learn(self, experience: Experience) -> None:
        settings = self.settings
        n, size = len(self.learners), settings.n_envs * settings.n_steps
        if settings.advantages == "rollout":
            experience = standardised(experience)
        rates = torch.tensor(
            [self._rate(learner) for learner in self.learners], dtype=torch.float64
        )
        rows = torch.arange(n).unsqueeze(1)
        for _ in range(settings.n_epochs):
            orders = np.stack([learner.order.permutation(size) for learner in self.learners])
            for first in range(0, size, settings.batch_size):
                self.learners[0].problem.beat()
                chosen = torch.from_numpy(orders[:, first : first + settings.batch_size])
                self._update(minibatch(experience, rows, chosen), rates.unsqueeze(1))

    def _rate(self, learner: PPOLearner) -> float:
        if not self.settings.anneal_lr:
            return self.settings.lr
        left = 1 - learner.problem.search_steps / learner.problem.budget
        return self.settings.lr * max(left, 0.0)

    def _update(self, batch: Experience, rates: torch.Tensor) -> None:
        parameters = [tensor.requires_grad_() for tensor in self._adam.parameters]
        losses = self._losses(batch)
        gradients = torch.autograd.grad(losses.sum(), parameters)
        for tensor in parameters:
            tensor.requires_grad_(False)
        self._adam.step(gradients, rates, self.settings.max_grad_norm)

    def _losses(self, batch: Experience) -> torch.Tensor:
        """Return the loss (n,) of each trial on its minibatch (n, m, ...): equation 9 of PPO."""
        settings = self.settings
        W, Phi = self._bound()
        actors = bind(self._actor, self._subspaces.theta(W))
        outputs = actors.outputs(batch.observations)
        values = self._critics.bind(W, Phi, actors)(batch.observations)
        advantages = batch.advantages
        if settings.advantages == "minibatch" and settings.normalize_advantage:
            advantages = _standardised(advantages)
        ratio = (self._distribution.log_prob(outputs, batch.actions) - batch.log_probs).exp()
        clipped = ratio.clamp(1 - settings.clip_range, 1 + settings.clip_range)
        losses = -torch.minimum(advantages * ratio, advantages * clipped).mean(1)
        losses = losses + settings.vf_coef * (batch.returns - values).square().mean(1)
        if settings.ent_coef:
            losses = losses - settings.ent_coef * self._distribution.entropy(outputs).mean(1)
        return losses


def minibatch(experience: Experience, rows: torch.Tensor, chosen: torch.Tensor) -> Experience:
    """Return the chosen entries (n, m) of each trial; rows is (n, 1)."""
    return Experience(*(column[rows, chosen] for column in vars(experience).values()))


def standardised(experience: Experience) -> Experience:
    """Return the experience with each trial's advantages standardised over its whole rollout."""
    columns = {**vars(experience), "advantages": _standardised(experience.advantages)}
    return Experience(**columns)


def _standardised(advantages: torch.Tensor) -> torch.Tensor:
    """Return advantages (n, m) with mean 0 and standard deviation 1 in every row."""
    centred = advantages - advantages.mean(1, keepdim=True)
    return centred / (advantages.std(1, keepdim=True) + SPREAD_MARGIN)
