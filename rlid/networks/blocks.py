"""How images lie in memory for their first convolution to be quick, in training."""

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
    """Images cut into squares as wide as a convolution's stride, one square after the other.

    A kernel so many times as wide as its stride is on images what one of that width and of stride
    1 is on their squares, with every number of a square as a channel. Zeros around the image
    become part of it. Where the stride is 1, or does not divide the kernel, squares are single
    pixels, and the convolution stays as it is.

    Attributes:
        shape: channels, height and width of the images.
        first: the convolution.
    """

    shape: Shape
    first: Conv

    @property
    def side(self) -> int:
        """The width of a square."""
        return self.first.stride if self.first.kernel % self.first.stride == 0 else 1

    @property
    def convolution(self) -> Conv:
        """The convolution on squares."""
        side, first = self.side, self.first
        if side == 1:
            return first
        return Conv(first.channels * side**2, first.outputs, first.kernel // side, pool=first.pool)

    @property
    def size(self) -> int:
        """Numbers in an image, its zeros included."""
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
        """Return images (n, channels * height * width) as squares (n, size), of the same type."""
        channels, height, width = self.shape
        left, _, top, _ = self._zeros
        (rows, columns), side, n = self._counts, self.side, len(images)
        whole = images.reshape(n, *self.shape)
        if side > 1:
            inner, whole = whole, np.zeros((n, channels, rows * side, columns * side), images.dtype)
            whole[:, :, top : top + height, left : left + width] = inner
        # A square's line is moved in one piece.
        lines = whole.view(np.dtype((np.void, side * images.itemsize)))
        lines = lines.reshape(n, channels, rows, side, columns)
        found = np.empty((n, rows, columns, side, channels), lines.dtype)
        # One strided copy each is several times as fast as one of a transposed view.
        for channel in range(channels):
            for line in range(side):
                found[:, :, :, line, channel] = lines[:, channel, :, line]
        return found.view(images.dtype).reshape(n, self.size)

    def images(self, x: torch.Tensor) -> torch.Tensor:
        """Return squares (n, size) as images for `convolution`, channels last: a view."""
        rows, columns = self._counts
        return x.view(len(x), rows, columns, -1).permute(0, 3, 1, 2)

    def weights(self, weights: torch.Tensor) -> torch.Tensor:
        """Return weights (outputs, channels, kernel, kernel) as those of `convolution`."""
        side, width = self.side, self.first.kernel // self.side
        if side == 1:
            return weights
        cut = weights.view(-1, self.shape[0], width, side, width, side)
        return cut.permute(0, 3, 1, 5, 2, 4).reshape(len(weights), -1, width, width)
