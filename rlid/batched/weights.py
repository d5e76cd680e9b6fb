"""Weights of many trials at once: theta0 + P z for each, and networks that read them in a batch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Protocol

import torch

from rlid.batched.onehot import OneHotRows, fits_one_index
from rlid.batched.tanh import tanh
from rlid.networks import ModuleNetwork, Network
from rlid.subspace import Subspace

ALIGNED = 16
"""Matrices of a batch begin at multiples of this many floats, a cache line of 64 bytes."""
FEWEST_ROWS = 2
"""A product of one matrix may take another path in the library, and give other last bits."""


class SubspaceBatch:
    """The subspaces of n trials of one network: trained tensors W (n, d_max) to Theta (n, D).

    W holds z / scale, so that Adam moves theta as it would in direct training. Rows of trials with
    a smaller d end in zeros that never change.
    """

    def __init__(self, subspaces: Sequence[Subspace], scales: Sequence[float]) -> None:
        """`scales` are z over the trained tensor, one for each trial."""
        self.subspaces, self.scales = list(subspaces), list(scales)
        self._index = OneHotRows(subspaces, self.d_max) if fits_one_index(subspaces) else None
        self._factors = torch.tensor(self.scales).unsqueeze(1)

    @property
    def d_max(self) -> int:
        """The largest d of its trials."""
        return max(subspace.d for subspace in self.subspaces)

    def keep(self, rows: Sequence[int]) -> SubspaceBatch:
        """Return the batch of these trials alone, in this order."""
        return SubspaceBatch(
            [self.subspaces[row] for row in rows], [self.scales[row] for row in rows]
        )

    def theta(self, W: torch.Tensor) -> torch.Tensor:  # noqa: N803
        """Map W (n, d_max) to weights (n, D); differentiable in W."""
        theta: torch.Tensor = _ExpandRows.apply(W, self)  # type: ignore[no-untyped-call]
        return theta

    def z(self, W: torch.Tensor, row: int) -> torch.Tensor:  # noqa: N803
        """Return z (d,) of one trial, from W (n, d_max)."""
        return W[row, : self.subspaces[row].d].detach() * self.scales[row]

    def expand(self, W: torch.Tensor) -> torch.Tensor:  # noqa: N803
        """Return theta0 + P z (n, D) at W (n, d_max), without a graph."""
        if self._index is not None:
            return self._index.expand(W * self._factors)
        rows = [subspace.theta(self.z(W, row)) for row, subspace in enumerate(self.subspaces)]
        return torch.stack(rows)

    def reduce(self, G: torch.Tensor) -> torch.Tensor:  # noqa: N803
        """Return the derivative (n, d_max) in W, from gradients G (n, D) of theta."""
        if self._index is not None:
            return self._index.reduce(G) * self._factors
        reduced = G.new_zeros(len(G), self.d_max)
        for row, (subspace, scale) in enumerate(zip(self.subspaces, self.scales, strict=True)):
            reduced[row, : subspace.d] = subspace.P.T(G[row]) * scale
        return reduced


class _ExpandRows(torch.autograd.Function):
    """theta0 + P z, and P^T for the derivative: autograd would save every intermediate."""

    @staticmethod
    def forward(ctx: Any, W: torch.Tensor, batch: SubspaceBatch) -> torch.Tensor:  # noqa: N803
        ctx.batch = batch
        return batch.expand(W.detach())

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None]:
        return ctx.batch.reduce(gradients[0]), None


def bind(network: Network, Theta: torch.Tensor) -> BoundNetworks:  # noqa: N803
    """Return n copies of a network, each with its own row of weights Theta (n, D)."""
    if isinstance(network, ModuleNetwork):
        return BoundModules(network, Theta)
    if not network.is_dense:
        return BoundConvolutions(network, Theta)
    return BoundLayers(network, Theta)


class BoundNetworks(Protocol):
    """Networks of n trials: what comes out of row i depends on row i alone, to the last bit."""

    def outputs(self, x: torch.Tensor) -> torch.Tensor:
        """Map observations (n, m, inputs) to outputs (n, m, outputs)."""

    def hidden(self, x: torch.Tensor) -> torch.Tensor:
        """Map observations (n, m, inputs) to the last hidden layer (n, m, width)."""


class BoundLayers:
    """Fully connected networks, each layer of which is one batched product."""

    def __init__(self, network: Network, Theta: torch.Tensor) -> None:  # noqa: N803
        """Take the layers out of weights Theta (n, D)."""
        self._network = network
        self._layers = _layers(network, Theta)
        self._activate = tanh if network.activation == "tanh" else torch.relu

    def outputs(self, x: torch.Tensor) -> torch.Tensor:
        """Map observations (n, m, inputs) to outputs (n, m, outputs)."""
        n, m, _ = x.shape
        *_, (weights, biases) = self._layers
        return torch.baddbmm(biases, self._features(x), weights)[:n, :m]

    def hidden(self, x: torch.Tensor) -> torch.Tensor:
        """Map observations (n, m, inputs) to the last hidden layer (n, m, width)."""
        n, m, _ = x.shape
        return self._features(x)[:n, :m]

    def _features(self, x: torch.Tensor) -> torch.Tensor:
        """Return the last hidden layer with room for whole cache lines, (rows, m', width)."""
        n, m, inputs = x.shape
        if x.dtype == torch.uint8:
            x = x.to(torch.float32).mul_(self._network.byte_scale)
        rows = len(self._layers[0][0])
        room = x.new_zeros(rows, ALIGNED * math.ceil(m / ALIGNED), inputs)
        room[:n, :m] = x
        for weights, biases in self._layers[:-1]:
            room = self._activate(torch.baddbmm(biases, room, weights))
        return room


class BoundConvolutions:
    """Networks of images, one after the other: on a CPU no slower than grouped convolutions."""

    def __init__(self, network: Network, Theta: torch.Tensor) -> None:  # noqa: N803
        """Take the layers out of weights Theta (n, D)."""
        self._network = network
        self._rows = [network.prepared(theta) for theta in Theta.unbind()]

    def outputs(self, x: torch.Tensor) -> torch.Tensor:
        """Map observations (n, m, inputs) to outputs (n, m, outputs)."""
        pairs = zip(self._rows, x, strict=True)
        return torch.stack([self._network.apply(parts, images) for parts, images in pairs])

    def hidden(self, x: torch.Tensor) -> torch.Tensor:
        """Refuse: the critic of images has a network of its own.

        Raises:
            NotImplementedError: always.
        """
        raise NotImplementedError("critic=shared takes fully connected networks")


class BoundModules:
    """Registered torch modules, in one batch where that gives the same bits."""

    def __init__(self, network: ModuleNetwork, Theta: torch.Tensor) -> None:  # noqa: N803
        """Take weights Theta (n, D)."""
        self._bound = network.bind(Theta)

    def outputs(self, x: torch.Tensor) -> torch.Tensor:
        """Map observations (n, m, inputs) to outputs (n, m, outputs)."""
        return self._bound(x)

    def hidden(self, x: torch.Tensor) -> torch.Tensor:
        """Refuse: nothing is known of the layers inside a module.

        Raises:
            NotImplementedError: always.
        """
        raise NotImplementedError("critic=shared takes fully connected networks")


def _layers(
    network: Network,
    Theta: torch.Tensor,  # noqa: N803
) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Return weights (rows, inputs, outputs) and biases (rows, 1, outputs) of each layer."""
    sizes = [
        size for layer in network.layers for size in (math.prod(layer.weight_shape), layer.outputs)
    ]
    pieces = torch.split(Theta, sizes, 1)
    return [
        (_aligned(weights).view(-1, *layer.weight_shape), _aligned(biases).unsqueeze(1))
        for layer, weights, biases in zip(network.layers, pieces[::2], pieces[1::2], strict=True)
    ]


def _aligned(rows: torch.Tensor) -> torch.Tensor:
    """Return rows (n, size) in memory of their own, each from the start of a cache line on."""
    n, size = rows.shape
    room = rows.new_zeros(max(n, FEWEST_ROWS), ALIGNED * math.ceil(size / ALIGNED))
    room[:n, :size] = rows
    return room[:, :size]
