"""A copy of a user's module, with what the module kept of a call."""

from __future__ import annotations

import copy

import torch
from torch import nn
from torch.nn.utils.spectral_norm import SpectralNorm
from torch.nn.utils.weight_norm import WeightNorm

from rlid.errors import InputError, named_line
from rlid.networks import kept_tensors


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
        for tensor in (*layer._buffers.values(), *map(_last, kept_tensors(layer)))
        if tensor is not None and not tensor.is_leaf
    }
    try:
        return copy.deepcopy(module, dict(computed))
    except Exception as error:
        raise InputError(
            f"{type(module).__name__} cannot be copied ({named_line(error)}): take what cannot be "
            "copied out of its attributes"
        ) from error


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


def _last(named: tuple[str, torch.Tensor]) -> torch.Tensor:
    return named[1]
