"""The policy of any off-policy algorithm of SB3 or sb3-contrib, with its network in the subspace.

The algorithm's own policy class stays the base: it makes critics, target networks and optimizers
as the algorithm expects them. What acts is replaced by theta0 + P z.

- A Gaussian actor (SAC, TQC, CrossQ): means by theta0 + P z; the standard deviation is fixed.
- A deterministic actor (TD3, DDPG): the outputs of theta0 + P z, squashed or clipped as the task
  says.
- A Q-network (DQN): the outputs of theta0 + P z.
- A quantile network (QR-DQN): the mean over the quantiles is the output of theta0 + P z. How far
  each quantile lies from the mean is trained outside the subspace, as a critic is.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.policies import BasePolicy
from torch import nn

from rlid.errors import InputError
from rlid.problem import Problem
from rlid.sb3_bridge.actor import SubspaceActor
from rlid.sb3_bridge.bounded import Bounds, CutGaussian

DEFAULT_LOG_STD = -1.0
"""Logarithm of the fixed standard deviation of Gaussian actors, before tanh."""


class FixedLogStd(nn.Module):
    """The same log standard deviation for every action: trained, d would not count it."""

    def __init__(self, log_std: float) -> None:
        """Remember the number."""
        super().__init__()
        self.log_std = log_std

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return a number that broadcasts against means (m, actions), for observations x."""
        return torch.full((len(x), 1), self.log_std)


class Quantiles(nn.Module):
    """Quantiles of returns whose mean, for each action, is an output of theta0 + P z."""

    def __init__(self, actor: SubspaceActor, offsets: nn.Module) -> None:
        """`offsets` maps observations (m, inputs) to n numbers for each action (m, n * actions)."""
        super().__init__()
        self.actor, self.offsets = actor, offsets

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map observations (m, inputs) to quantiles (m, n * actions), all actions of one first."""
        means = self.actor(x)
        floats = x.float() * self.actor.network.byte_scale if x.dtype == torch.uint8 else x
        offsets = self.offsets(floats).view(len(means), -1, means.shape[1])
        offsets = offsets - offsets.mean(dim=1, keepdim=True)
        quantiles: torch.Tensor = means.unsqueeze(1) + offsets
        return quantiles.flatten(1)


class InSubspace:
    """What the derived policies have in common: how they make the network that acts."""

    def __init__(
        self,
        *args: Any,
        problem: Problem,
        scale: float,
        log_std: float = DEFAULT_LOG_STD,
        **kwargs: Any,
    ) -> None:
        """`scale` is z over the trained tensor; `log_std` counts for Gaussian actors alone."""
        self._subspace_arguments = (problem, scale, log_std)
        super().__init__(*args, **kwargs)

    def _actor(self) -> SubspaceActor:
        """Return a network at z = 0. Targets are moved through `.data`, hence the memory."""
        problem, scale, _ = self._subspace_arguments
        return SubspaceActor(problem, scale, memory="content")


class ActorInSubspace(InSubspace):
    """A policy of an actor beside critics; the critics stay as they are."""

    def make_actor(self, features_extractor: Any = None) -> Any:
        """Return the algorithm's actor with theta0 + P z in place of its layers."""
        actor = cast(Any, super()).make_actor(features_extractor)
        network, bounds = self._actor(), Bounds(self._subspace_arguments[0])
        if hasattr(actor, "log_std"):
            actor.latent_pi = nn.Identity()
            actor.mu = network
            actor.log_std = FixedLogStd(self._subspace_arguments[2])
            if bounds.is_clipped:
                actor.action_dist = CutGaussian(bounds, network.network.outputs)
        else:
            actor.mu = nn.Sequential(network, bounds)
        return _seeing_bytes(actor)


class QNetworkInSubspace(InSubspace):
    """A policy of a Q-network and its target."""

    def make_q_net(self) -> Any:
        """Return the algorithm's Q-network with theta0 + P z in place of its layers."""
        network = cast(Any, super()).make_q_net()
        network.q_net = self._actor()
        return _seeing_bytes(network)


class QuantilesInSubspace(InSubspace):
    """A policy of a quantile network and its target."""

    def make_quantile_net(self) -> Any:
        """Return the algorithm's network, of which only the offsets from the mean are left."""
        network = cast(Any, super()).make_quantile_net()
        network.quantile_net = Quantiles(self._actor(), network.quantile_net)
        return _seeing_bytes(network)


def subspace_policy(algorithm: type[BaseAlgorithm]) -> type[BasePolicy]:
    """Return the policy class of an off-policy algorithm, with what acts in the subspace.

    Its constructor takes `problem`, `scale` and `log_std` besides what the algorithm's own takes.

    Raises:
        InputError: nothing is known of how the algorithm's policy makes what acts.
    """
    base = own_policy(algorithm)
    for method, mixin in (
        ("make_actor", ActorInSubspace),
        ("make_quantile_net", QuantilesInSubspace),
        ("make_q_net", QNetworkInSubspace),
    ):
        if hasattr(base, method):
            derived: type[BasePolicy] = type(f"Subspace{base.__name__}", (mixin, base), {})
            return derived
    raise InputError(
        f"{algorithm.__name__}: its policy {base.__name__} has none of make_actor, make_q_net and "
        "make_quantile_net, so that rlid does not know what acts; write a policy class and use "
        "rlid.sb3_bridge.search_off_policy"
    )


def own_policy(algorithm: type[BaseAlgorithm]) -> type[BasePolicy]:
    """Return the policy class that an algorithm has for vectors of observations.

    Raises:
        InputError: it has none.
    """
    # Recurrent algorithms call it MlpLstmPolicy.
    for name, policy in algorithm.policy_aliases.items():
        if name.startswith("Mlp"):
            return policy
    raise InputError(f"{algorithm.__name__} has no policy named MlpPolicy to start from")


def acting_network(policy: BasePolicy) -> SubspaceActor:
    """Return the network of a policy that acts and is trained, not that of a target.

    All policies make the network that acts before they make its target.
    """
    return next(module for module in policy.modules() if isinstance(module, SubspaceActor))


def _seeing_bytes(network: Any) -> Any:
    """Return an SB3 network that takes observations as they are: rlid's networks scale bytes."""
    network.extract_features = lambda observations, _extractor=None: observations
    return network
