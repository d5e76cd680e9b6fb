"""The layers of an architecture for given inputs and outputs, and their sizes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

from rlid.errors import InputError
from rlid.networks.grammar import Architecture

Shape = tuple[int, int, int]
"""Channels, height and width of an image."""

LARGE_SIDE, SMALL_SIDE = 42, 16
"""Pixels from which an image counts as large (84x84 screens), and up to which as small (boards)."""
LARGE_STEPS = ((8, 4), (4, 2), (3, 1))
"""Kernel and stride of each convolution of a large image (Mnih et al. 2015); the last repeats."""
LENET_KERNEL, LENET_POOL, LENET_SMALLEST = 5, 2, 16
"""Width of the kernels, of the pools, and of the smallest image, in pixels."""


@dataclass(frozen=True)
class DenseLayer:
    """A fully connected layer with weights (inputs, outputs)."""

    inputs: int
    outputs: int

    @property
    def fan_in(self) -> int:
        """Inputs of one unit."""
        return self.inputs

    @property
    def weight_shape(self) -> tuple[int, ...]:
        """The shape of its weights in theta."""
        return self.inputs, self.outputs


@dataclass(frozen=True)
class Conv:
    """A convolution with weights (outputs, channels, kernel, kernel), followed by a max-pool.

    Attributes:
        channels: input channels.
        outputs: output channels.
        kernel: width of the square kernel.
        stride: step between two positions of the kernel.
        padding: zeros on the left, on the right, at the top and at the bottom of an image.
        pool: width of the pool; 1 means no pool.
    """

    channels: int
    outputs: int
    kernel: int
    stride: int = 1
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    pool: int = 1

    @property
    def fan_in(self) -> int:
        """Inputs of one unit."""
        return self.channels * self.kernel * self.kernel

    @property
    def weight_shape(self) -> tuple[int, ...]:
        """The shape of its weights in theta."""
        return self.outputs, self.channels, self.kernel, self.kernel


Layer = DenseLayer | Conv


def layers_of(
    architecture: Architecture, inputs: int, shape: Shape | None, outputs: int
) -> list[Layer]:
    """Return the layers of a network from its inputs to its outputs.

    The fully connected layer after a convolution reads an image as (height, width, channels).

    Args:
        architecture: what the network's name stands for.
        inputs: how many numbers an observation has.
        shape: the shape of an observation that is an image, otherwise None.
        outputs: how many numbers the last layer returns.

    Raises:
        InputError: the architecture has convolutions, and there is no image or it is too small.
    """
    layers: list[Layer] = []
    if architecture.filters:
        if shape is None:
            raise InputError(
                f"network {architecture.name!r} takes images, and this task shows {inputs} numbers "
                "without a shape: use linear or mlp:20x20"
            )
        images = _lenet if architecture.family == "lenet" else _convolutions
        layers += images(architecture, shape)
        inputs = _flat_size(layers, shape)
    sizes = [inputs, *architecture.hidden, outputs]
    return layers + [DenseLayer(*ends) for ends in pairwise(sizes)]


def _lenet(architecture: Architecture, shape: Shape) -> list[Conv]:
    channels, height, width = shape
    if min(height, width) < LENET_SMALLEST:
        raise InputError(
            f"network 'lenet' takes images of at least {LENET_SMALLEST}x{LENET_SMALLEST}, not "
            f"{height}x{width}: use conv:16-32-256 or mlp:20x20"
        )
    ends = (channels, *architecture.filters)
    return [Conv(a, b, LENET_KERNEL, pool=LENET_POOL) for a, b in pairwise(ends)]


def _convolutions(architecture: Architecture, shape: Shape) -> list[Conv]:
    channels, height, width = shape
    side = min(height, width)
    steps = LARGE_STEPS if side >= LARGE_SIDE else ((3, 1),) if side <= SMALL_SIDE else ((3, 2),)
    layers = []
    for index, filters in enumerate(architecture.filters):
        kernel, stride = steps[min(index, len(steps) - 1)]
        padding = (*_same(width, kernel, stride), *_same(height, kernel, stride))
        layers.append(Conv(channels, filters, kernel, stride, padding))
        channels, height, width = filters, -(-height // stride), -(-width // stride)
    return layers


def _same(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """Return the zeros before and after a line for ceil(size / stride) outputs, as Li et al. do."""
    total = max(0, (-(-size // stride) - 1) * stride + kernel - size)
    return total // 2, total - total // 2


def _flat_size(layers: list[Layer], shape: Shape) -> int:
    """Return how many numbers the last of some convolutions returns for one image."""
    channels, *sides = shape
    for layer in layers:
        assert isinstance(layer, Conv)
        pads = (sum(layer.padding[2:]), sum(layer.padding[:2]))
        sides = [
            ((side + pad - layer.kernel) // layer.stride + 1) // layer.pool
            for side, pad in zip(sides, pads, strict=True)
        ]
        channels = layer.outputs
    return channels * math.prod(sides)
