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
from rlid.sb3_bridge.half import Precision, used_precision

if TYPE_CHECKING:
    from rlid.networks import Prepared

Memory = Literal["version", "content", "none"]
"""How an actor knows that theta is still that of w, while it acts:

- "version": torch's version of w is the same. An algorithm that moves w through `.data` does not
  raise it.
- "content": w holds the same numbers. This is always right, and reads w once in each call.
- "none": it does not remember theta.
"""


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
        memory: Memory = "version",
    ) -> None:
        """Start at z = 0; `scale` is z / w, and hidden layers are computed in `precision`.

        Without gradients, theta is computed anew only when w has changed, as `memory` tells.
        """
        super().__init__()
        self.network = problem.network.in_blocks()
        self.subspace, self.scale = problem.subspace, scale
        self.is_half = used_precision(self.network, precision) == "bfloat16"
        self.w = nn.Parameter(torch.zeros(problem.dim))
        self.memory = memory
        self._theta: tuple[int | torch.Tensor, torch.Tensor] | None = None
        self._parts: tuple[torch.Tensor, Prepared] | None = None
        self._is_watched = problem.is_watched
        self._gradient: torch.Tensor | None = None

    def z(self) -> NDArray[np.float32]:
        """Return the coordinates z (d,) of the actor in the subspace."""
        return (self.w.detach() * self.scale).numpy().copy()

    def theta(self) -> torch.Tensor:
        """Return the weights (D,); differentiable in w where gradients are on."""
        if torch.is_grad_enabled() or self.memory == "none":
            theta = self.subspace.theta(self.w * self.scale)
            if self._is_watched and theta.requires_grad:
                theta.register_hook(self._keep)  # type: ignore[no-untyped-call]
            return theta
        # While experience is collected w does not change, so that P is applied once.
        if self._theta is None or self._has_moved(self._theta[0]):
            before = self.w._version if self.memory == "version" else self.w.detach().clone()
            self._theta = (before, self.subspace.theta(self.w * self.scale))
        return self._theta[1]

    def _has_moved(self, before: int | torch.Tensor) -> bool:
        """Return whether w has changed since it had the version, or the content, `before`."""
        if isinstance(before, int):
            return self.w._version != before
        return not torch.equal(self.w, before)

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
        """Take the network apart; the layers of an image are computed in `precision`.

        Raises:
            InputError: it has no hidden layer.
        """
        *hidden, width = network.architecture.hidden or (0,)
        if not width:
            raise InputError(
                f"network {network.architecture.name!r} has no hidden layer for a critic to share: "
                "use critic=full"
            )
        self.is_half = used_precision(network, precision) == "bfloat16"
        self.network, self.width = network, width
        body = replace(network.architecture, hidden=tuple(hidden))
        self.body = replace(network, architecture=body, outputs=width)

    def features(self, parts: Prepared, x: torch.Tensor) -> torch.Tensor:
        """Map observations (m, inputs) to features (m, width) by the weights of its layers."""
        raw = self.body.apply(parts, x, is_half=self.is_half)
        return torch.tanh(raw) if self.network.activation == "tanh" else torch.relu(raw)
