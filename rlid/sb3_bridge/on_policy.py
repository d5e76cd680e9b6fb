"""On-policy algorithms (PPO, A2C): an actor-critic policy whose actor is theta0 + P z."""

from __future__ import annotations

from functools import partial
from typing import Any, Self, cast

import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3.common.buffers import RolloutBuffer
from stable_baselines3.common.distributions import CategoricalDistribution, Distribution
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.type_aliases import Schedule
from torch import nn
from torch.distributions import Categorical

from rlid.agent import CHECKPOINT, SearchSteps
from rlid.problem import Problem
from rlid.sb3_bridge.actor import Memory, SubspaceActor
from rlid.sb3_bridge.critics import CriticMode, make_actor_critic
from rlid.sb3_bridge.half import Precision
from rlid.sb3_bridge.training import Training, begin
from rlid.sb3_bridge.vec_env import SimulatorVecEnv

FUSED_FROM = 500_000
"""Size of z from which Adam runs fused, in one pass: it no longer fits the caches."""


class SubspacePolicy(ActorCriticPolicy):
    """SB3's actor-critic policy whose actor is theta0 + P z; z and the critic are all it trains.

    The standard deviation of continuous actions is fixed at exp(log_std): were it trained, it
    would be a parameter that d does not count.
    """

    def __init__(
        self,
        *args: Any,
        problem: Problem,
        scale: float,
        log_std: float,
        critic: CriticMode = "full",
        precision: Precision = "float32",
        memory: Memory = "version",
        **kwargs: Any,
    ):
        """Make the actor at z = 0, and its critic.

        Args:
            *args: those of SB3's policy.
            problem: whose network and subspace the actor has.
            scale: the factor between the trained tensor and z.
            log_std: logarithm of the standard deviation of continuous actions.
            critic: where the critic's weights live.
            precision: of the hidden layers, where there are convolutions.
            memory: how the actor knows that z has not moved; "content" for algorithms that move it
                through `.data`, as TRPO's line search does.
            **kwargs: those of SB3's policy.
        """
        self._memory = memory
        self._subspace_arguments = (problem, scale, log_std, critic, precision)
        super().__init__(*args, **kwargs)

    def _build(self, lr_schedule: Schedule) -> None:
        problem, scale, log_std, critic, precision = self._subspace_arguments
        both = make_actor_critic(problem, scale, critic, precision)
        self.actor = both.actor
        self.actor.memory = self._memory
        self.mlp_extractor = both  # type: ignore[assignment]
        self.action_net = nn.Identity()
        head = nn.Identity() if both.gives_values else nn.Linear(both.latent_dim_vf, 1)
        self.value_net = cast(nn.Linear, head)
        # SB3's own start of a critic: orthogonal, with these gains.
        both.initialise(self.init_weights)
        self.value_net.apply(partial(self.init_weights, gain=1.0))
        # A buffer: TRPO asks for the gradient of every parameter, and a frozen one has none.
        self.register_buffer("log_std", torch.full((problem.network.outputs,), log_std))
        if type(self.action_dist) is CategoricalDistribution:
            self.action_dist = UncheckedCategorical(self.action_dist.action_dim)
        trained = [parameter for parameter in self.parameters() if parameter.requires_grad]
        settings = dict(self.optimizer_kwargs)
        if problem.dim >= FUSED_FROM and issubclass(self.optimizer_class, torch.optim.Adam):
            settings["fused"] = True
        self.optimizer = self.optimizer_class(
            trained,
            lr=lr_schedule(1),  # type: ignore[call-arg]
            **settings,
        )
        # Fused Adam does not raise the version of the tensors that it changes.
        self.optimizer.register_step_post_hook(lambda *_: self.actor.forget())

    def extract_features(self, obs: Any, features_extractor: Any = None) -> Any:
        """Return observations as they are: bytes stay bytes until the network."""
        return obs

    # SB3's own two make floats of bytes before the network sees them, and so would not scale them.
    def get_distribution(self, obs: Any) -> Distribution:
        """Return the distribution of actions for observations (m, inputs)."""
        return self._get_action_dist_from_latent(self.mlp_extractor.forward_actor(obs))

    def predict_values(self, obs: Any) -> torch.Tensor:
        """Return the critic's values (m, 1) of observations (m, inputs)."""
        values: torch.Tensor = self.value_net(self.mlp_extractor.forward_critic(obs))
        return values

    def z(self) -> NDArray[np.float32]:
        """Return where the actor stands in the subspace, z (d,)."""
        return self.actor.z()


class UncheckedCategorical(CategoricalDistribution):
    """SB3's distribution without torch's check of every row of logits.

    Where a logit is NaN, sampling raises anyway.
    """

    def proba_distribution(self, action_logits: torch.Tensor) -> Self:
        """Take the logits (m, actions)."""
        self.distribution = Categorical(logits=action_logits, validate_args=False)
        return self


class StandardisedRollouts(RolloutBuffer):
    """A rollout whose advantages, all together, have mean 0 and standard deviation 1.

    In small minibatches, each standardised for itself, chance counts as much as a point scored.
    """

    def compute_returns_and_advantage(self, last_values: torch.Tensor, dones: Any) -> None:
        """Compute both as SB3 does, then standardise the advantages; returns stay as they are."""
        super().compute_returns_and_advantage(last_values, dones)
        self.advantages -= self.advantages.mean()
        # As SB3 does in a minibatch.
        self.advantages /= self.advantages.std() + 1e-8


class OnPolicyTraining(Training):
    """One round is one rollout and the updates on it."""

    def round(self) -> None:
        """Collect a rollout and learn from it."""
        model = cast(OnPolicyAlgorithm, self.model)
        model.collect_rollouts(self.env, self.callback, model.rollout_buffer, model.n_steps)
        model._update_current_progress_remaining(model.num_timesteps, self.total)
        model.train()

    def actor(self) -> SubspaceActor:
        """Return the policy's actor."""
        return cast(SubspacePolicy, self.model.policy).actor


def search_on_policy(
    algorithm: type[OnPolicyAlgorithm],
    problem: Problem,
    rng: np.random.Generator,
    *,
    n_envs: int,
    budget: int,
    scale: float,
    log_std: float,
    critic: CriticMode = "full",
    precision: Precision = "float32",
    memory: Memory = "version",
    checkpoint: int = CHECKPOINT,
    reward_scale: float = 1.0,
    **settings: Any,
) -> SearchSteps:
    """Train an SB3 on-policy algorithm in the problem's subspace; report after every update.

    Args:
        algorithm: the class, with SB3's actor-critic policy.
        problem: what is searched.
        rng: what all randomness of the training comes from.
        n_envs: environments side by side.
        budget: environment steps, over which schedules run, however the training is cut up.
        scale: z over the trained tensor.
        log_std: logarithm of the fixed standard deviation of continuous actions.
        critic: where the critic's weights live.
        precision: of the hidden layers in training, where there are convolutions.
        memory: "content" for an algorithm that moves z through `.data`, as `SubspacePolicy` says.
        checkpoint: steps between two moments at which the training can be saved.
        reward_scale: factor of the rewards in training.
        settings: those of the algorithm.
    """
    env_rng, optimizer_rng = rng.spawn(2)
    env = SimulatorVecEnv(problem, n_envs, env_rng, reward_scale=reward_scale)
    policy = {
        "problem": problem,
        "scale": scale,
        "log_std": log_std,
        "critic": critic,
        "precision": precision,
        "memory": memory,
    }
    training = begin(
        OnPolicyTraining, algorithm, SubspacePolicy, env, optimizer_rng, budget, policy, settings
    )
    yield from training.search(problem, checkpoint)
