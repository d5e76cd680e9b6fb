"""Recognises a torch module that is a chain of fully connected layers, which fast paths compute.

The module is traced by torch.fx and compared with the built-in network of the same layers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

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
        order: where each of its weights stands in the module's theta, int64 (D,).
    """

    network: Network
    order: torch.Tensor


def chain_of(
    module: nn.Module, parameters: Mapping[str, torch.Tensor], inputs: int, byte_scale: float
) -> Chain | None:
    """Return the chain that a module is, or None where it is anything else.

    A chain is layers of type `nn.Linear` with biases, one after the other, with tanh or ReLU
    between any two, the same everywhere. The order of the definition of the layers is free.

    Args:
        module: the module; it is traced, and must not be used afterwards.
        parameters: the parameters of theta by name, in their order.
        inputs: how many numbers an observation has.
        byte_scale: factor of observations that are bytes.
    """
    import torch

    try:
        links = list(_links(module))
    except Exception:
        # A module that cannot be traced is no chain; what is wrong with it is found elsewhere.
        return None
    layers, between = links[::2], links[1::2]
    linear = [layer for layer in layers if isinstance(layer, torch.nn.Linear)]
    if len(linear) != len(layers) or not linear or len(layers) != len(between) + 1:
        return None
    if not set(between) <= {"tanh"} and not set(between) <= {"relu"}:
        return None
    places, start = {}, 0
    names = {id(parameter): name for name, parameter in module.named_parameters()}
    for name, parameter in parameters.items():
        end = start + parameter.numel()
        places[name] = torch.arange(start, end).view(parameter.shape)
        start = end
    order = []
    for layer in linear:
        for part in (layer.weight, layer.bias):
            place = places.pop(names.get(id(part), ""), None)
            if place is None:
                return None
            order.append(place.T.reshape(-1) if place.dim() == 2 else place)
    if places or linear[0].in_features != inputs:
        return None
    hidden = tuple(layer.out_features for layer in linear[:-1])
    activation = "relu" if "relu" in between else "tanh"
    network = Network(
        Architecture(hidden), inputs, linear[-1].out_features, activation, None, byte_scale
    )
    return Chain(network, torch.cat(order))


def _links(module: nn.Module) -> Iterator[Any]:
    """Yield the linear layers and the names of the functions that inputs pass through in turn.

    Raises:
        Exception: the module cannot be traced, or is no chain.
    """
    from torch import fx, nn

    # The tracer looks into the root, but not into torch's own layers.
    root = nn.Sequential(module)
    if any(layer._forward_hooks or layer._forward_pre_hooks for layer in root.modules()):
        raise ValueError("a hook may do anything")
    first, *nodes, last = fx.Tracer().trace(root).nodes
    previous = first
    for node in nodes:
        if node.all_input_nodes != [previous] or node.args[:1] != (previous,):
            raise ValueError("more than one path")
        link = _link(root, node)
        if link is not None:
            yield link
        previous = node
    if first.op != "placeholder" or last.op != "output" or last.args != (previous,):
        raise ValueError("more than one input or output")


def _link(root: nn.Module, node: Any) -> Any:
    """Return the layer or the function of a node of the trace, or None where it changes nothing."""
    import torch
    from torch import nn
    from torch.nn import functional

    others = (*node.args[1:], *node.kwargs.items())
    if node.op == "call_module" and not others:
        layer = root.get_submodule(node.target)
        if type(layer) is nn.Flatten and (layer.start_dim, layer.end_dim) == (1, -1):
            return None
        # The module is in evaluation mode, where dropout changes nothing.
        layers: dict[Any, Any] = {nn.Linear: layer, nn.Identity: None, nn.Dropout: None}
        layers |= {nn.Tanh: "tanh", nn.ReLU: "relu"}
        return layers[type(layer)]
    if node.op == "call_function":
        functions: dict[Any, Any] = {torch.tanh: "tanh", functional.tanh: "tanh"}
        functions |= {torch.relu: "relu", functional.relu: "relu", torch.flatten: None}
        link = functions[node.target]
        if others != ((1,) if link is None else ()) and others != (("inplace", False),):
            raise ValueError("arguments that change what the function does")
        return link
    if node.op == "call_method" and others == ((1,) if node.target == "flatten" else ()):
        return {"tanh": "tanh", "relu": "relu", "flatten": None}[node.target]
    raise ValueError(f"{node.op} is no link of a chain")
