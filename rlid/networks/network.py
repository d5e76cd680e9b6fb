"""A network: an architecture with its inputs and outputs, as a function of theta and inputs."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rlid.networks.alignment import aligned, ceiling
from rlid.networks.blocks import Blocks
from rlid.networks.grammar import Architecture
from rlid.networks.layers import Conv, Layer, Shape, layers_of
from rlid.random_stream import Stream

if TYPE_CHECKING:
    import torch

Parts: TypeAlias = "list[tuple[torch.Tensor, torch.Tensor]]"
"""Weights and biases of each layer."""
Prepared: TypeAlias = Any
"""What `prepared` makes for `apply`: `Parts` of layers, the parameters by name of a module."""


@dataclass(frozen=True)
class Network:
    """An architecture with its inputs and outputs: a function of (theta, observations).

    theta holds the layers one after the other: the weights, in the order of the layer's
    `weight_shape`, then the biases. Observations are floats, or bytes that the network converts. A
    network of the architecture `vector:N` has no layers and is no function: its task scores theta
    itself.

    Attributes:
        architecture: hidden layers and initialisation.
        inputs: how many numbers an observation has.
        outputs: how many numbers the last layer returns.
        activation: "tanh" or "relu", after every layer but the last.
        shape: (channels, height, width) of an observation that is an image, otherwise None.
        byte_scale: factor of observations that are bytes, such as 1/255.
        blocks: the memory layout of observations, where it is not channel after channel.
    """

    architecture: Architecture
    inputs: int
    outputs: int
    activation: str = "tanh"
    shape: Shape | None = None
    byte_scale: float = 1.0
    blocks: Blocks | None = None

    def __post_init__(self) -> None:
        """Check that the architecture fits the inputs.

        Raises:
            InputError: the architecture has convolutions, and there is no image or it is too small.
        """
        _ = self.layers

    @cached_property
    def layers(self) -> list[Layer]:
        """The layers from the inputs to the outputs; an empty list for `vector:N`."""
        if self.architecture.weights:
            return []
        return layers_of(self.architecture, self.inputs, self.shape, self.outputs)

    @property
    def D(self) -> int:
        """The number of weights, biases included."""
        if self.architecture.weights:
            return self.architecture.weights
        return sum(math.prod(layer.weight_shape) + layer.outputs for layer in self.layers)

    @property
    def is_dense(self) -> bool:
        """Whether `layers` are all there is of it, fully connected: fast paths may compute them."""
        return not self.architecture.filters

    @property
    def hidden_state(self) -> dict[str, int]:
        """How many numbers besides theta the network holds, by what they are."""
        return {}

    @property
    def _has_images(self) -> bool:
        return bool(self.architecture.filters)

    def initial(self, seed: int) -> NDArray[np.float32]:
        """Draw theta0 (D,) from the frozen stream of `seed`.

        Biases are zero. The entries of `vector:N` are standard normal.
        """
        if self.architecture.weights:
            return Stream(seed, "theta0").normal(self.D).astype(np.float32)
        parts: list[NDArray[np.float64]] = []
        for index, layer in enumerate(self.layers):
            draws = Stream(seed, f"theta0/{index}").normal(math.prod(layer.weight_shape))
            rows = layer.outputs if isinstance(layer, Conv) else layer.fan_in
            weights = draws.reshape(rows, -1)
            if self.architecture.initialisation == "orthogonal":
                weights = _orthogonal(weights)
            else:
                weights = weights / math.sqrt(layer.fan_in)
            if index == len(self.layers) - 1:
                weights = weights * self.architecture.output_scale
            parts += [weights.ravel(), np.zeros(layer.outputs)]
        return np.concatenate(parts).astype(np.float32)

    def bind(self, Theta: torch.Tensor) -> Callable[[torch.Tensor], torch.Tensor]:
        """Return the function from observations (n, m, inputs) to outputs (n, m, outputs).

        Row i of Theta (n, D) acts on row i of the observations, and row i of the outputs depends on
        these two rows alone, to the last bit. The bits of a batched product may depend on the
        alignment of a matrix in memory and on whether the batch holds one matrix or several;
        therefore all rows are aligned, and a batch of one row is padded to two. The function is
        differentiable in both.
        """
        if self._has_images:
            return self._bind_images(Theta)
        import torch

        rows = max(len(Theta), 2)
        weights, biases, start = [], [], 0
        for layer in self.layers:
            end = start + math.prod(layer.weight_shape)
            weights.append(aligned(Theta[:, start:end], rows).view(rows, *layer.weight_shape))
            biases.append(aligned(Theta[:, end : end + layer.outputs], rows).unsqueeze(1))
            start = end + layer.outputs
        name = "tanh" if self.activation == "tanh" else "relu"
        fresh, in_place = getattr(torch, name), getattr(torch, f"{name}_")

        def forward(x: torch.Tensor) -> torch.Tensor:
            n, m, _ = x.shape
            activate = in_place if torch.is_inference_mode_enabled() else fresh
            x = self._floats(x)
            padded = x.new_zeros(rows, ceiling(m), self.inputs)
            padded[:n, :m] = x
            x = padded
            for index, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
                x = torch.baddbmm(bias, x, weight)
                if index < len(weights) - 1:
                    x = activate(x)
            return x[:n, :m]

        return forward

    def _bind_images(self, Theta: torch.Tensor) -> Callable[[torch.Tensor], torch.Tensor]:
        import torch

        # One network after the other: on a CPU this is as fast as grouped convolutions of screens,
        # and the shapes do not depend on the number of rows. A clone of a row is aligned as a lone
        # row is; the bits of a product may depend on the alignment.
        rows = [self.prepared(theta.clone()) for theta in Theta]

        def forward(x: torch.Tensor) -> torch.Tensor:
            outputs = [self.apply(parts, row) for parts, row in zip(rows, x, strict=True)]
            return torch.stack(outputs)

        return forward

    def outputs_of(self, theta: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """Map observations (m, inputs) to outputs (m, outputs) by one theta (D,).

        Gradient agents train through this function, which is differentiable in both. Its last bits
        may differ from those of `bind`, which evaluates populations.
        """
        return self.apply(self.prepared(theta), x)

    def parts(self, theta: torch.Tensor) -> Parts:
        """Return the weights and biases of each layer as views of theta (D,)."""
        import torch

        sizes = [
            size for layer in self.layers for size in (math.prod(layer.weight_shape), layer.outputs)
        ]
        # One split instead of slices: the gradient of each slice would be as long as theta.
        pieces = torch.split(theta, sizes)
        return [
            (weights.view(layer.weight_shape), biases)
            for layer, weights, biases in zip(self.layers, pieces[::2], pieces[1::2], strict=True)
        ]

    def in_blocks(self) -> Network:
        """Return the network for observations in the layout of `Blocks`; without images, itself."""
        if not self._has_images:
            return self
        first = self.layers[0]
        assert self.shape is not None
        assert isinstance(first, Conv)
        return replace(self, blocks=Blocks(self.shape, first))

    def prepared(self, theta: torch.Tensor, *, is_half: bool = False) -> Prepared:
        """Return the weights and biases of theta (D,) in the form that `apply` takes.

        Where `is_half`, those of all layers but the last are bfloat16.
        """
        import torch

        parts = self.parts(theta)
        if self.blocks is not None:
            (weights, biases), *others = parts
            parts = [(self.blocks.weights(weights), biases), *others]
        if not is_half:
            return parts
        # Bytes are exact in bfloat16, scaled bytes are not: so the weights are scaled instead.
        (weights, biases), *others = parts
        parts = [(weights * self.byte_scale, biases), *others]
        *hidden, outputs = parts
        half = [
            (weights.to(torch.bfloat16), biases.to(torch.bfloat16)) for weights, biases in hidden
        ]
        return [*half, outputs]

    def apply(self, parts: Prepared, x: torch.Tensor, *, is_half: bool = False) -> torch.Tensor:
        """Map observations (m, inputs) to outputs (m, outputs) by the result of `prepared`.

        Where `is_half`, a layer is computed in the dtype that `prepared` gave it, and observations
        must be bytes where `byte_scale` is not 1. The outputs are float32.
        """
        import torch

        layers, last = self.layers, len(self.layers) - 1
        if self.blocks is not None:
            layers = [self.blocks.convolution, *layers[1:]]
        if is_half:
            images = self._viewed(x).to(torch.bfloat16)
            x = images.contiguous(memory_format=torch.channels_last)
        else:
            x = self._images(x) if self._has_images else self._floats(x)
        for index, (layer, (weights, biases)) in enumerate(zip(layers, parts, strict=True)):
            if isinstance(layer, Conv):
                x = self._convolve(layer, weights, biases, x)
                continue
            if x.dim() == 4:
                # This copies nothing where the image is channels last in memory.
                x = x.permute(0, 2, 3, 1).reshape(len(x), -1)
            x = torch.addmm(biases, x.to(weights.dtype), weights)
            if index < last:
                x = self._activate(x)
        return x.float()

    def _convolve(
        self, layer: Conv, weights: torch.Tensor, biases: torch.Tensor, x: torch.Tensor
    ) -> torch.Tensor:
        from torch.nn import functional

        left, right, top, bottom = layer.padding
        if left == right and top == bottom:
            x = functional.conv2d(x, weights, biases, layer.stride, (top, left))
        else:
            x = functional.conv2d(functional.pad(x, layer.padding), weights, biases, layer.stride)
        x = self._activate(x)
        return x if layer.pool == 1 else functional.max_pool2d(x, layer.pool)

    def _floats(self, x: torch.Tensor) -> torch.Tensor:
        """Return observations as float32; bytes are scaled."""
        import torch

        return x.to(torch.float32).mul_(self.byte_scale) if x.dtype == torch.uint8 else x

    def _images(self, x: torch.Tensor) -> torch.Tensor:
        """Return observations (m, inputs) as float32 images (m, channels, height, width)."""
        import torch

        images = self._viewed(x)
        if images.dtype != torch.uint8:
            return images.contiguous(memory_format=torch.channels_last)
        # One call that converts and rearranges would take twice as long as these two.
        converted = images.to(torch.float32).contiguous(memory_format=torch.channels_last)
        return converted.mul_(self.byte_scale)

    def _viewed(self, x: torch.Tensor) -> torch.Tensor:
        """Return observations (m, inputs) as images of the same dtype, a view."""
        if self.blocks is not None:
            return self.blocks.images(x)
        assert self.shape is not None
        return x.view(-1, *self.shape)

    def _activate(self, x: torch.Tensor) -> torch.Tensor:
        import torch

        return torch.tanh(x) if self.activation == "tanh" else torch.relu(x)


def _orthogonal(draws: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a matrix in the shape of `draws` with orthonormal columns, or rows if it is wide."""
    tall = draws if draws.shape[0] >= draws.shape[1] else draws.T
    basis, triangle = np.linalg.qr(tall)
    # Without these signs the basis would not be uniformly distributed (Mezzadri 2007).
    basis = basis * np.sign(np.diag(triangle))
    return basis if draws.shape[0] >= draws.shape[1] else basis.T
