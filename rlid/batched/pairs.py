"""Actors and critics of many trials at once: outputs, values, and gradients of what is trained.

What is trained is W (n, d_max), which stands for z, and Phi (n, size), the critic's numbers outside
the subspace.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

import torch

from rlid.batched.critics import Critics, SharedCritics
from rlid.batched.dense import Stack
from rlid.batched.weights import Loop, SubspaceBatch
from rlid.networks import Network


class Pairs(Protocol):
    """An actor and a critic for each of n trials; row i of a result depends on row i alone."""

    def load(self, W: torch.Tensor, Phi: torch.Tensor) -> None:  # noqa: N803
        """Take the weights at W (n, d_max) and Phi (n, size)."""

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Map observations (n, m, inputs) to outputs (n, outputs, m) and values (n, m)."""

    def backward(
        self, outputs: torch.Tensor, values: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the gradients in W and Phi of a sum.

        `outputs` (n, outputs, m) and `values` (n, m) are its derivatives by what the last call of
        `forward` returned.
        """

    def act(self, x: torch.Tensor) -> torch.Tensor:
        """Map observations (n, m, inputs) to the actors' outputs (n, outputs, m)."""

    def values(self, x: torch.Tensor) -> torch.Tensor:
        """Map observations (n, m, inputs) to values (n, m)."""


def make_pairs(
    actor: Network, subspaces: SubspaceBatch, critics: Critics | SharedCritics, n: int
) -> Pairs:
    """Return n pairs in the form that is fastest for these networks."""
    if isinstance(critics, SharedCritics):
        return TwoHeads(actor, subspaces, critics, n)
    return TwoNetworks(actor, subspaces, critics, n)


def _stack(network: Network, n: int, device: torch.device) -> Stack | Loop:
    return Stack([network], n, device) if network.is_dense else Loop(network)


class TwoNetworks:
    """Actors and critics: in one batch where both are fully connected and equally wide."""

    def __init__(self, actor: Network, subspaces: SubspaceBatch, critics: Critics, n: int) -> None:
        """Make room for n trials."""
        self._subspaces, self._critics, self._n = subspaces, critics, n
        device, critic = subspaces.device, critics.network
        self._actors, self._values = _stack(actor, n, device), _stack(critic, n, device)
        are_dense = actor.is_dense and critic.is_dense
        are_alike = are_dense and actor.architecture.hidden == critic.architecture.hidden
        self._both = Stack([actor, critic], n, device) if are_alike else None
        self._outputs = actor.outputs
        self._are_apart = False

    def load(self, W: torch.Tensor, Phi: torch.Tensor) -> None:  # noqa: N803
        """Take the weights at W (n, d_max) and Phi (n, size)."""
        self._theta, self._phi = self._subspaces.expand(W), self._critics.expand(W, Phi)
        self._are_apart = False
        if self._both is not None:
            self._both.load([self._theta, self._phi])

    def _load_apart(self) -> None:
        if not self._are_apart:
            self._actors.load([self._theta])
            self._values.load([self._phi])
            self._are_apart = True

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Map observations (n, m, inputs) to outputs (n, outputs, m) and values (n, m)."""
        if self._both is None:
            return self.act(x), self.values(x)
        together = self._both.forward(x)
        return together[: self._n, : self._outputs], together[self._n : 2 * self._n, 0]

    def backward(
        self, outputs: torch.Tensor, values: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the gradients in W and Phi, from derivatives by outputs and values."""
        n = self._n
        if self._both is None:
            (theta,) = self._actors.backward(outputs)
            (phi,) = self._values.backward(values.unsqueeze(1))
        else:
            slopes = outputs.new_zeros(2 * n, self._both.outputs, outputs.shape[2])
            slopes[:n, : self._outputs] = outputs
            slopes[n:, 0] = values
            theta, phi = self._both.backward(slopes)
        in_w, in_phi = self._critics.reduce(phi)
        gradient = self._subspaces.reduce(theta)
        return gradient if in_w is None else gradient + in_w, in_phi

    def act(self, x: torch.Tensor) -> torch.Tensor:
        """Map observations (n, m, inputs) to the actors' outputs (n, outputs, m)."""
        self._load_apart()
        return self._actors.forward(x)[: self._n]

    def values(self, x: torch.Tensor) -> torch.Tensor:
        """Map observations (n, m, inputs) to values (n, m)."""
        self._load_apart()
        return self._values.forward(x)[: self._n, 0]


class TwoHeads:
    """Actors whose last hidden layer feeds the critic's head as well: one more output."""

    def __init__(
        self, actor: Network, subspaces: SubspaceBatch, critics: SharedCritics, n: int
    ) -> None:
        """Make room for n trials."""
        self._subspaces, self._n, self._outputs = subspaces, n, actor.outputs
        self._stack = _stack(replace(actor, outputs=actor.outputs + 1), n, subspaces.device)
        self._height = critics.size

    def load(self, W: torch.Tensor, Phi: torch.Tensor) -> None:  # noqa: N803
        """Take the weights at W (n, d_max) and the heads Phi (n, width + 1)."""
        theta = self._subspaces.expand(W)
        size = self._height * self._outputs
        last = theta[:, -size:].view(-1, self._height, self._outputs)
        heads = torch.cat([last, Phi.unsqueeze(2)], 2)
        self._stack.load([torch.cat([theta[:, :-size], heads.flatten(1)], 1)])

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Map observations (n, m, inputs) to outputs (n, outputs, m) and values (n, m)."""
        together = self._stack.forward(x)[: self._n]
        return together[:, : self._outputs], together[:, -1]

    def backward(
        self, outputs: torch.Tensor, values: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the gradients in W and Phi, from derivatives by outputs and values."""
        (gradient,) = self._stack.backward(torch.cat([outputs, values.unsqueeze(1)], 1))
        size = self._height * (self._outputs + 1)
        heads = gradient[:, -size:].view(-1, self._height, self._outputs + 1)
        theta = torch.cat([gradient[:, :-size], heads[:, :, :-1].flatten(1)], 1)
        return self._subspaces.reduce(theta), heads[:, :, -1]

    def act(self, x: torch.Tensor) -> torch.Tensor:
        """Map observations (n, m, inputs) to the actors' outputs (n, outputs, m)."""
        return self.forward(x)[0]

    def values(self, x: torch.Tensor) -> torch.Tensor:
        """Map observations (n, m, inputs) to values (n, m)."""
        return self.forward(x)[1]
