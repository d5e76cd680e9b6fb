"""Weights of many trials at once: theta0 + P z for each, and networks that are not dense."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from rlid.batched.onehot import OneHotRows, fits_one_index
from rlid.networks import ModuleNetwork, Network
from rlid.subspace import Subspace

CPU = torch.device("cpu")


class SubspaceBatch:
    """The subspaces of n trials of one network: trained tensors W (n, d_max) to Theta (n, D).

    W holds z / scale, so that Adam moves theta as it would in direct training. Rows of trials with
    a smaller d end in zeros that never change.
    """

    def __init__(
        self,
        subspaces: Sequence[Subspace],
        scales: Sequence[float],
        device: torch.device = CPU,
    ) -> None:
        """`scales` are z over the trained tensor, one for each trial; weights are on `device`."""
        self.subspaces, self.scales, self.device = list(subspaces), list(scales), device
        is_indexed = fits_one_index(subspaces)
        self._index = OneHotRows(subspaces, self.d_max, device) if is_indexed else None
        self._factors = torch.tensor(self.scales).unsqueeze(1).to(device)

    @property
    def d_max(self) -> int:
        """The largest d of its trials."""
        return max(subspace.d for subspace in self.subspaces)

    def keep(self, rows: Sequence[int]) -> SubspaceBatch:
        """Return the batch of these trials alone, in this order."""
        subspaces = [self.subspaces[row] for row in rows]
        return SubspaceBatch(subspaces, [self.scales[row] for row in rows], self.device)

    def z(self, W: torch.Tensor, row: int) -> torch.Tensor:  # noqa: N803
        """Return z (d,) of one trial, from W (n, d_max)."""
        return W[row, : self.subspaces[row].d].cpu() * self.scales[row]

    def expand(self, W: torch.Tensor) -> torch.Tensor:  # noqa: N803
        """Return theta0 + P z (n, D) at W (n, d_max)."""
        if self._index is not None:
            return self._index.expand(W * self._factors)
        rows = [subspace.theta(self.z(W, row)) for row, subspace in enumerate(self.subspaces)]
        return torch.stack(rows).to(self.device)

    def reduce(self, G: torch.Tensor) -> torch.Tensor:  # noqa: N803
        """Return the derivative (n, d_max) in W, from gradients G (n, D) of theta."""
        if self._index is not None:
            return self._index.reduce(G) * self._factors
        G = G.cpu()
        reduced = G.new_zeros(len(G), self.d_max)
        for row, (subspace, scale) in enumerate(zip(self.subspaces, self.scales, strict=True)):
            reduced[row, : subspace.d] = subspace.P.T(G[row]) * scale
        return reduced.to(self.device)


class Loop:
    """Convolutions, or registered modules, of n trials, with torch's own gradients.

    It has the methods of `Stack`, for one network. Convolutions run one trial after the other: on a
    CPU that is no slower than grouped ones. Modules run in one batch where that gives the same
    bits.
    """

    def __init__(self, network: Network) -> None:
        """Take the network; `load` takes the weights."""
        self.network = network

    def load(self, thetas: Sequence[torch.Tensor]) -> None:
        """Take the weights (n, D) of the only network."""
        self._theta = thetas[0].detach().requires_grad_()
        with torch.enable_grad():
            self._outputs = _bind(self.network, self._theta)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map observations (n, m, inputs) to outputs (n, outputs, m)."""
        with torch.enable_grad():
            self._last = self._outputs(x).transpose(1, 2)
        return self._last.detach()

    def backward(self, slopes: torch.Tensor) -> list[torch.Tensor]:
        """Return the gradient (n, D), from derivatives (n, outputs, m) of a sum."""
        return list(torch.autograd.grad(self._last, [self._theta], [slopes]))


def _bind(network: Network, Theta: torch.Tensor) -> Callable[[torch.Tensor], torch.Tensor]:  # noqa: N803
    """Return the function from observations (n, m, inputs) to outputs (n, m, outputs)."""
    if isinstance(network, ModuleNetwork):
        return network.bind(Theta)
    rows = [network.prepared(theta) for theta in Theta.unbind()]

    def outputs(x: torch.Tensor) -> torch.Tensor:
        pairs = zip(rows, x, strict=True)
        return torch.stack([network.apply(parts, images) for parts, images in pairs])

    return outputs
