"""Off-policy algorithms: DQN, whose Q-network is theta0 + P z, and SAC and TD3, whose actor is."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.buffers import ReplayBuffer
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from stable_baselines3.common.policies import BasePolicy
from stable_baselines3.common.type_aliases import Schedule, TrainFreq
from stable_baselines3.dqn.policies import DQNPolicy
from stable_baselines3.sac.policies import Actor as SACActor
from stable_baselines3.sac.policies import SACPolicy
from stable_baselines3.td3.policies import Actor as TD3Actor
from stable_baselines3.td3.policies import TD3Policy

from rlid.agent import CHECKPOINT, SearchSteps
from rlid.problem import Problem
from rlid.sb3_bridge.actor import SubspaceActor
from rlid.sb3_bridge.bounded import Bounds, CutGaussian
from rlid.sb3_bridge.generators import GlobalGenerators
from rlid.sb3_bridge.policies import acting_network, subspace_policy
from rlid.sb3_bridge.training import Training, begin
from rlid.sb3_bridge.vec_env import SimulatorVecEnv

REPORT_STEPS = 1000
"""Environment steps between two reports: single episodes say little of a policy."""


class QNetwork(BasePolicy):
    """Action values by theta0 + P z, in the shape that SB3's DQN knows."""

    def __init__(self, policy: BasePolicy, actor: SubspaceActor) -> None:
        """Wrap an actor whose outputs are the values of the actions."""
        super().__init__(policy.observation_space, policy.action_space)
        self.actor = actor

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map observations (m, inputs) to action values (m, actions)."""
        values: torch.Tensor = self.actor(x)
        return values

    def _predict(self, observation: Any, deterministic: bool = True) -> torch.Tensor:
        return self.forward(cast(torch.Tensor, observation)).argmax(dim=1).reshape(-1)


class SubspaceDQNPolicy(DQNPolicy):
    """DQN's policy: a Q-network in the subspace, and a target network with a z of its own.

    On DQN's schedule the target's z is set to the trained one; nothing else is trained.
    """

    def __init__(self, *args: Any, problem: Problem, scale: float, **kwargs: Any) -> None:
        """`scale` is the factor between the trained tensor and z."""
        self._subspace_arguments = (problem, scale)
        super().__init__(*args, **kwargs)

    def _build(self, lr_schedule: Schedule) -> None:
        problem, scale = self._subspace_arguments
        self.actor = SubspaceActor(problem, scale)
        self.q_net = QNetwork(self, self.actor)  # type: ignore[assignment]
        target = SubspaceActor(problem, scale, memory="none")
        self.q_net_target = QNetwork(self, target)  # type: ignore[assignment]
        self.q_net_target.load_state_dict(self.q_net.state_dict())
        self.q_net_target.set_training_mode(False)
        self.optimizer = self.optimizer_class(
            self.q_net.parameters(),
            lr=lr_schedule(1),  # type: ignore[call-arg]
            **self.optimizer_kwargs,
        )


class SubspaceSACActor(SACActor):
    """SAC's actor: means by theta0 + P z, squashed or clipped as the task says, with fixed noise.

    The log standard deviation is a constant: trained, it would be what d does not count.
    """

    def __init__(self, *args: Any, problem: Problem, scale: float, log_std: float, **kwargs: Any):
        """`scale` is the factor between the trained tensor and z."""
        super().__init__(*args, **kwargs)
        del self.latent_pi, self.mu, self.log_std
        self.actor = SubspaceActor(problem, scale)
        self._fixed_log_std = log_std
        bounds = Bounds(problem)
        if bounds.is_clipped:
            self.action_dist = CutGaussian(bounds, problem.network.outputs)  # type: ignore[assignment]

    def get_action_dist_params(
        self, obs: Any
    ) -> tuple[torch.Tensor, torch.Tensor, dict[str, torch.Tensor]]:
        """Return means (m, actions) before the bounds, and log standard deviations."""
        means = self.actor(obs)
        return means, torch.full_like(means, self._fixed_log_std), {}


class SubspaceSACPolicy(SACPolicy):
    """SAC's policy: the actor in the subspace; the critics are SB3's own, outside it."""

    def __init__(self, *args: Any, problem: Problem, scale: float, log_std: float, **kwargs: Any):
        """`scale` is the factor between the trained tensor and z."""
        self._subspace_arguments: dict[str, Any] = {
            "problem": problem,
            "scale": scale,
            "log_std": log_std,
        }
        super().__init__(*args, **kwargs)

    def make_actor(self, features_extractor: Any = None) -> SubspaceSACActor:
        """Return an actor at z = 0."""
        arguments = self._update_features_extractor(self.actor_kwargs, features_extractor)
        return SubspaceSACActor(**arguments, **self._subspace_arguments)


class SubspaceTD3Actor(TD3Actor):
    """TD3's actor: the outputs of theta0 + P z, squashed or clipped as the task says."""

    def __init__(self, *args: Any, problem: Problem, scale: float, **kwargs: Any) -> None:
        """`scale` is the factor between the trained tensor and z."""
        super().__init__(*args, **kwargs)
        del self.mu
        self.actor = SubspaceActor(problem, scale, memory="none")
        self.bounds = Bounds(problem)

    def forward(self, obs: torch.Tensor) -> torch.Tensor:
        """Map observations to actions in [-1, 1]."""
        actions: torch.Tensor = self.bounds(self.actor(obs))
        return actions


