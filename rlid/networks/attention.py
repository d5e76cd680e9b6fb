"""A small transformer over the patches of an image (Dosovitskiy et al. 2021), without dropout."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from rlid.errors import InputError

MAX_WIDTH, MAX_DEPTH = 1024, 24
POSITION_SCALE = 0.02
"""Standard deviation of the positions at the start, as in the paper."""
HIDDEN = 2
"""Width of the fully connected layer of a block over the width of the network."""


def attention(
    shape: tuple[int, ...],
    outputs: int,
    width: int = 32,
    depth: int = 2,
    heads: int = 4,
    patch: int = 4,
) -> nn.Module:
    """Return a transformer: patches, positions, blocks of attention, the mean, one layer.

    Args:
        shape: channels, height and width of an image.
        outputs: how many numbers it returns.
        width: numbers that stand for a patch, a multiple of `heads`.
        depth: how many blocks.
        heads: heads of each attention.
        patch: side of a patch in pixels; an image is cut to whole patches with zeros added at its
            right and at its bottom.

    Raises:
        InputError: there is no image, or a setting is out of range.
    """
    if len(shape) != 3:
        raise InputError(
            f"network 'attention' takes images, and this task shows "
            f"{'x'.join(map(str, shape))} numbers without a shape: use linear or mlp:20x20"
        )
    if not (1 <= heads <= width <= MAX_WIDTH and width % heads == 0):
        raise InputError(
            f"network 'attention': width is a multiple of heads = {heads} up to {MAX_WIDTH}, "
            f"not {width}"
        )
    if not 1 <= depth <= MAX_DEPTH:
        raise InputError(f"network 'attention': depth is from 1 to {MAX_DEPTH}, not {depth}")
    if not 1 <= patch <= min(shape[1:]):
        raise InputError(
            f"network 'attention': patch is from 1 to {min(shape[1:])} pixels, not {patch}"
        )
    return PatchTransformer(shape, outputs, width, depth, heads, patch)


class PatchTransformer(nn.Module):
    """The network that `attention` returns; it maps images (m, channels, height, width)."""

    def __init__(
        self, shape: tuple[int, ...], outputs: int, width: int, depth: int, heads: int, patch: int
    ) -> None:
        """Make the layers in the order in which an image passes through them."""
        super().__init__()
        channels, *sides = shape
        rows, columns = (-(-side // patch) for side in sides)
        self.padding = (0, columns * patch - sides[1], 0, rows * patch - sides[0])
        self.patches = nn.Conv2d(channels, width, patch, patch)
        self.positions = nn.Parameter(POSITION_SCALE * torch.randn(rows * columns, width))
        self.blocks = nn.Sequential(*(AttentionBlock(width, heads) for _ in range(depth)))
        self.norm = nn.LayerNorm(width)
        self.last = nn.Linear(width, outputs)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return outputs (m, outputs)."""
        patches = self.patches(functional.pad(images, self.padding)).flatten(2).transpose(1, 2)
        features = self.norm(self.blocks(patches + self.positions))
        outputs: torch.Tensor = self.last(features.mean(1))
        return outputs


class AttentionBlock(nn.Module):
    """Attention among the patches of an image, then a layer for each patch, both beside a skip."""

    def __init__(self, width: int, heads: int) -> None:
        """Make the layers; normalisation comes before each part."""
        super().__init__()
        self.heads = heads
        self.norm1 = nn.LayerNorm(width)
        self.queries_keys_values = nn.Linear(width, 3 * width)
        self.mix = nn.Linear(width, width)
        self.norm2 = nn.LayerNorm(width)
        self.wide = nn.Linear(width, HIDDEN * width)
        self.narrow = nn.Linear(HIDDEN * width, width)

    def forward(self, patches: torch.Tensor) -> torch.Tensor:
        """Map (m, patches, width) to the same shape."""
        m, count, width = patches.shape
        together = self.queries_keys_values(self.norm1(patches))
        split = together.view(m, count, 3, self.heads, width // self.heads)
        queries, keys, values = split.permute(2, 0, 3, 1, 4)
        seen = functional.scaled_dot_product_attention(queries, keys, values)
        patches = patches + self.mix(seen.transpose(1, 2).reshape(m, count, width))
        hidden = functional.gelu(self.wide(self.norm2(patches)))
        outputs: torch.Tensor = patches + self.narrow(hidden)
        return outputs
