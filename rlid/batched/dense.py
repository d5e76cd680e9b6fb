"""Fully connected networks of many trials at once, with their gradients written out.

Activations are feature-major, (rows, features, m): the long dimension is contiguous, so that the
library's products of small matrices run at full speed. Every layer's weights and biases are one
matrix (inputs + 1, outputs), as they stand in theta, and a row of ones is the last feature.

Row i of what comes out depends on row i of what goes in alone, to the last bit. Bits of a batched
product may depend on where a matrix begins in memory and on whether the batch holds one matrix or
several; therefore all matrices are aligned, and a batch of one row is padded to two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from rlid.networks import Network, ceiling

FEWEST_ROWS = 2
"""A product of one matrix may take another path in the library, and give other last bits."""


class Stack:
    """Networks with the same inputs and hidden widths, n rows of weights each, as one batch.

    Rows 0 to n - 1 belong to the first network, the next n to the second. A network with fewer
    outputs than another is padded with zeros.
    """

    def __init__(self, networks: Sequence[Network], n: int, device: torch.device) -> None:
        """Make room for n rows of each network's weights."""
        self.networks, self.n = list(networks), n
        self.rows = max(n * len(networks), FEWEST_ROWS)
        self._device = device
        widths = [networks[0].inputs, *networks[0].architecture.hidden]
        self.outputs = max(network.outputs for network in networks)
        self._shapes = list(zip(widths, [*widths[1:], self.outputs], strict=True))
        self._weights = [self._matrices(inputs + 1, outputs) for inputs, outputs in self._shapes]
        self._rooms: dict[int, _Room] = {}
        self._room = _Room([], [])

    def _matrices(self, height: int, width: int) -> torch.Tensor:
        size = height * width
        room = torch.zeros(self.rows, ceiling(size), device=self._device)
        return room[:, :size].view(self.rows, height, width)

    def load(self, thetas: Sequence[torch.Tensor]) -> None:
        """Take the weights (n, D) of each network."""
        for network, theta, block in zip(self.networks, thetas, self._blocks(), strict=True):
            for room, piece in zip(self._weights, self._pieces(network, theta), strict=True):
                room[block, :, : piece.shape[2]] = piece

    def _blocks(self) -> list[slice]:
        return [slice(k * self.n, (k + 1) * self.n) for k in range(len(self.networks))]

    def _pieces(self, network: Network, theta: torch.Tensor) -> list[torch.Tensor]:
        """Return theta (n, D) as one (n, inputs + 1, outputs) for each layer."""
        widths = [outputs for _, outputs in self._shapes[:-1]] + [network.outputs]
        heights = [inputs + 1 for inputs, _ in self._shapes]
        sizes = [height * width for height, width in zip(heights, widths, strict=True)]
        return [
            piece.view(-1, height, width)
            for piece, height, width in zip(
                torch.split(theta, sizes, 1), heights, widths, strict=True
            )
        ]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map observations (n, m, inputs) to outputs (rows, outputs, m).

        What `backward` needs is kept until the next call.
        """
        m = x.shape[1]
        self._room = self._room_for(ceiling(m))
        inputs, sums = self._room.inputs, self._room.sums
        for block in self._blocks():
            inputs[0][block, :-1, :m] = x.transpose(1, 2)
        if x.dtype == torch.uint8:
            inputs[0][:, :-1] *= self.networks[0].byte_scale
        for layer, z in enumerate(sums):
            torch.bmm(self._weights[layer].transpose(1, 2), inputs[layer], out=z)
            self._activate(z, inputs[layer + 1][:, :-1])
        # The last sums are new at every call: whoever gets them may keep them.
        return torch.bmm(self._weights[-1].transpose(1, 2), inputs[-1])[:, :, :m]

    def _room_for(self, columns: int) -> _Room:
        """Return the room for so many observations; it is used again, and never cleared."""
        if columns not in self._rooms:
            inputs, sums = [], []
            for size, outputs in self._shapes:
                room = torch.zeros(self.rows, size + 1, columns, device=self._device)
                room[:, -1] = 1.0
                inputs.append(room)
                sums.append(torch.zeros(self.rows, outputs, columns, device=self._device))
            self._rooms[columns] = _Room(inputs, sums[:-1])
        return self._rooms[columns]

    def _kinds(self) -> list[tuple[slice, str]]:
        """Return the rows of each activation; padding belongs to the last."""
        kinds = [network.activation for network in self.networks]
        if len(set(kinds)) == 1:
            return [(slice(0, self.rows), kinds[0])]
        return list(zip(self._blocks(), kinds, strict=True))

    def _activate(self, z: torch.Tensor, out: torch.Tensor) -> None:
        for block, kind in self._kinds():
            if kind == "relu":
                torch.clamp(z[block], min=0.0, out=out[block])
            elif z.device.type == "cpu":
                # numpy's vector instructions take a tenth of torch's time here.
                np.tanh(z[block].numpy(), out=out[block].numpy())
            else:
                torch.tanh(z[block], out=out[block])

    def backward(self, slopes: torch.Tensor) -> list[torch.Tensor]:
        """Return each network's gradient (n, D), from derivatives (rows, outputs, m) of a sum.

        The derivatives are by the outputs of the last call of `forward`.
        """
        columns = self._room.inputs[0].shape[2]
        if slopes.shape != (self.rows, self.outputs, columns):
            room = slopes.new_zeros(self.rows, self.outputs, columns)
            room[: slopes.shape[0], :, : slopes.shape[2]] = slopes
            slopes = room
        gradients: list[torch.Tensor] = []
        for layer in reversed(range(len(self._shapes))):
            inputs = self._room.inputs[layer]
            gradients.insert(0, torch.bmm(inputs, slopes.transpose(1, 2)))
            if layer:
                # The sums of this layer are no longer needed: their place takes the slopes.
                below = torch.bmm(
                    self._weights[layer][:, :-1], slopes, out=self._room.sums[layer - 1]
                )
                slopes = self._through(below, inputs[:, :-1])
        own = []
        for block, widths in zip(self._blocks(), self._widths(), strict=True):
            layers = zip(gradients, widths, strict=True)
            own.append(torch.cat([g[block, :, :width].flatten(1) for g, width in layers], 1))
        return own

    def _widths(self) -> list[list[int]]:
        hidden = [outputs for _, outputs in self._shapes[:-1]]
        return [[*hidden, network.outputs] for network in self.networks]

    def _through(self, slopes: torch.Tensor, activated: torch.Tensor) -> torch.Tensor:
        """Turn derivatives by what came out of the activation into those by what went in."""
        for block, kind in self._kinds():
            if kind == "relu":
                slopes[block] *= activated[block] > 0
            else:
                torch.ops.aten.tanh_backward.grad_input(
                    slopes[block], activated[block], grad_input=slopes[block]
                )
        return slopes


@dataclass(frozen=True)
class _Room:
    """Memory of a pass: what goes into every layer, (rows, features + 1, columns), and its sums.

    The last feature is one. Sums, (rows, outputs, columns), are of all layers but the last.
    """

    inputs: list[torch.Tensor]
    sums: list[torch.Tensor]