class SubspaceTD3Policy(TD3Policy):
    """TD3's policy: actor and target actor in the subspace, each with its z; critics outside."""

    def __init__(self, *args: Any, problem: Problem, scale: float, **kwargs: Any) -> None:
        """`scale` is the factor between the trained tensor and z."""
        self._subspace_arguments: dict[str, Any] = {"problem": problem, "scale": scale}
        super().__init__(*args, **kwargs)
        cast(SubspaceActor, self.actor.actor).memory = "version"

    def make_actor(self, features_extractor: Any = None) -> SubspaceTD3Actor:
        """Return an actor at z = 0."""
        arguments = self._update_features_extractor(self.actor_kwargs, features_extractor)
        return SubspaceTD3Actor(**arguments, **self._subspace_arguments)


class OffPolicyTraining(Training):
    """One round is at least REPORT_STEPS steps, and the updates between them."""

    def round(self) -> None:
        """Collect and learn, in turns."""
        model = cast(OffPolicyAlgorithm, self.model)
        end = model.num_timesteps + REPORT_STEPS
        while model.num_timesteps < end:
            rollout = model.collect_rollouts(
                self.env,
                callback=self.callback,
                train_freq=cast(TrainFreq, model.train_freq),
                replay_buffer=cast(ReplayBuffer, model.replay_buffer),
                action_noise=model.action_noise,
                learning_starts=model.learning_starts,
                log_interval=None,
            )
            steps = model.gradient_steps if model.gradient_steps >= 0 else rollout.episode_timesteps
            if model.num_timesteps > model.learning_starts and steps > 0:
                model.train(batch_size=model.batch_size, gradient_steps=steps)

    def actor(self) -> SubspaceActor:
        """Return what acts: the Q-network, or the actor beside the critics."""
        return acting_network(cast(BasePolicy, self.model.policy))


def search_off_policy(
    algorithm: type[OffPolicyAlgorithm],
    policy: type[BasePolicy],
    problem: Problem,
    rng: np.random.Generator,
    *,
    n_envs: int,
    budget: int,
    policy_settings: dict[str, Any],
    checkpoint: int = CHECKPOINT,
    **settings: Any,
) -> SearchSteps:
    """Train an SB3 off-policy algorithm in the problem's subspace; report every REPORT_STEPS steps.

    Args:
        algorithm: the class.
        policy: its policy with what acts in the subspace, as `subspace_policy` derives it.
        problem: what is searched.
        rng: what all randomness of the training comes from.
        n_envs: environments side by side.
        budget: environment steps, over which schedules run, however the training is cut up.
        policy_settings: arguments of the policy besides the problem.
        checkpoint: steps between two moments at which the training can be saved, with its replay
            buffer.
        settings: those of the algorithm.
    """
    env_rng, optimizer_rng = rng.spawn(2)
    env = SimulatorVecEnv(problem, n_envs, env_rng, continuous="own")
    arguments = {"problem": problem, **policy_settings}
    training = begin(
        OffPolicyTraining, algorithm, policy, env, optimizer_rng, budget, arguments, settings
    )
    yield from training.search(problem, checkpoint)


def trained_outside(
    algorithm: type[BaseAlgorithm], problem: Problem, policy_settings: dict[str, Any]
) -> int:
    """Return how many numbers an off-policy algorithm trains besides z: those of its critics.

    Targets follow what is trained and are not counted. The policy is made for its sizes alone.
    """
    space = problem.simulator.action_space
    outputs = problem.network.outputs
    actions = (
        spaces.Discrete(outputs)
        if isinstance(space, spaces.Discrete)
        else spaces.Box(-1.0, 1.0, (outputs,))
    )
    observations = spaces.Box(-np.inf, np.inf, (problem.network.inputs,))
    with GlobalGenerators(0).installed():
        policy = subspace_policy(algorithm)(
            observations,
            actions,
            lr_schedule=lambda _: 1.0,
            problem=problem,
            scale=1.0,
            **policy_settings,
        )
    optimized = {
        parameter
        for module in policy.modules()
        if isinstance(optimizer := getattr(module, "optimizer", None), torch.optim.Optimizer)
        for group in optimizer.param_groups
        for parameter in group["params"]
    }
    trained: int = sum(parameter.numel() for parameter in optimized)
    return trained - problem.dim
