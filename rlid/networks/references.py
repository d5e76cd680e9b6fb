"""Tensors that a module keeps in attributes of its own, where no call can replace them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from rlid.errors import InputError

if TYPE_CHECKING:
    import torch
    from torch import nn

_OF_TORCH = ("_parameters", "_buffers", "_modules")
"""Attributes in which torch itself keeps what it can replace in a call."""
_FLAT_WEIGHTS = "_flat_weights"
"""The list of a recurrent layer's weights, which torch renews when it replaces them."""


def check_references(module: nn.Module) -> None:
    """Refuse a module that keeps a trained parameter in an attribute of another kind.

    Such a reference, as in a list of weights, would stay at theta0 while the parameter moves.

    Raises:
        InputError: the message names parameter and attribute.
    """
    from torch import nn

    names = {
        id(parameter): name
        for name, parameter in module.named_parameters()
        if parameter.requires_grad
    }
    for layer_name, layer in module.named_modules():
        for attribute, tensor in kept_tensors(layer):
            is_renewed = isinstance(layer, nn.RNNBase) and attribute == _FLAT_WEIGHTS
            if id(tensor) in names and not is_renewed:
                where = f"{layer_name}.{attribute}" if layer_name else attribute
                raise InputError(
                    f"parameter {names[id(tensor)]!r} is also kept in the attribute {where!r}, "
                    "where a subspace cannot replace it: use an nn.ParameterList, or the "
                    "parameter's own name"
                )


def kept_tensors(layer: nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    """Yield the tensors in a layer's own attributes, with the name of the attribute."""
    for attribute, value in vars(layer).items():
        if attribute not in _OF_TORCH:
            for tensor in _tensors_in(value, set()):
                yield attribute, tensor


def _tensors_in(value: Any, seen: set[int]) -> Iterator[torch.Tensor]:
    """Yield the tensors in a value, also in lists, tuples, sets and dictionaries of it."""
    import torch

    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, (list, tuple, set, Mapping)) and id(value) not in seen:
        # A list may hold itself.
        seen.add(id(value))
        for part in value.values() if isinstance(value, Mapping) else value:
            yield from _tensors_in(part, seen)
