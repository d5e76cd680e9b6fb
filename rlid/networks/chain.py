"""Recognises a torch module that is a chain of fully connected layers, which fast paths compute.

The module is traced by torch.fx, its layers are found in the trace, and `ModuleNetwork` compares
what it computes with the built-in network of the same layers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rlid.networks.grammar import Architecture
from rlid.networks.network import Network

if TYPE_CHECKING:
    import torch
    from torch import nn


@dataclass(frozen=True)
class Chain:
    """A built-in network that computes what a module does.

    Attributes:
        network: the built-in network.
        order: where each of its weights stands in the module's theta, int64 (D',). An index of D
            stands for a weight of zero: a bias that the module does not have.
        has_gaps: whether there is such an index.
    """

    network: Network
    order: torch.Tensor
    has_gaps: bool

    def weights(self, theta: torch.Tensor) -> torch.Tensor:
        """Return theta (..., D) of the module as that of the built-in network (..., D')."""
        import torch

        if self.has_gaps:
            theta = torch.cat([theta, theta.new_zeros(*theta.shape[:-1], 1)], -1)
        return theta.index_select(-1, self.order)


def chain_of(
    module: nn.Module, parameters: Mapping[str, torch.Tensor], inputs: int, byte_scale: float
) -> Chain | None:
    """Return the chain that a module is, or None where it is anything else.

    A chain is fully connected layers one after the other, with tanh or ReLU between any two, the
    same everywhere. Layers are of type `nn.Linear`, or products with a parameter and sums with
    another, however they are written. The order of their definition is free.

    Args:
        module: the module; it is traced, and must not be used afterwards.
        parameters: the parameters of theta by name, in their order.
        inputs: how many numbers an observation has.
        byte_scale: factor of observations that are bytes.
    """
    import torch

    from rlid.networks.tracing import path_of

    places, start = {}, 0
    for name, parameter in parameters.items():
        end = start + parameter.numel()
        places[name] = torch.arange(start, end).view(parameter.shape)
        start = end
    try:
        path = path_of(module, places, inputs)
    except Exception:
        # A module that cannot be traced is no chain; what is wrong with it is found elsewhere.
        return None
    if not path.layers or len(path.activations) != len(path.layers) - 1:
        return None
    if len(set(path.activations)) > 1:
        return None
    D, order = start, []  # noqa: N806 (the field's word)
    for weight, bias in path.layers:
        order += [
            weight.reshape(-1),
            weight.new_full(weight.shape[1:], D) if bias is None else bias,
        ]
    hidden = tuple(weight.shape[1] for weight, _ in path.layers[:-1])
    activation = path.activations[0] if path.activations else "tanh"
    network = Network(Architecture(hidden), inputs, path.width, activation, None, byte_scale)
    return Chain(network, torch.cat(order), any(bias is None for _, bias in path.layers))
