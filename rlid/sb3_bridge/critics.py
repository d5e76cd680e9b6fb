"""Actor and critic of an on-policy algorithm: where the critic's weights live, and what counts.

- `full` (the default): a network of its own outside the subspace, of the actor's architecture. It
  is training machinery: no policy needs it, and d does not count it.
- `shared`: a linear head, outside the subspace, on the actor's last hidden layer. The features are
  those of theta0 + P z, so the value's gradient moves z too; d does not count the head.
- `subspace`: a network of its own at theta_c0 + P_c z, with the very z of the actor. All that is
  trained is z, and d counts every number there is.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial
from typing import Any, Literal

import torch
from torch import nn

from rlid import projections
from rlid.agent import numbers_of_layers
from rlid.errors import InputError
from rlid.networks import ModuleNetwork, Network, parse
from rlid.problem import Problem
from rlid.sb3_bridge.actor import SubspaceActor, Trunk
from rlid.sb3_bridge.half import Precision

CriticMode = Literal["full", "shared", "subspace"]
DEFAULT_WIDTHS = (64, 64)
"""Hidden widths of the critic beside an actor that has none; SB3's own."""
SEEDS = 2**31


class ActorCritic(nn.Module):
    """What SB3 calls the extractor: the actor's outputs, and what the value is a head of.

    Attributes:
        gives_values: whether the critic gives the value itself, so that it needs no head.
    """

    def __init__(self, problem: Problem, scale: float, precision: Precision) -> None:
        """Make the actor; `scale` is z over the trained tensor."""
        super().__init__()
        self.actor = SubspaceActor(problem, scale, precision)
        self.latent_dim_pi = problem.network.outputs
        self.latent_dim_vf = 1
        self.gives_values = False

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Map observations to outputs of the actor (m, outputs) and the critic (m, latent)."""
        return self.forward_actor(x), self.forward_critic(x)

    def forward_actor(self, x: torch.Tensor) -> torch.Tensor:
        """Return the actor's outputs (m, outputs)."""
        outputs: torch.Tensor = self.actor(x)
        return outputs

    def forward_critic(self, x: torch.Tensor) -> torch.Tensor:
        """Return what the value is a linear function of (m, latent)."""
        raise NotImplementedError

    def initialise(self, init: Any) -> None:
        """Give the critic SB3's own start; `init(module, gain=)` is its function."""


class FullCritic(ActorCritic):
    """A critic of torch's own layers for vectors, or a second network of images or of a module."""

    def __init__(self, problem: Problem, scale: float, precision: Precision) -> None:
        """Make both."""
        super().__init__(problem, scale, precision)
        network = self.actor.network
        self._trunk: Trunk | None = None
        self._module: Network | None = None
        if isinstance(network, ModuleNetwork):
            self._module = replace(network, outputs=1)
            self.gives_values = True
            self.theta = nn.Parameter(_draw(self._module))
            return
        if not network.is_dense:
            self._trunk = Trunk(network, precision)
            self.latent_dim_vf = self._trunk.width
            self.theta = nn.Parameter(_draw(self._trunk.body))
            return
        widths = [network.inputs, *(network.architecture.hidden or DEFAULT_WIDTHS)]
        layers: list[nn.Module] = []
        for inputs, outputs in zip(widths[:-1], widths[1:], strict=True):
            layers += [nn.Linear(inputs, outputs), nn.Tanh()]
        self.critic = nn.Sequential(*layers)
        self.latent_dim_vf = widths[-1]
        self._bytes_as_floats = network.byte_scale

    def forward_critic(self, x: torch.Tensor) -> torch.Tensor:
        """Return the last hidden layer (m, latent), or a module's value (m, 1)."""
        if self._module is not None:
            return self._module.apply(self._module.prepared(self.theta), x)
        if self._trunk is not None:
            body = self._trunk.body
            parts = body.prepared(self.theta, is_half=self._trunk.is_half)
            return self._trunk.features(parts, x)
        if x.dtype == torch.uint8:
            x = x.float().mul_(self._bytes_as_floats)
        latent: torch.Tensor = self.critic(x)
        return latent

    def initialise(self, init: Any) -> None:
        """Orthogonal layers of gain sqrt(2), where they are torch's own."""
        if self._trunk is None and self._module is None:
            self.critic.apply(partial(init, gain=math.sqrt(2)))


