"""The layers that observations pass through in a torch module, read off its trace by torch.fx."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import fx, nn
from torch.nn import functional

Layer = tuple[torch.Tensor, torch.Tensor | None]
"""Places in theta of the weights (inputs, outputs) and of the biases (outputs,) of a layer."""

ACTIVATIONS: dict[Any, str] = {
    nn.Tanh: "tanh",
    nn.ReLU: "relu",
    torch.tanh: "tanh",
    functional.tanh: "tanh",
    torch.relu: "relu",
    functional.relu: "relu",
    torch.tanh_: "tanh",
    torch.relu_: "relu",
    "tanh": "tanh",
    "relu": "relu",
    "tanh_": "tanh",
    "relu_": "relu",
}
PRODUCTS = (torch.matmul, operator.matmul, torch.mm, "matmul", "mm", "__matmul__")
SUMS = (torch.add, operator.add, operator.iadd, "add", "__add__")
REARRANGING = ("t", "transpose", "permute", "view", "reshape", "unsqueeze", "contiguous", "flatten")
"""Methods of a parameter that leave each of its numbers as it is."""
FLATTENING = (torch.flatten, torch.reshape, "flatten", "view", "reshape", "contiguous")
"""What changes the shape of observations alone; a wrong guess is found by comparison."""
SIZES = ("size", "dim", operator.getitem, getattr)
"""What returns a number of observations, or the shape that it is taken from."""


class NoChainError(Exception):
    """The module is no chain of fully connected layers."""


@dataclass(frozen=True)
class Path:
    """What observations have passed through so far.

    Attributes:
        width: how many numbers of each observation there are now.
        layers: the layers, in their order.
        activations: the functions after them; one less than layers, or as many.
        is_open: whether the last layer may still get its biases.
    """

    width: int
    layers: tuple[Layer, ...] = ()
    activations: tuple[str, ...] = ()
    is_open: bool = False

    def times(self, weight: Any) -> Path:
        """Return the path after a product with a parameter (inputs, outputs)."""
        self._check(isinstance(weight, torch.Tensor) and weight.shape[:1] == (self.width,))
        self._check(weight.dim() == 2 and len(self.activations) == len(self.layers))
        layers = (*self.layers, (weight, None))
        return Path(int(weight.shape[1]), layers, self.activations, is_open=True)

    def plus(self, bias: Any) -> Path:
        """Return the path after the sum with a parameter (outputs,)."""
        self._check(self.is_open and isinstance(bias, torch.Tensor))
        self._check(bias.shape in ((self.width,), (1, self.width)))
        *layers, (weight, _) = self.layers
        return replace(self, layers=(*layers, (weight, bias.reshape(-1))), is_open=False)

    def through(self, activation: str) -> Path:
        """Return the path after an activation."""
        self._check(len(self.activations) == len(self.layers) - 1)
        activations = (*self.activations, activation)
        return replace(self, activations=activations, is_open=False)

    @staticmethod
    def _check(holds: bool) -> None:
        if not holds:
            raise NoChainError


def path_of(module: nn.Module, places: Mapping[str, torch.Tensor], inputs: int) -> Path:
    """Return the path of observations through a module.

    Args:
        module: the module, in evaluation mode.
        places: where each parameter stands in theta, int64 in the parameter's shape, by its name.
        inputs: how many numbers an observation has.

    Raises:
        Exception: the module cannot be traced, or is no chain.
    """
    # The tracer looks into the root, but not into torch's own layers.
    root = nn.Sequential(module)
    if any(layer._forward_hooks or layer._forward_pre_hooks for layer in root.modules()):
        raise NoChainError
    # By identity: a shared parameter has several names, of which `places` knows one.
    known = {id(root.get_parameter(f"0.{name}")): place for name, place in places.items()}
    walk = _Walk(root, known, Path(inputs))
    for node in fx.Tracer().trace(root).nodes:
        if node.op == "output":
            outcome = walk.value(node.args[0])
            if isinstance(outcome, Path):
                return outcome
            break
        walk.visit(node)
    raise NoChainError


class _Walk:
    """Follows the nodes of a trace; each is a path, places in theta, or a size of no interest."""

    def __init__(self, root: nn.Module, known: Mapping[int, torch.Tensor], start: Path) -> None:
        self._root, self._known, self._start = root, known, start
        self._values: dict[fx.Node, Any] = {}

    def value(self, argument: Any) -> Any:
        """Return what an argument of a node stands for."""
        return self._values[argument] if isinstance(argument, fx.Node) else argument

    def visit(self, node: fx.Node) -> None:
        """Work out what a node stands for.

        Raises:
            NoChainError: it is no part of a chain.
        """
        args = [self.value(argument) for argument in node.args]
        kwargs = {name: self.value(argument) for name, argument in node.kwargs.items()}
        if node.op == "placeholder":
            value: Any = self._start
        elif node.op == "get_attr":
            value = self._place(operator.attrgetter(str(node.target))(self._root))
        elif node.op == "call_module":
            value = self._layer(self._root.get_submodule(str(node.target)), *args, **kwargs)
        else:
            value = self._call(node.target, *args, **kwargs)
        self._values[node] = value

    def _place(self, parameter: Any) -> torch.Tensor:
        place = self._known.get(id(parameter))
        if place is None:
            raise NoChainError
        return place

    def _layer(self, layer: nn.Module, path: Path) -> Path:
        """Return the path after a layer of torch; dropout changes nothing in evaluation."""
        kind = type(layer)
        if kind is nn.Linear:
            assert isinstance(layer, nn.Linear)
            after = path.times(self._place(layer.weight).T)
            return after if layer.bias is None else after.plus(self._place(layer.bias))
        if kind in ACTIVATIONS:
            return path.through(ACTIVATIONS[kind])
        if kind in (nn.Identity, nn.Dropout) or (
            isinstance(layer, nn.Flatten) and (layer.start_dim, layer.end_dim) == (1, -1)
        ):
            return path
        raise NoChainError

    def _call(self, target: Any, first: Any, *args: Any, **kwargs: Any) -> Any:
        """Return the value of a function or method (by its name) of `first`."""
        if isinstance(first, torch.Tensor) and not isinstance(args[0] if args else None, Path):
            return self._rearranged(target, first, *args, **kwargs)
        if target in ACTIVATIONS and isinstance(first, Path):
            if args or kwargs not in ({}, {"inplace": False}, {"inplace": True}):
                raise NoChainError
            return first.through(ACTIVATIONS[target])
        if target is functional.linear:
            return _linear(first, *args, **kwargs)
        if target in (torch.addmm, "addmm") and not kwargs:
            path, weight = args
            return path.times(weight).plus(first)
        if target is torch.einsum and not kwargs:
            return _einsum(first, *args)
        if target in PRODUCTS and not kwargs:
            (weight,) = args
            return first.times(weight)
        if target in SUMS and not kwargs:
            (other,) = args
            return first.plus(other) if isinstance(first, Path) else other.plus(first)
        if target is functional.dropout and kwargs.get("training") is False and len(args) <= 1:
            return first
        if target in FLATTENING and isinstance(first, Path):
            return first
        if target in SIZES:
            return _Size()
        raise NoChainError

    def _rearranged(self, target: Any, place: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        if target is getattr and args[0] in ("T", "mT"):
            return place.T if place.dim() == 2 else place
        name = target if isinstance(target, str) else getattr(target, "__name__", "")
        if name not in REARRANGING:
            raise NoChainError
        return getattr(place, name)(*args, **kwargs)


class _Size:
    """The number of observations, or something that it is taken from."""


def _linear(path: Path, weight: Any, bias: Any = None) -> Path:
    after = path.times(weight.T)
    return after if bias is None else after.plus(bias)


def _einsum(equation: str, path: Path, weight: Any) -> Path:
    left, arrow, right = equation.replace(" ", "").partition("->")
    row, columns = left.split(",")
    if not arrow or len(row) != 2 or len(columns) != 2 or right[:1] != row[0]:
        raise NoChainError
    if columns == row[1] + right[1:]:
        return path.times(weight)
    if columns == right[1:] + row[1]:
        return path.times(weight.T)
    raise NoChainError
