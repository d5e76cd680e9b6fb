"""Policies of two actions, quickly: by numpy or in C (`two_actions.c`), and exactly where in doubt.

Numpy and C are much faster than torch for products and tanh of such small shapes, and differ from
it in the last bits, which decide where the two outputs are nearly equal. So each difference is
compared with a bound on its rounding error. Policies within the bound, about one choice in ten
thousand, ask `Network.bind`. The C is compiled at installation where there is a compiler; no choice
depends on it.

The bound: the relative error of an operation is at most ROUNDOFF, and errors are independent with
mean zero, so that the errors of K products add up as sqrt(K) does (Higham and Mary 2019), and the
errors of a layer's units as the root of the sum of their squares. tanh is nowhere steeper than 1.
Of seven million outputs of each network that was tried, none was off by more than a quarter of the
bound, or by two thirds of it in networks with hardly any weights.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from types import ModuleType
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from rlid.networks import Network

Floats = NDArray[np.float32]
Sizes = list[tuple[int, int]]
"""Inputs and outputs of each layer."""
Layers = list[tuple[Floats, Floats]]
"""Weights (k, inputs, outputs) and biases (k, outputs) of each layer."""

ROUNDOFF = 2.0**-24
"""Largest relative error of one operation in float32."""
DEVIATIONS = 5.0
"""Standard deviations of the rounding error that the bound allows for."""
PRODUCT = (DEVIATIONS * ROUNDOFF) ** 2 / 3
"""Square of the error allowed for one operation: a uniform error deviates by 1/sqrt(3)."""
TANH_ERROR = 8 * ROUNDOFF
"""Largest error of a tanh: numpy and torch stay within 3 units in the last place, the C in 4."""
WIDTH = 16
"""two_actions.c fills sizes up to multiples of it."""

compiled: ModuleType | None
try:
    compiled = importlib.import_module("rlid.evaluation._two_actions")
except ImportError:
    compiled = None


class Quick(Protocol):
    """Networks in rows 0, 1, ..., and the difference of the two outputs of each."""

    mixes: bool
    """Whether rows may act in differently many slots each."""

    def put(self, rows: NDArray[np.intp], thetas: list[torch.Tensor]) -> None:
        """Put networks with weights (D,) each into rows, or new ones at the end."""

    def bounds(self, rows: int) -> Floats:
        """Return a copy of slope and least (rows, 2) of each row; see `rounding_bound`."""

    def choose(
        self,
        observations: Floats,
        slots: NDArray[np.intp],
        ends: NDArray[np.intp],
        active: NDArray[np.bool_],
        actions: NDArray[np.int64],
        first: int,
    ) -> tuple[Floats, NDArray[np.bool_] | None]:
        """Choose an action, first or first + 1, in every active slot.

        Args:
            observations: of all slots (S, inputs).
            slots: where the rows act (cells,): row i in slots[ends[i - 1] : ends[i]].
            ends: where each row's cells end (rows,).
            active: of all slots (S,).
            actions: of all slots (S,); choices are written there.
            first: the number of the first action.

        Returns:
            The differences (cells,), and which choices rounding leaves in doubt (cells,), or None
            where it leaves none. Cells of inactive slots are never in doubt; their differences
            and actions mean nothing.
        """


class TwoActions:
    """Policies that choose the one of two actions whose output is larger; see `Policies`."""

    def __init__(self, network: Network, first: int) -> None:
        """Hold no policies yet; `first` is the number of the first action."""
        self._network, self._first = network, first
        self._thetas: list[torch.Tensor] = []
        sizes = [(layer.inputs, layer.outputs) for layer in network.layers]  # type: ignore[union-attr]
        self._quick: Quick = ByNumpy(sizes) if compiled is None else InC(compiled, sizes)
        self.mixes = self._quick.mixes
        self._bound: dict[int, Callable[[torch.Tensor], torch.Tensor]] = {}

    def put(self, rows: NDArray[np.intp], thetas: list[torch.Tensor], n: int) -> None:
        """Put policies with weights (D,) each into rows; from now on there are n rows."""
        place(self._thetas, rows, thetas, n)
        for row in rows.tolist():
            self._bound.pop(row, None)
        if thetas:
            self._quick.put(rows, thetas)

    def act(
        self,
        observations: NDArray[Any],
        slots: NDArray[np.intp],
        ends: NDArray[np.intp],
        active: NDArray[np.bool_],
        actions: NDArray[Any],
    ) -> NDArray[Any]:
        """Write the rows' actions into their slots; see `Policies.act`."""
        first = self._first
        if len(actions) == 0:
            actions = np.full(len(observations), first)
        _, doubtful = self._quick.choose(observations, slots, ends, active, actions, first)
        if doubtful is not None:
            cells = doubtful.nonzero()[0]
            for row in np.unique(ends.searchsorted(cells, "right")).tolist():
                own = slots[ends[row - 1] if row else 0 : ends[row]]
                x = torch.from_numpy(observations[own][None])
                actions[own] = first + self._exact(row)(x).numpy().argmax(-1)[0]
        return actions

    def _exact(self, row: int) -> Callable[[torch.Tensor], torch.Tensor]:
        if row not in self._bound:
            self._bound[row] = self._network.bind(self._thetas[row][None])
        return self._bound[row]


