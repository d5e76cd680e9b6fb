"""Policies of two actions, quickly: by numpy or in C (`two_actions.c`), and exactly where in doubt.

Products and tanh of such small shapes are much faster so than by torch, and differ from it in the
last bits, which decide where the two outputs are nearly equal. So each difference is held against
what rounding can make of it, and policies that come too close ask `Network.bind`: about one in ten
thousand. The C is compiled at installation where there is a compiler; no choice depends on it.

The bound: an operation's error is at most ROUNDOFF, relative, and errors are independent with mean
zero, so that those of K products add up as sqrt(K) does (Higham and Mary 2019), and those of a
layer's units as the root of the sum of their squares. tanh is nowhere steeper than 1. In practice
less than an eighth of the bound is seen, or a third with hardly any weights.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable
from types import ModuleType
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from rlid.networks import Network

Floats = NDArray[np.float32]
Layers = list[tuple[Floats, Floats]]
"""Weights (k, inputs, outputs) and biases (k, outputs) of each layer."""

ROUNDOFF = 2.0**-24
"""Largest relative error of one operation in float32."""
DEVIATIONS = 5.0
"""So many standard deviations of what rounding may do are allowed for."""
TANH_ERROR = 8 * ROUNDOFF
"""Of a tanh, at most: numpy's and torch's stay within 3 units in the last place, ours within 4."""
WIDTH = 16
"""What two_actions.c fills sizes up to multiples of."""

compiled: ModuleType | None
try:
    compiled = importlib.import_module("rlid._two_actions")
except ImportError:
    compiled = None


class Quick(Protocol):
    """Networks in rows 0, 1, ..., whose one output is the difference of a policy's two."""

    def put(self, rows: NDArray[np.intp], layers: Layers, bounds: Floats) -> None:
        """Put networks into rows, or new ones at the end; `bounds` (k, 2) say what is clear."""

    def choose(
        self,
        observations: Floats,
        slots: NDArray[np.intp],
        active: NDArray[np.bool_],
        actions: NDArray[np.int64],
        first: int,
    ) -> tuple[Floats, bool]:
        """Write actions, first or first + 1, where they belong; return outputs (n, m).

        Row i acts in slots[i], of those that are active; other outputs may be anything. Also
        returns whether an action is in doubt, and first - 1.
        """


class TwoActions:
    """Policies that choose the one of two actions whose output is larger; see `acting.Policies`."""

    def __init__(self, network: Network, first: int) -> None:
        """`first` is the number of the first action."""
        self._network, self._first = network, first
        self._thetas: list[torch.Tensor] = []
        ends = [(layer.inputs, layer.outputs) for layer in network.layers[:-1]]  # type: ignore[union-attr]
        ends.append((network.layers[-1].inputs, 1))  # type: ignore[union-attr]
        self._quick: Quick = ByNumpy(ends) if compiled is None else InC(compiled, ends)
        self._bound: dict[int, Callable[[torch.Tensor], torch.Tensor]] = {}

    def put(self, rows: NDArray[np.intp], thetas: list[torch.Tensor], n: int) -> None:
        """Put policies with weights (D,) each into rows; from now on there are n rows."""
        place(self._thetas, rows, thetas, n)
        for row in rows.tolist():
            self._bound.pop(row, None)
        if thetas:
            layers = self._split(torch.stack(thetas).numpy())
            bounds = rounding_bound(layers)
            w, b = layers[-1]
            layers[-1] = w[..., 1:] - w[..., :1], b[..., 1:] - b[..., :1]
            self._quick.put(rows, layers, bounds)

    def _split(self, Theta: Floats) -> Layers:  # noqa: N803
        layers, at = [], 0
        for layer in self._network.layers:
            end = at + math.prod(layer.weight_shape)
            weights = Theta[:, at:end].reshape(-1, *layer.weight_shape)
            layers.append((weights, Theta[:, end : end + layer.outputs]))
            at = end + layer.outputs
        return layers

    def act(
        self,
        observations: Floats,
        slots: NDArray[np.intp],
        active: NDArray[np.bool_],
        actions: NDArray[Any],
    ) -> NDArray[Any]:
        """See `acting.Policies`."""
        first = self._first
        if len(actions) == 0:
            actions = np.full(len(observations), first)
        _, is_in_doubt = self._quick.choose(observations, slots, active, actions, first)
        if is_in_doubt:
            for row in np.flatnonzero((actions[slots] < first).any(1)).tolist():
                x = torch.from_numpy(observations[slots[row]][None])
                actions[slots[row]] = first + self._exact(row)(x).numpy().argmax(-1)[0]
        return actions

    def _exact(self, row: int) -> Callable[[torch.Tensor], torch.Tensor]:
        if row not in self._bound:
            self._bound[row] = self._network.bind(self._thetas[row][None])
        return self._bound[row]