class SharedCritic(ActorCritic):
    """The critic is a head on the actor's last hidden layer."""

    def __init__(self, problem: Problem, scale: float, precision: Precision) -> None:
        """Take the actor's network apart.

        Raises:
            InputError: it has no hidden layer.
        """
        super().__init__(problem, scale, precision)
        self._trunk = Trunk(self.actor.network, precision)
        self.latent_dim_vf = self._trunk.width

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return outputs and features, which are computed once."""
        *trunk, (weights, biases) = self.actor.parts()
        features = self._trunk.features(trunk, x)
        return torch.addmm(biases, features, weights), features

    def forward_critic(self, x: torch.Tensor) -> torch.Tensor:
        """Return the actor's features (m, width)."""
        return self._trunk.features(self.actor.parts()[:-1], x)


class SubspaceCritic(ActorCritic):
    """The critic's weights are theta_c0 + P_c z, with the actor's z."""

    def __init__(self, problem: Problem, scale: float, precision: Precision) -> None:
        """Draw theta_c0 and P_c.

        Raises:
            InputError: z has more entries than the critic has weights.
        """
        super().__init__(problem, scale, precision)
        self.gives_values = True
        self._network = _critic_in_subspace(self.actor.network, problem.dim)
        self._theta0 = _draw(self._network)
        self._P = projections.make("onehot", D=self._network.D, d=problem.dim, seed=_seed())
        self._ratio = math.sqrt(self._network.D / problem.subspace.D)

    def forward_critic(self, x: torch.Tensor) -> torch.Tensor:
        """Return the value itself (m, 1)."""
        # The scale of P_c makes a step in w as long for each of the critic's weights as for theirs.
        z = self.actor.w * (self.actor.scale * self._ratio)
        theta = self._P(z, self._theta0)
        parts = self._network.prepared(theta, is_half=self.actor.is_half)
        return self._network.apply(parts, x, is_half=self.actor.is_half)


def make_actor_critic(
    problem: Problem, scale: float, critic: CriticMode, precision: Precision
) -> ActorCritic:
    """Return actor and critic; `scale` is z over the trained tensor.

    Raises:
        InputError: there can be no such critic.
    """
    kinds = {"full": FullCritic, "shared": SharedCritic, "subspace": SubspaceCritic}
    return kinds[critic](problem, scale, precision)


def check_critic(network: Network, critic: CriticMode, d: int) -> None:
    """Refuse a critic that there cannot be beside an actor of this network in d dimensions.

    Raises:
        InputError: in one line, why.
    """
    if critic == "shared":
        Trunk(network)
    if critic == "subspace":
        _critic_in_subspace(network, d)


def numbers_outside(network: Network, critic: CriticMode) -> int:
    """Return how many numbers are trained besides z: the critic's, as far as z does not give them.

    Raises:
        InputError: the network has no hidden layer that the critic could share.
    """
    if critic == "subspace":
        return 0
    if critic == "shared":
        return Trunk(network).width + 1
    if isinstance(network, ModuleNetwork):
        return replace(network, outputs=1).D
    if not network.is_dense:
        trunk = Trunk(network)
        return trunk.body.D + trunk.width + 1
    return numbers_of_layers(network.inputs, *(network.architecture.hidden or DEFAULT_WIDTHS), 1)


def _critic_in_subspace(network: Network, d: int) -> Network:
    """Return the critic's network for critic=subspace: the actor's, with a single output.

    Raises:
        InputError: z has more entries than it has weights.
    """
    actor = network.architecture
    if actor.hidden or isinstance(network, ModuleNetwork):
        made = replace(network, outputs=1)
    else:
        default = parse("mlp:" + "x".join(map(str, DEFAULT_WIDTHS)))
        made = replace(network, architecture=default, outputs=1)
    if d > made.D:
        raise InputError(
            f"critic=subspace: the critic has {made.D} weights, fewer than d = {d}: use critic=full"
        )
    return made


def _draw(network: Network) -> torch.Tensor:
    return torch.from_numpy(network.initial(_seed()))


def _seed() -> int:
    return int(torch.randint(SEEDS, (1,)))
