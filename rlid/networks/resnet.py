"""A small residual network for images (He et al. 2016), with group normalisation (Wu and He 2018).

Group normalisation holds no running statistics, so that theta is all there is of the network.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from rlid.errors import InputError

MAX_WIDTH, MAX_BLOCKS, MAX_STAGES = 512, 18, 5
SMALLEST = 4
"""Pixels on a side of the smallest image."""
GROUPS = 4


def resnet(
    shape: tuple[int, ...], outputs: int, width: int = 16, blocks: int = 1, stages: int = 3
) -> nn.Module:
    """Return a residual network: a convolution, stages of residual blocks, the mean, one layer.

    Args:
        shape: channels, height and width of an image.
        outputs: how many numbers it returns.
        width: channels of the first stage, a multiple of 4; each later stage has twice as many
            and half the side.
        blocks: residual blocks of each stage, of two convolutions each.
        stages: how many stages.

    Raises:
        InputError: there is no image, it is too small, or a setting is out of range.
    """
    if len(shape) != 3 or min(shape[1:]) < SMALLEST:
        raise InputError(
            f"network 'resnet' takes images of at least {SMALLEST}x{SMALLEST}, and this task shows "
            f"{'x'.join(map(str, shape))} numbers: use linear or mlp:20x20"
        )
    if not (GROUPS <= width <= MAX_WIDTH and width % GROUPS == 0):
        raise InputError(
            f"network 'resnet': width is a multiple of {GROUPS} up to {MAX_WIDTH}, not {width}"
        )
    for name, value, largest in (("blocks", blocks, MAX_BLOCKS), ("stages", stages, MAX_STAGES)):
        if not 1 <= value <= largest:
            raise InputError(f"network 'resnet': {name} is from 1 to {largest}, not {value}")
    return ResNet(shape[0], outputs, width, blocks, stages)


class ResNet(nn.Module):
    """The network that `resnet` returns; it maps images (m, channels, height, width)."""

    def __init__(self, channels: int, outputs: int, width: int, blocks: int, stages: int) -> None:
        """Make the layers in the order in which an image passes through them."""
        super().__init__()
        self.first = nn.Conv2d(channels, width, 3, padding=1)
        layers: list[nn.Module] = []
        for stage in range(stages):
            for block in range(blocks):
                is_shrinking = stage > 0 and block == 0
                layers.append(ResidualBlock(width // 2 if is_shrinking else width, width))
            width *= 2
        self.blocks = nn.Sequential(*layers)
        self.norm = nn.GroupNorm(GROUPS, width // 2)
        self.last = nn.Linear(width // 2, outputs)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return outputs (m, outputs)."""
        features = functional.relu(self.norm(self.blocks(self.first(images))))
        outputs: torch.Tensor = self.last(features.mean((2, 3)))
        return outputs


class ResidualBlock(nn.Module):
    """Two convolutions beside a skip; where the channels grow, the side is halved."""

    def __init__(self, channels: int, width: int) -> None:
        """Make the layers; normalisation comes before each convolution (He et al. 2016b)."""
        super().__init__()
        stride = 1 if channels == width else 2
        self.norm1 = nn.GroupNorm(GROUPS, channels)
        self.conv1 = nn.Conv2d(channels, width, 3, stride, padding=1, bias=False)
        self.norm2 = nn.GroupNorm(GROUPS, width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.skip = (
            nn.Identity() if stride == 1 else nn.Conv2d(channels, width, 1, stride, bias=False)
        )

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Map (m, channels, height, width) to (m, width, height', width')."""
        hidden = self.conv1(functional.relu(self.norm1(images)))
        hidden = self.conv2(functional.relu(self.norm2(hidden)))
        outputs: torch.Tensor = hidden + self.skip(images)
        return outputs