class ByNumpy:
    """Batched products, one after the other; see `Quick`."""

    def __init__(self, ends: list[tuple[int, int]]) -> None:
        """`ends` are the inputs and outputs of each layer."""
        self._weights = [np.empty((0, *end), np.float32) for end in ends]
        self._biases = [np.empty((0, 1, end[1]), np.float32) for end in ends]
        self._bounds = np.empty((0, 2), np.float32)

    def put(self, rows: NDArray[np.intp], layers: Layers, bounds: Floats) -> None:
        """See `Quick`."""
        if rows.max() >= len(self._bounds):
            room = 2 * int(rows.max()) + 2
            self._weights = [grown(old, room) for old in self._weights]
            self._biases = [grown(old, room) for old in self._biases]
            self._bounds = grown(self._bounds, room)
        self._bounds[rows] = bounds
        for at, (w, b) in enumerate(layers):
            self._weights[at][rows], self._biases[at][rows, 0] = w, b

    def choose(
        self,
        observations: Floats,
        slots: NDArray[np.intp],
        active: NDArray[np.bool_],
        actions: NDArray[np.int64],
        first: int,
    ) -> tuple[Floats, bool]:
        """See `Quick`."""
        n, h = len(slots), observations.take(slots, 0)
        slope, least = self._bounds[:n, 0, None], self._bounds[:n, 1, None]
        allowed = slope * np.abs(h).max(-1) + least
        for at, (w, b) in enumerate(zip(self._weights, self._biases, strict=True)):
            if at > 0:
                np.tanh(h, out=h)
            h = np.matmul(h, w[:n])
            h += b[:n]
        outputs: Floats = h[..., 0]
        is_clear = (np.abs(outputs) > allowed) | ~active.take(slots)
        actions[slots] = first + np.where(is_clear, outputs > 0, -1)
        return outputs, not is_clear.all()


class InC:
    """One pass over the weights of every row; see `Quick`."""

    def __init__(self, module: ModuleType, ends: list[tuple[int, int]]) -> None:
        """`ends` are the inputs and outputs of each layer."""
        self._choose = module.choose
        self._widths = np.array([inputs for inputs, _ in ends], np.int64)
        self._shapes = [(inputs, whole(outputs)) for inputs, outputs in ends[:-1]]
        self._shapes.append((whole(ends[-1][0]), 1))
        self._rows = np.empty((0, sum((i + 1) * o for i, o in self._shapes)), np.float32)
        self._bounds = np.empty((0, 2), np.float32)

    def put(self, rows: NDArray[np.intp], layers: Layers, bounds: Floats) -> None:
        """See `Quick`."""
        if rows.max() >= len(self._rows):
            room = 2 * int(rows.max()) + 2
            self._rows, self._bounds = grown(self._rows, room), grown(self._bounds, room)
        self._bounds[rows] = bounds
        filled, at = np.zeros((len(rows), self._rows.shape[1]), np.float32), 0
        for (w, b), (inputs, outputs) in zip(layers, self._shapes, strict=True):
            end = at + inputs * outputs
            weights = filled[:, at:end].reshape(-1, inputs, outputs)
            weights[:, : w.shape[1], : w.shape[2]] = w
            filled[:, end : end + b.shape[1]] = b
            at = end + outputs
        self._rows[rows] = filled

    def choose(
        self,
        observations: Floats,
        slots: NDArray[np.intp],
        active: NDArray[np.bool_],
        actions: NDArray[np.int64],
        first: int,
    ) -> tuple[Floats, bool]:
        """See `Quick`."""
        outputs, bounds = np.empty(slots.shape, np.float32), self._bounds[: len(slots)]
        x = np.ascontiguousarray(observations, np.float32)
        doubts: int = self._choose(
            self._rows, x, slots, active, self._widths, bounds, outputs, actions, first
        )
        return outputs, doubts > 0


def whole(n: int) -> int:
    """Return n, or the next multiple of WIDTH."""
    return -(-n // WIDTH) * WIDTH


def grown(old: Floats, room: int) -> Floats:
    """Return room for so many rows, the first of them the old ones."""
    new = np.empty((room, *old.shape[1:]), np.float32)
    new[: len(old)] = old
    return new


def place(
    held: list[torch.Tensor], rows: NDArray[np.intp], thetas: list[torch.Tensor], n: int
) -> None:
    """Put weights into rows of a list, or at its end; n are left."""
    for row, theta in zip(rows.tolist(), thetas, strict=True):
        held[row : row + 1] = [theta]
    del held[n:]


def rounding_bound(layers: Layers) -> Floats:
    """Return (k, 2): slope and least, of the bound slope * max |x| + least.

    It bounds how far two computations in float32 of the difference of the two outputs at x can be
    apart. `layers` are those of k networks.
    """
    # Squares of what an error of 1 in each unit of the layer at hand does to the difference.
    gains = np.ones((len(layers[0][0]), layers[-1][0].shape[2], 1), np.float32)
    found = np.zeros((len(gains), 2), np.float32)
    with np.errstate(all="ignore"):
        for at in reversed(range(len(layers))):
            w, b = layers[at]
            # An error that is evenly spread over its range has a deviation of 1/sqrt(3) of it.
            error = (DEVIATIONS * ROUNDOFF) ** 2 / 3 * (w.shape[1] + 1)
            own = error * np.square(b)
            if at < len(layers) - 1:
                own += TANH_ERROR**2
            found[:, 1] += np.matmul(own[:, None], gains)[:, 0, 0]
            gains = np.matmul(np.square(w), gains)
            # Those of a product are as large as the units before, which tanh keeps within 1.
            found[:, min(at, 1)] += error * gains.sum((1, 2))
        # One bound for each of the two computations.
        bounds: Floats = np.float32(2) * np.sqrt(found)
    return bounds
