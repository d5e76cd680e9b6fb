"""A copy of a user's module, and what a module may keep that no subspace can replace."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import nn
from torch.nn.utils.spectral_norm import SpectralNorm
from torch.nn.utils.weight_norm import WeightNorm

from rlid.errors import InputError, named_line

_OF_TORCH = ("_parameters", "_buffers", "_modules")
"""Attributes in which torch itself keeps what it can replace in a call."""
_FLAT_WEIGHTS = "_flat_weights"
"""The list of a recurrent layer's weights, which torch renews when it replaces them."""


def copied(module: nn.Module) -> nn.Module:
    """Return a deep copy of a module; what it kept of a call loses its graph.

    torch does not copy a tensor that was computed from others, such as an attention map or an
    auxiliary loss that a module keeps for its owner.

    Raises:
        InputError: an attribute of the module cannot be copied.
    """
    computed = {
        id(tensor): tensor.detach().clone()
        for layer in module.modules()
        for tensor in (*layer._buffers.values(), *map(_last, _kept(layer)))
        if tensor is not None and not tensor.is_leaf
    }
    try:
        return copy.deepcopy(module, dict(computed))
    except Exception as error:
        raise InputError(
            f"{type(module).__name__} cannot be copied ({named_line(error)}): take what cannot be "
            "copied out of its attributes"
        ) from error


def check_references(module: nn.Module) -> None:
    """Refuse a module that keeps a trained parameter in an attribute of another kind.

    Such a reference, as in a list of weights, would stay at theta0 while the parameter moves.

    Raises:
        InputError: the message names parameter and attribute.
    """
    names = {
        id(parameter): name
        for name, parameter in module.named_parameters()
        if parameter.requires_grad
    }
    for layer_name, layer in module.named_modules():
        for attribute, tensor in _kept(layer):
            is_renewed = isinstance(layer, nn.RNNBase) and attribute == _FLAT_WEIGHTS
            if id(tensor) in names and not is_renewed:
                where = f"{layer_name}.{attribute}" if layer_name else attribute
                raise InputError(
                    f"parameter {names[id(tensor)]!r} is also kept in the attribute {where!r}, "
                    "where a subspace cannot replace it: use an nn.ParameterList, or the "
                    "parameter's own name"
                )


def check_hooks(module: nn.Module) -> None:
    """Refuse layers that compute their weight before each call and keep it as an attribute.

    torch cannot copy such an attribute, so that the module could neither be wrapped nor unwrapped.

    Raises:
        InputError: the message names the layer, and what to use instead.
    """
    for name, layer in module.named_modules():
        for hook in layer._forward_pre_hooks.values():
            if isinstance(hook, (SpectralNorm, WeightNorm)):
                new = "weight_norm" if isinstance(hook, WeightNorm) else "spectral_norm"
                raise InputError(
                    f"layer {name!r} has a {type(hook).__name__} of torch.nn.utils, which cannot "
                    f"be copied: use torch.nn.utils.parametrizations.{new}"
                )


def _kept(layer: nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    """Yield the tensors in a layer's own attributes, with the name of the attribute."""
    for attribute, value in vars(layer).items():
        if attribute not in _OF_TORCH:
            for tensor in _tensors(value, set()):
                yield attribute, tensor


def _tensors(value: Any, seen: set[int]) -> Iterator[torch.Tensor]:
    """Yield the tensors in a value, also in lists, tuples, sets and dictionaries of it."""
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, (list, tuple, set, Mapping)) and id(value) not in seen:
        # A list may hold itself.
        seen.add(id(value))
        for part in value.values() if isinstance(value, Mapping) else value:
            yield from _tensors(part, seen)


def _last(named: tuple[str, torch.Tensor]) -> torch.Tensor:
    return named[1]
