"""Parameters that become frozen buffers, and buffers that become parameters again."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from rlid.errors import InputError


def check_parameters(module: nn.Module) -> None:
    """Refuse a module whose parameters cannot be moved in a subspace.

    Raises:
        InputError: it has none, or such as are no real numbers, have no shape, or are elsewhere.
    """
    parameters = dict(module.named_parameters())
    if not parameters:
        raise InputError(f"{type(module).__name__} has no parameters to train")
    for name, parameter in parameters.items():
        if isinstance(parameter, nn.parameter.UninitializedParameter):
            raise InputError(
                f"parameter {name!r} has no shape yet: call the module once before it is wrapped"
            )
        if not parameter.dtype.is_floating_point:
            raise InputError(
                f"parameter {name!r} is of {parameter.dtype}: only real floating-point numbers can "
                "be moved in a subspace"
            )
    devices = {str(parameter.device) for parameter in parameters.values()}
    if len(devices) > 1:
        raise InputError(f"parameters are on {' and '.join(sorted(devices))}: use one device")
    if devices != {"cpu"}:
        raise InputError(f"parameters are on {devices.pop()}: wrap the module on the cpu")


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


def thaw(module: nn.Module, values: Mapping[str, torch.Tensor]) -> None:
    """Turn the buffers of these names into parameters with these values; shared ones together."""
    fresh: dict[int, nn.Parameter] = {}
    for name, value in values.items():
        fresh[id(module.get_buffer(name))] = nn.Parameter(value)
    for layer in module.modules():
        for name, buffer in list(layer._buffers.items()):
            if id(buffer) in fresh:
                del layer._buffers[name]
                layer.register_parameter(name, fresh[id(buffer)])
