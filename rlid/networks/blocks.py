"""A memory layout of images that makes the first convolution of a training step fast."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rlid.networks.layers import Conv, Shape

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Blocks:
    """Images stored as squares that are as wide as a convolution's stride, one after the other.

    Let a kernel be k times as wide as its stride. Its convolution of an image equals a convolution
    of width k and stride 1 of the squares, with all numbers of a square as channels. The zeros
    around an image are stored with it. Where the stride is 1, or does not divide the width of the
    kernel, a square is a single pixel and the convolution is unchanged.

    Attributes:
        shape: channels, height and width of the images.
        first: the first convolution of the network.
    """

    shape: Shape
    first: Conv

    @property
    def side(self) -> int:
        """The width of a square in pixels."""
        return self.first.stride if self.first.kernel % self.first.stride == 0 else 1

    @property
    def convolution(self) -> Conv:
        """The equivalent convolution of squares."""
        side, first = self.side, self.first
        if side == 1:
            return first
        return Conv(first.channels * side**2, first.outputs, first.kernel // side, pool=first.pool)

    @property
    def size(self) -> int:
        """How many numbers an image has, the zeros around it included."""
        rows, columns = self._counts
        return rows * columns * self.shape[0] * self.side**2

    @property
    def _zeros(self) -> tuple[int, int, int, int]:
        return self.first.padding if self.side > 1 else (0, 0, 0, 0)

    @property
    def _counts(self) -> tuple[int, int]:
        left, right, top, bottom = self._zeros
        _, height, width = self.shape
        return (height + top + bottom) // self.side, (width + left + right) // self.side

    def cut(self, images: NDArray[Any]) -> NDArray[Any]:
        """Return images (n, channels * height * width) as squares (n, size) of the same dtype."""
        channels, height, width = self.shape
        left, _, top, _ = self._zeros
        (rows, columns), side, n = self._counts, self.side, len(images)
        padded = images.reshape(n, *self.shape)
        if side > 1:
            inner = padded
            padded = np.zeros((n, channels, rows * side, columns * side), images.dtype)
            padded[:, :, top : top + height, left : left + width] = inner
        # One line of a square is one item of `lines`, so that a copy moves it at once.
        lines = padded.view(np.dtype((np.void, side * images.itemsize)))
        lines = lines.reshape(n, channels, rows, side, columns)
        squares = np.empty((n, rows, columns, side, channels), lines.dtype)
        # Strided copies are several times as fast as one copy of a transposed view.
        for channel in range(channels):
            for line in range(side):
                squares[:, :, :, line, channel] = lines[:, channel, :, line]
        return squares.view(images.dtype).reshape(n, self.size)

    def images(self, x: torch.Tensor) -> torch.Tensor:
        """Return a view of squares (n, size) as images for `convolution`, in channels last."""
        rows, columns = self._counts
        return x.view(len(x), rows, columns, -1).permute(0, 3, 1, 2)

    def weights(self, weights: torch.Tensor) -> torch.Tensor:
        """Return weights (outputs, channels, kernel, kernel) rearranged for `convolution`."""
        side, width = self.side, self.first.kernel // self.side
        if side == 1:
            return weights
        cut = weights.view(-1, self.shape[0], width, side, width, side)
        return cut.permute(0, 3, 1, 5, 2, 4).reshape(len(weights), -1, width, width)
