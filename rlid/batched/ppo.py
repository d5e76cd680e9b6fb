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
from rlid.batched.pairs import Pairs, make_pairs
from rlid.batched.rollout import Experience, Pool, collect
from rlid.batched.watched import update_scalars
from rlid.batched.weights import SubspaceBatch

SPREAD_MARGIN = 1e-8
"""What is added to the standard deviation of advantages, as in stable-baselines3."""
KL_MARGIN = 1.5
"""Times target_kl, at which a trial's epochs end, as in stable-baselines3."""


class PPOBatch:
    """The trials that train together; they start together, and each may leave after any round."""

    def __init__(self, learners: Sequence[PPOLearner]) -> None:
        """Draw the critics, and make the environments; nothing is stepped yet."""
        problem, settings = learners[0].problem, learners[0].settings
        network = problem.network
        self.learners, self.settings = list(learners), settings
        self._device = torch.device(learners[0].problem.device)
        self._actor = network.in_blocks()
        self._subspaces = SubspaceBatch(
            [learner.problem.subspace for learner in learners],
            [learner.scale for learner in learners],
            self._device,
        )
        self._critics = self._make_critics()
        self._pairs = self._make_pairs()
        self._adam = BatchedAdam(self._critic_start(), [each.problem.dim for each in learners])
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

    def _make_pairs(self) -> Pairs:
        return make_pairs(self._actor, self._subspaces, self._critics, len(self.learners))

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
        batch = SubspaceBatch(subspaces, scales, self._device)
        return SubspaceCritics(self._actor, batch)

    def _critic_start(self) -> torch.Tensor:
        if isinstance(self._critics, SubspaceCritics):
            return torch.zeros(len(self.learners), 0, device=self._device)
        starts = [self._critics.initial(learner.start) for learner in self.learners]
        return torch.from_numpy(np.stack(starts)).to(self._device)

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
            learner.z = self._subspaces.z(self._adam.W, row).numpy().copy()
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
        self._pairs = self._make_pairs()

    def _collect(self) -> Experience:
        settings = self.settings
        T, E = settings.n_steps, settings.n_envs  # noqa: N806
        draws = [self._distribution.noise(learner.noise, T, E) for learner in self.learners]
        self._pairs.load(self._adam.W, self._adam.Phi)
        return collect(
            self._pool,
            self._pairs,
            self._distribution,
            torch.from_numpy(np.stack(draws, 1)).to(self._device),
            gamma=settings.gamma,
            gae_lambda=settings.gae_lambda,
            reward_scale=settings.reward_scale,
            chunk=settings.batch_size,
            problem=self.learners[0].problem,
        )

    def _learn(self, experience: Experience) -> None:
        settings = self.settings
        n, size = len(self.learners), settings.n_envs * settings.n_steps
        if settings.advantages == "rollout":
            experience = standardised(experience)
        rates = np.array(
            [
                [settings.lr * (self._left(learner) if settings.anneal_lr else 1.0)]
                for learner in self.learners
            ]
        )
        firsts = np.arange(n)[:, None] * size
        is_learning = np.ones(n, dtype=bool)
        for _ in range(settings.n_epochs):
            # A trial whose epochs have ended draws no more orders, as if it were alone.
            orders = np.stack(
                [
                    learner.order.permutation(size) if is_learning[row] else np.arange(size)
                    for row, learner in enumerate(self.learners)
                ]
            )
            places = orders + firsts
            for first in range(0, size, settings.batch_size):
                self.learners[0].problem.beat()
                chosen = torch.from_numpy(places[:, first : first + settings.batch_size])
                batch = minibatch(experience, chosen)
                self._update(batch, rates, is_learning)
                if not is_learning.any():
                    return

    def _left(self, learner: PPOLearner) -> float:
        """Return the share of a trial's budget that is left."""
        return max(1 - learner.problem.search_steps / learner.problem.budget, 0.0)

    @torch.no_grad()
    def _update(
        self, batch: Experience, rates: NDArray[np.float64], is_learning: NDArray[np.bool_]
    ) -> None:
        """Step the trials that are learning; is_learning (n,) is set to false where they end."""
        settings = self.settings
        (in_w, in_phi), log_ratios = self._gradients(batch)
        if settings.target_kl is not None:
            # The estimator of stable-baselines3 (Schulman's k3), and its margin.
            divergence = (log_ratios.exp() - 1 - log_ratios).mean(1).cpu().numpy()
            is_learning &= ~(divergence > KL_MARGIN * settings.target_kl)
        if is_learning.all():
            self._adam.step(in_w, in_phi, rates, settings.max_grad_norm)
        elif is_learning.any():
            self._adam.step_some(in_w, in_phi, rates, settings.max_grad_norm, is_learning)

    def _gradients(
        self, batch: Experience
    ) -> tuple[tuple[torch.Tensor, torch.Tensor], torch.Tensor]:
        """Return the gradients of each trial's loss on its minibatch: equation 9 of PPO.

        The minibatch is (n, m, ...). The gradients are in W (n, d_max) and Phi (n, size). The last
        tensor, (n, m), has the logarithms of the probability ratios.
        """
        settings = self.settings
        self._pairs.load(self._adam.W, self._adam.Phi)
        outputs, values = self._pairs.forward(batch.observations)
        advantages = batch.advantages
        if settings.advantages == "minibatch" and settings.normalize_advantage:
            advantages = _standardised(advantages)
        likelihood = self._distribution.likelihood(outputs, batch.actions.transpose(1, 2))
        log_ratios = likelihood.log_prob - batch.log_probs
        ratio = log_ratios.exp()
        gain = advantages * ratio
        m = values.shape[1]
        clipped_gain = advantages * self._clipped(ratio)
        # Where the clipped gain is the smaller one, it is constant.
        by_log_prob = torch.where(gain <= clipped_gain, gain / -m, 0.0)
        by_outputs = likelihood.slope(by_log_prob, -settings.ent_coef / m)
        residuals = values - batch.returns
        by_values = residuals * (2 * settings.vf_coef / m)
        if any(learner.problem.is_watched for learner in self.learners):
            watched = update_scalars(
                log_prob=likelihood.log_prob,
                log_ratios=log_ratios,
                gain=gain,
                clipped_gain=clipped_gain,
                residuals=residuals,
                clip_range=self._clip_range(),
            )
            for learner, scalars in zip(self.learners, watched, strict=True):
                learner.scalars = scalars
        return self._pairs.backward(by_outputs, by_values), log_ratios

    def _clipped(self, ratio: torch.Tensor) -> torch.Tensor:
        """Return probability ratios (n, m) cut to within the clip range of each trial."""
        widths = self._clip_range()
        if isinstance(widths, torch.Tensor):
            return torch.minimum(torch.maximum(ratio, 1 - widths), 1 + widths)
        return ratio.clamp(1 - widths, 1 + widths)

    def _clip_range(self) -> float | torch.Tensor:
        """Return the clip range, or that of each trial as it is now, (n, 1), where it shrinks."""
        settings = self.settings
        if not settings.anneal_clip_range:
            return settings.clip_range
        ranges = [settings.clip_range * self._left(learner) for learner in self.learners]
        return torch.tensor(ranges, device=self._device).unsqueeze(1)


def minibatch(experience: Experience, places: torch.Tensor) -> Experience:
    """Return what is at the places (n, m), counted through all entries of all trials."""
    flat = places.flatten()

    def chosen(column: torch.Tensor) -> torch.Tensor:
        picked = column.flatten(0, 1).index_select(0, flat.to(column.device))
        return picked.unflatten(0, places.shape)  # type: ignore[no-untyped-call,no-any-return]

    return Experience(*(chosen(column) for column in vars(experience).values()))


def standardised(experience: Experience) -> Experience:
    """Return the experience with each trial's advantages standardised over its whole rollout."""
    columns = {**vars(experience), "advantages": _standardised(experience.advantages)}
    return Experience(**columns)


def _standardised(advantages: torch.Tensor) -> torch.Tensor:
    """Return advantages (n, m) with mean 0 and standard deviation 1 in every row."""
    centred = advantages - advantages.mean(1, keepdim=True)
    return centred / (advantages.std(1, keepdim=True) + SPREAD_MARGIN)
