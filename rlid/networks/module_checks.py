"""What a module must be to become a network; each fault is one line that says what would be right.

The checks need no training: they look at the parameters, make the module three times, and call it
on a few observations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from rlid.errors import InputError, named_line
from rlid.networks.module_start import constants, trained
from rlid.networks.references import check_references
from rlid.random_stream import Stream

if TYPE_CHECKING:
    import torch
    from torch import nn

OBSERVATIONS = 3
"""How many observations the module is called on."""
CLOSE = 1e-3
"""Relative difference of outputs that rounding may make between batches of different sizes."""


class CheckedNetwork(Protocol):
    """What the checks ask of a network made of a module."""

    @property
    def inputs(self) -> int:
        """How many numbers an observation has."""

    @property
    def outputs(self) -> int:
        """How many numbers the module returns for each observation."""

    @property
    def name(self) -> str:
        """The canonical name."""

    def draw(self, seed: int) -> nn.Module:
        """Return the module that its own initialisation draws for a seed."""

    def call(self, module: nn.Module, x: torch.Tensor) -> torch.Tensor:
        """Map observations (m, inputs) to what the module returns."""


def check_parameters(module: nn.Module) -> None:
    """Refuse a module whose parameters cannot be moved in a subspace.

    Raises:
        InputError: it has none, or they are no real numbers, have no shape yet, or are not in the
            memory of the CPU, or belong to TorchScript or a parallel module, or are kept in a list.
    """
    import torch
    from torch import nn

    if any(isinstance(layer, torch.jit.ScriptModule) for layer in module.modules()):
        raise InputError(
            f"{type(module).__name__} is compiled by TorchScript, whose weights cannot be replaced "
            "in a call: use the module that it was compiled from"
        )
    for layer in module.modules():
        if isinstance(layer, (nn.DataParallel, nn.parallel.DistributedDataParallel)):
            raise InputError(
                f"{type(layer).__name__} copies its weights, which cannot be replaced in a call: "
                "use the module inside, its attribute `module`"
            )
    parameters = dict(module.named_parameters())
    for name, tensor in {**parameters, **dict(module.named_buffers())}.items():
        if isinstance(tensor, (nn.parameter.UninitializedParameter, nn.UninitializedBuffer)):
            kind = "parameter" if name in parameters else "buffer"
            raise InputError(
                f"{kind} {name!r} has no shape yet (its layer is lazy): give the layer its sizes, "
                "or call the module once before"
            )
    if not parameters:
        raise InputError(f"{type(module).__name__} has no parameters to train")
    for name, parameter in parameters.items():
        if not parameter.dtype.is_floating_point:
            raise InputError(
                f"parameter {name!r} is of {parameter.dtype}: only real floating-point numbers can "
                "be moved in a subspace; keep other numbers in a buffer"
            )
    check_references(module)
    devices = {str(parameter.device) for parameter in parameters.values()}
    if len(devices) > 1:
        raise InputError(f"parameters are on {' and '.join(sorted(devices))}: use one device")
    if devices != {"cpu"}:
        raise InputError(f"parameters are on {devices.pop()}: make the module on the cpu")


def check_module(network: CheckedNetwork, module: nn.Module) -> None:
    """Refuse a module that cannot be a network.

    Raises:
        InputError: in one line, why.
    """
    import torch

    try:
        check_parameters(module)
        _check_dtypes(module)
        _check_layers(module)
        _check_start(network, module)
        # Not in inference mode: what a module keeps of its first call is to serve training too.
        with torch.no_grad():
            _check_outputs(network, module)
    except InputError as error:
        raise InputError(f"network {network.name!r}: {error}") from error


def _check_dtypes(module: nn.Module) -> None:
    import torch

    weights = trained(module)
    if not weights:
        raise InputError("no parameter requires a gradient, so there is nothing to train")
    for name, weight in weights.items():
        if weight.dtype != torch.float32:
            raise InputError(f"parameter {name!r} is of {weight.dtype}: make it torch.float32")
    for name, constant in constants(module).items():
        if str(constant.device) != "cpu":
            raise InputError(f"buffer {name!r} is on {constant.device}: make it on the cpu")


def _check_layers(module: nn.Module) -> None:
    from torch import nn

    for name, layer in module.named_modules():
        is_norm = isinstance(layer, nn.modules.batchnorm._NormBase)
        is_instance = isinstance(layer, nn.modules.instancenorm._InstanceNorm)
        if is_norm and not is_instance and layer.running_mean is None:
            raise InputError(
                f"layer {name!r} normalises by the other observations of a batch: keep its running "
                "statistics, or use GroupNorm or LayerNorm"
            )


def _check_start(network: CheckedNetwork, module: nn.Module) -> None:
    """Refuse a start that the seed does not determine, and constants that depend on the seed."""
    import torch

    again, other = network.draw(0), network.draw(1)
    weights, held = trained(module), constants(module)
    for each in (again, other):
        shapes = {name: weight.shape for name, weight in trained(each).items()}
        if shapes != {name: weight.shape for name, weight in weights.items()}:
            raise InputError("two seeds give parameters of different shapes: D must be one number")
    for name, weight in trained(again).items():
        if not torch.equal(weight, weights[name]):
            raise InputError(
                f"parameter {name!r} starts differently each time: draw it from torch's global "
                "generator, which rlid seeds"
            )
        if not torch.isfinite(weight).all():
            raise InputError(f"parameter {name!r} is not finite at its start: initialise it")
    for name, constant in constants(other).items():
        if name not in held or not torch.equal(constant, held[name]):
            raise InputError(
                f"{name!r} is not trained and differs between seeds: draw it from a generator with "
                "a seed of its own, or let it require a gradient"
            )


def _check_outputs(network: CheckedNetwork, module: nn.Module) -> None:
    import torch

    numbers = Stream(0, "networks/check").uniform(OBSERVATIONS * network.inputs)
    x = torch.from_numpy(numbers.reshape(OBSERVATIONS, -1)).float()
    held = {name: constant.clone() for name, constant in constants(module).items()}
    outputs = _called(network, module, x)
    if not torch.isfinite(outputs).all():
        raise InputError("its outputs are not finite at its start")
    again = _called(network, module, x)
    changed = [name for name, value in constants(module).items() if not _same(value, held[name])]
    if changed:
        raise InputError(
            f"its forward changes {changed[0]!r}: a network has no memory; recurrent networks are "
            "not supported"
        )
    if not torch.equal(outputs, again):
        raise InputError(
            "two calls on the same observations differ: nothing may be random in evaluation"
        )
    alone = torch.cat([_called(network, module, row[None]) for row in x])
    if (outputs - alone).abs().max() > CLOSE * (1 + outputs.abs().max()):
        raise InputError(
            "what it returns for an observation depends on the others of its batch: treat each "
            "row by itself"
        )


def _same(value: torch.Tensor, before: torch.Tensor) -> bool:
    import torch

    return value.shape == before.shape and torch.equal(value, before)


def _called(network: CheckedNetwork, module: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """Return the module's outputs, of the right type and shape.

    Raises:
        InputError: they are not, or the module raises.
    """
    import torch

    try:
        outputs = network.call(module, x)
    except Exception as error:
        raise InputError(f"its forward raises {named_line(error)}") from error
    if not isinstance(outputs, torch.Tensor):
        raise InputError(
            f"its forward returns a {type(outputs).__name__}: return one tensor (observations, "
            "outputs)"
        )
    if outputs.shape != (len(x), network.outputs):
        raise InputError(
            f"its forward returns a tensor of shape {tuple(outputs.shape)} for {len(x)} "
            f"observations: return ({len(x)}, {network.outputs})"
        )
    if outputs.dtype != torch.float32:
        raise InputError(f"its forward returns {outputs.dtype}: return torch.float32")
    return outputs
