"""A network with given weights as a plain torch module, independent of rlid."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rlid.errors import InputError
from rlid.networks.layers import Conv
from rlid.networks.module_network import ModuleNetwork
from rlid.networks.network import Network

if TYPE_CHECKING:
    import torch
    from torch import nn


def to_torch(network: Network, theta: torch.Tensor) -> nn.Sequential:
    """Return a module that maps float inputs (n, inputs) to outputs (n, outputs).

    Raises:
        InputError: the network is `vector:N`, which has no layers.
    """
    from torch import nn

    if isinstance(network, ModuleNetwork):
        unflatten = nn.Unflatten(1, network.observation_shape)
        return nn.Sequential(unflatten, network.filled(theta))
    if not network.layers:
        raise InputError("vector:N has no layers; use linear, mlp:, conv: or lenet")
    activation = nn.Tanh if network.activation == "tanh" else nn.ReLU
    modules: list[nn.Module] = []
    last = len(network.layers) - 1
    is_image = False
    for index, (layer, (weights, biases)) in enumerate(
        zip(network.layers, network.parts(theta), strict=True)
    ):
        if isinstance(layer, Conv):
            if not is_image:
                modules.append(nn.Unflatten(1, network.shape or ()))
            is_image = True
            module = nn.Conv2d(layer.channels, layer.outputs, layer.kernel, layer.stride)
            modules += [nn.ZeroPad2d(layer.padding), _filled(module, weights, biases), activation()]
            if layer.pool > 1:
                modules.append(nn.MaxPool2d(layer.pool))
            continue
        matrix = weights.T
        if is_image:
            # rlid flattens an image as (pixels, channels), torch as (channels, pixels).
            channels = network.layers[index - 1].outputs
            pixels = math.prod(matrix.shape) // (channels * layer.outputs)
            matrix = matrix.reshape(layer.outputs, pixels, channels).transpose(1, 2)
            matrix = matrix.reshape(layer.outputs, -1)
            modules.append(nn.Flatten())
            is_image = False
        modules.append(_filled(nn.Linear(layer.inputs, layer.outputs), matrix, biases))
        if index < last:
            modules.append(activation())
    return nn.Sequential(*modules)


def _filled(
    module: nn.Linear | nn.Conv2d, weights: torch.Tensor, biases: torch.Tensor
) -> nn.Module:
    """Return the module with its weights and biases replaced."""
    import torch

    with torch.no_grad():
        module.weight.copy_(weights)
        assert module.bias is not None
        module.bias.copy_(biases)
    return module
