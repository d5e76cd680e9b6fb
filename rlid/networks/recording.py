"""A function of tensors as the list of torch's operations that it comes to, to be repeated.

`torch.func.vmap` works out in every call how each layer acts on a batch. The operations that follow
depend on the shapes alone, so that calls on tensors of the same shapes can repeat them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_unflatten

RESHAPING = ("aten::expand", "aten::view", "aten::_unsafe_view")
"""Operations that return their first argument where it has the shape already."""

Step = Callable[[list[Any]], None]
"""Takes its arguments out of the slots of a list, and puts its results into others."""


class Recording:
    """What a function of parameters and inputs does, for tensors of certain shapes.

    Operations on parameters alone are done once, by `prepare`.
    """

    def __init__(
        self,
        function: Callable[[Sequence[torch.Tensor], torch.Tensor], torch.Tensor],
        parameters: Sequence[torch.Tensor],
        x: torch.Tensor,
    ) -> None:
        """Call function(parameters, x) once and note its operations.

        Raises:
            ValueError: it writes into something that does not follow from x.
        """
        recorder = _Recorder(parameters, x)
        with torch.no_grad(), recorder:
            output = function(parameters, x)
        self._output = recorder.slot(output)
        self._x = len(parameters)
        self._held = recorder.held()
        self._first, self._steps = recorder.first, recorder.steps

    def prepare(self, parameters: Sequence[torch.Tensor]) -> Callable[[torch.Tensor], torch.Tensor]:
        """Return the function of x for these parameters, differentiable in both."""
        held = self._held.copy()
        held[: len(parameters)] = parameters
        for step in self._first:
            step(held)
        at, output, steps = self._x, self._output, self._steps

        def forward(x: torch.Tensor) -> torch.Tensor:
            tensors = held.copy()
            tensors[at] = x
            for step in steps:
                step(tensors)
            result: torch.Tensor = tensors[output]
            return result

        return forward


class _Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Notes each operation. Every tensor has a slot, by identity, and is kept until the end."""

    def __init__(self, parameters: Sequence[torch.Tensor], x: torch.Tensor) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._tensors: list[torch.Tensor] = []
        self._slots: dict[int, int] = {}
        self._made: set[int] = set()
        for tensor in (*parameters, x):
            self._made.add(self.slot(tensor))
        self._varying = {len(parameters)}
        self._kept: list[torch.Tensor] = []
        self.first: list[Step] = []
        self.steps: list[Step] = []

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Return False: torch then does not load its compiler, which takes a second."""
        return False

    def slot(self, tensor: torch.Tensor) -> int:
        """Return the slot of a tensor; one that no operation has made is a constant."""
        slot = self._slots.setdefault(id(tensor), len(self._tensors))
        if slot == len(self._tensors):
            self._tensors.append(tensor)
        return slot

    def held(self) -> list[Any]:
        """Return what the slots hold before the first operation: the constants, otherwise None."""
        return [None if slot in self._made else tensor for slot, tensor in enumerate(self._tensors)]

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        leaves = tree_flatten((args, kwargs))[0]
        taken = {self.slot(leaf) for leaf in leaves if isinstance(leaf, torch.Tensor)}
        is_varying = not self._varying.isdisjoint(taken)
        self._check_written(func, args, kwargs)
        returned = func(*args, **kwargs)
        if func._schema.name in RESHAPING and _is_equal(args[0], returned):
            self._slots[id(returned)] = self.slot(args[0])
            self._kept.append(returned)
            return returned
        is_single = isinstance(returned, torch.Tensor)
        results = [
            self.slot(tensor) if isinstance(tensor, torch.Tensor) else None
            for tensor in ((returned,) if is_single else returned or ())
        ]
        fresh = {slot for slot in results if slot is not None}
        self._made |= fresh
        if is_varying:
            self._varying |= fresh
        step = _step(func, args, kwargs, self.slot, results[0] if is_single else results)  # type: ignore[arg-type]
        (self.steps if is_varying else self.first).append(step)
        return returned

    def _check_written(self, func: Any, args: Any, kwargs: Any) -> None:
        for place, declared in enumerate(func._schema.arguments):
            if declared.alias_info is None or not declared.alias_info.is_write:
                continue
            written = kwargs.get(declared.name, args[place] if place < len(args) else None)
            if not (isinstance(written, torch.Tensor) and self.slot(written) in self._varying):
                raise ValueError(f"{func} writes into what does not follow from x")


def _is_equal(before: torch.Tensor, after: torch.Tensor) -> bool:
    """Return whether two tensors that share their numbers also have equal layouts."""
    return (
        before.shape == after.shape
        and before.stride() == after.stride()
        and before.dtype == after.dtype
    )


def _step(
    function: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    slot: Callable[[torch.Tensor], int],
    results: int | list[int | None],
) -> Step:
    """Return the step that calls a function again.

    Args:
        function: an operation of torch.
        args: what it was called with.
        kwargs: by which keywords.
        slot: gives the slot of a tensor.
        results: the slot of the tensor that it returns, or of each tensor of a tuple.
    """
    leaves, structure = tree_flatten((args, kwargs))
    # The tensors themselves are forgotten: a recording is kept for as long as the network.
    template = [None if isinstance(leaf, torch.Tensor) else leaf for leaf in leaves]
    plain, keywords = tree_unflatten(template, structure)
    places = {i: slot(leaf) for i, leaf in enumerate(leaves) if isinstance(leaf, torch.Tensor)}
    direct = {i: slot(value) for i, value in enumerate(args) if isinstance(value, torch.Tensor)}
    pairs = list(direct.items())

    def call_directly(tensors: list[Any]) -> Any:
        filled = list(plain)
        for place, position in pairs:
            filled[place] = tensors[position]
        return function(*filled, **keywords)

    def call_nested(tensors: list[Any]) -> Any:
        filled = list(template)
        for place, position in places.items():
            filled[place] = tensors[position]
        arguments, named = tree_unflatten(filled, structure)
        return function(*arguments, **named)

    call = call_directly if len(direct) == len(places) else call_nested
    if isinstance(results, int):
        only = results

        def step(tensors: list[Any]) -> None:
            tensors[only] = call(tensors)

        return step
    several = results

    def step_to_several(tensors: list[Any]) -> None:
        for position, result in zip(several, call(tensors) or (), strict=True):
            if position is not None:
                tensors[position] = result

    return step_to_several