class ByNumpy:
    """Batched products, one layer after the other; see `Quick`."""

    mixes = False

    def __init__(self, sizes: Sizes) -> None:
        """Hold no networks yet; the last layer is that of the difference."""
        self._sizes = sizes
        shapes = [*sizes[:-1], (sizes[-1][0], 1)]
        self._weights = [np.empty((0, *shape), np.float32) for shape in shapes]
        self._biases = [np.empty((0, 1, outputs), np.float32) for _, outputs in shapes]
        self._bounds = np.empty((0, 2), np.float32)

    def put(self, rows: NDArray[np.intp], thetas: list[torch.Tensor]) -> None:
        """Put networks into rows; see `Quick`."""
        if rows.max() >= len(self._bounds):
            room = 2 * int(rows.max()) + 2
            self._weights = [grown(old, room) for old in self._weights]
            self._biases = [grown(old, room) for old in self._biases]
            self._bounds = grown(self._bounds, room)
        layers = split(torch.stack(thetas).numpy(), self._sizes)
        self._bounds[rows] = rounding_bound(layers)
        w, b = layers[-1]
        layers[-1] = w[..., 1:] - w[..., :1], b[..., 1:] - b[..., :1]
        for index, (w, b) in enumerate(layers):
            self._weights[index][rows], self._biases[index][rows, 0] = w, b

    def bounds(self, rows: int) -> Floats:
        """Return slope and least of the first rows; see `Quick`."""
        return self._bounds[:rows].copy()

    def choose(
        self,
        observations: Floats,
        slots: NDArray[np.intp],
        ends: NDArray[np.intp],
        active: NDArray[np.bool_],
        actions: NDArray[np.int64],
        first: int,
    ) -> tuple[Floats, NDArray[np.bool_] | None]:
        """Choose an action in every active slot; see `Quick`."""
        n = len(ends)
        h = observations.take(slots, 0).reshape(n, -1, observations.shape[1])
        slope, least = self._bounds[:n, 0, None], self._bounds[:n, 1, None]
        allowed = slope * np.abs(h).max(-1) + least
        for index, (w, b) in enumerate(zip(self._weights, self._biases, strict=True)):
            if index > 0:
                np.tanh(h, out=h)
            h = np.matmul(h, w[:n])
            h += b[:n]
        differences: Floats = h[..., 0].ravel()
        # A difference that is no number is in doubt too.
        doubtful = ~(np.abs(differences) > allowed.ravel()) & active[slots]
        actions[slots] = first + (differences > 0)
        return differences, doubtful if doubtful.any() else None


