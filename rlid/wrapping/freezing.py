"""Parameters that become frozen buffers, and buffers that become parameters again."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn


def freeze(module: nn.Module) -> None:
    """Turn every parameter into a buffer of the same name; shared ones stay shared."""
    tied: dict[int, torch.Tensor] = {}
    for layer in module.modules():
        for name, parameter in list(layer._parameters.items()):
            if parameter is None:
                continue
            start = tied.setdefault(id(parameter), parameter.detach())
            del layer._parameters[name]
            layer.register_buffer(name, start)


def thaw(module: nn.Module, values: Mapping[str, torch.Tensor], *, is_trained: bool = True) -> None:
    """Turn the buffers of these names into parameters with these values; shared ones together.

    Args:
        module: the module, which is changed.
        values: by the buffers' names.
        is_trained: whether the parameters require a gradient.
    """
    fresh: dict[int, nn.Parameter] = {}
    for name, value in values.items():
        fresh[id(module.get_buffer(name))] = nn.Parameter(value, requires_grad=is_trained)
    for layer in module.modules():
        for name, buffer in list(layer._buffers.items()):
            if id(buffer) in fresh:
                del layer._buffers[name]
                layer.register_parameter(name, fresh[id(buffer)])
