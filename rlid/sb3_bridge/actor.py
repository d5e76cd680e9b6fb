"""The policy's network as a function of z, which is all that is trained of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from rlid.errors import InputError
from rlid.networks import Network
from rlid.problem import Problem

if TYPE_CHECKING:
    from rlid.networks import Prepared

Precision = Literal["float32", "bfloat16"]


def is_half(network: Network, precision: Precision) -> bool:
    """Return whether the convolutions of a network, or all of a module, are to be in bfloat16."""
    return precision == "bfloat16" and not network.is_dense


class SubspaceActor(nn.Module):
    """The network at theta0 + P z, where z is trained.

    The trained tensor is w = z / sqrt(D/d). Adam steps w by about lr per entry, so that theta moves
    as it would in direct training; and the gradient's norm, about that of direct training, meets
    the same clipping.
    """

    def __init__(
        self,
        problem: Problem,
        scale: float,
        precision: Precision = "float32",
        *,
        remembers: bool = True,
    ) -> None:
        """Start at z = 0; `scale` is z / w, and convolutions are computed in `precision`.

        An actor that `remembers` computes theta anew only when the version of w changes. Actors of
        target networks must not: SB3 moves their w by `.data`, which torch's version counter does
        not see.
        """
        super().__init__()
        self.network = problem.network.in_blocks()
        self.subspace, self.scale = problem.subspace, scale
        self.is_half = is_half(self.network, precision)
        self.w = nn.Parameter(torch.zeros(problem.dim))
        self.remembers = remembers
        self._theta: tuple[int, torch.Tensor] | None = None
        self._parts: tuple[torch.Tensor, Prepared] | None = None
        self._is_watched = problem.is_watched
        self._gradient: torch.Tensor | None = None

    def z(self) -> NDArray[np.float32]:
        """Return the coordinates z (d,) of the actor in the subspace."""
        return (self.w.detach() * self.scale).numpy().copy()

    def theta(self) -> torch.Tensor:
        """Return the weights (D,); differentiable in w where gradients are on."""
        if torch.is_grad_enabled() or not self.remembers:
            theta = self.subspace.theta(self.w * self.scale)
            if self._is_watched and theta.requires_grad:
                theta.register_hook(self._keep)  # type: ignore[no-untyped-call]
            return theta
        # While experience is collected w does not change, so that P is applied once.
        version = self.w._version
        if self._theta is None or self._theta[0] != version:
            self._theta = (version, self.subspace.theta(self.w * self.scale))
        return self._theta[1]

    def forget(self) -> None:
        """Compute theta anew at the next call, whether or not the version of w has changed."""
        self._theta = None

    def parts(self) -> Prepared:
        """Return the weights as `Network.apply` takes them, as `theta` is remembered."""
        theta = self.theta()
        if self._parts is not None and self._parts[0] is theta:
            return self._parts[1]
        parts = self.network.prepared(theta, is_half=self.is_half)
        self._parts = None if torch.is_grad_enabled() else (theta, parts)
        return parts

    def _keep(self, gradient: torch.Tensor) -> None:
        self._gradient = gradient

    def gradient_share(self) -> float | None:
        """Return the share of the last gradient of theta, by squared length, in the subspace.

        Exact where the columns of P are orthonormal; None without a gradient, or if not watched.
        """
        if self._gradient is None:
            return None
        total = float(self._gradient.square().sum())
        inside = float(self.subspace.P.T(self._gradient).square().sum())
        return inside / total if total > 0 else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map observations (m, inputs) to outputs (m, outputs)."""
        return self.network.apply(self.parts(), x, is_half=self.is_half)


class Trunk:
    """A network without its last layer."""

    def __init__(self, network: Network, precision: Precision = "float32") -> None:
        """Take the network apart; its convolutions, if any, are computed in `precision`.

        Raises:
            InputError: it has no hidden layer.
        """
        *hidden, width = network.architecture.hidden or (0,)
        if not width:
            raise InputError(
                f"network {network.architecture.name!r} has no hidden layer for a critic to share: "
                "use critic=full"
            )
        self.is_half = is_half(network, precision)
        self.network, self.width = network, width
        body = replace(network.architecture, hidden=tuple(hidden))
        self.body = replace(network, architecture=body, outputs=width)

    def features(self, parts: Prepared, x: torch.Tensor) -> torch.Tensor:
        """Map observations (m, inputs) to features (m, width) by the weights of its layers."""
        raw = self.body.apply(parts, x, is_half=self.is_half)
        return torch.tanh(raw) if self.network.activation == "tanh" else torch.relu(raw)