class InC:
    """One pass over the weights of every row; see `Quick`."""

    mixes = True

    def __init__(self, module: ModuleType, sizes: Sizes) -> None:
        """Hold no networks yet; `module` is two_actions.c, which says what a row looks like."""
        self._module = module
        self._widths = np.array([inputs for inputs, _ in sizes], np.int64)
        hidden = sum((inputs + 1) * whole(outputs) for inputs, outputs in sizes[:-1])
        self._rows = np.empty((0, hidden + whole(sizes[-1][0]) + 3), np.float32)

    def put(self, rows: NDArray[np.intp], thetas: list[torch.Tensor]) -> None:
        """Put networks into rows; see `Quick`."""
        if rows.max() >= len(self._rows):
            self._rows = grown(self._rows, 2 * int(rows.max()) + 2)
        for row, theta in zip(rows.tolist(), thetas, strict=True):
            weights = np.ascontiguousarray(theta.numpy())
            self._module.put(self._widths, self._rows, weights, row, PRODUCT, TANH_ERROR**2)
        # The last two numbers of a row are squares of slope and least until here.
        self._rows[rows, -2:] = np.sqrt(2 * self._rows[rows, -2:])

    def bounds(self, rows: int) -> Floats:
        """Return slope and least of the first rows; see `Quick`."""
        return self._rows[:rows, -2:].copy()

    def choose(
        self,
        observations: Floats,
        slots: NDArray[np.intp],
        ends: NDArray[np.intp],
        active: NDArray[np.bool_],
        actions: NDArray[np.int64],
        first: int,
    ) -> tuple[Floats, NDArray[np.bool_] | None]:
        """Choose an action in every active slot; see `Quick`."""
        differences, doubtful = np.empty(len(slots), np.float32), np.zeros(len(slots), bool)
        x = np.ascontiguousarray(observations, np.float32)
        doubts: int = self._module.choose(
            self._widths, self._rows, x, slots, ends, active, differences, doubtful, actions, first
        )
        return differences, doubtful if doubts else None


def whole(n: int) -> int:
    """Return n, or the next multiple of WIDTH."""
    return -(-n // WIDTH) * WIDTH


def grown(old: Floats, room: int) -> Floats:
    """Return an array of `room` rows that begins with the old rows."""
    new = np.empty((room, *old.shape[1:]), np.float32)
    new[: len(old)] = old
    return new


def place(
    held: list[torch.Tensor], rows: NDArray[np.intp], thetas: list[torch.Tensor], n: int
) -> None:
    """Put weights into rows of a list, or at its end; n rows are left."""
    for row, theta in zip(rows.tolist(), thetas, strict=True):
        held[row : row + 1] = [theta]
    del held[n:]


def split(Theta: Floats, sizes: Sizes) -> Layers:  # noqa: N803
    """Return views of Theta (k, D): each layer's weights and biases."""
    layers, at = [], 0
    for inputs, outputs in sizes:
        end = at + inputs * outputs
        weights = Theta[:, at:end].reshape(-1, inputs, outputs)
        layers.append((weights, Theta[:, end : end + outputs]))
        at = end + outputs
    return layers


def rounding_bound(layers: Layers) -> Floats:
    """Return slope and least (k, 2) of the bound slope * max |x| + least for k networks.

    It bounds how far two computations in float32 of the difference of the two outputs at x can be
    apart.
    """
    # Squares of the change of the difference for an error of 1 in each unit of the layer at hand.
    gains = np.ones((len(layers[0][0]), layers[-1][0].shape[2], 1), np.float32)
    squares = np.zeros((len(gains), 2), np.float32)
    with np.errstate(all="ignore"):
        for at in reversed(range(len(layers))):
            w, b = layers[at]
            error = PRODUCT * (w.shape[1] + 1)
            own = error * np.square(b)
            if at < len(layers) - 1:
                own += TANH_ERROR**2
            squares[:, 1] += np.matmul(own[:, None], gains)[:, 0, 0]
            gains = np.matmul(np.square(w), gains)
            # The errors of a product are as large as the units before, which tanh keeps within 1.
            squares[:, min(at, 1)] += error * gains.sum((1, 2))
        # The errors of the two computations are independent too.
        bounds: Floats = np.sqrt(np.float32(2) * squares)
    return bounds
