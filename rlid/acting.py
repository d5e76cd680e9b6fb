"""How many policies act at once, each by a network of its own: exactly, or as fast as is safe."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from rlid.actions import Decode, decoder
from rlid.networks import Network

Floats = NDArray[np.float32]

ROUNDOFF = 2.0**-24
"""Largest relative error of one operation in float32."""
DEVIATIONS = 5.0
"""So many standard deviations of what rounding may do are allowed for."""
TANH_ERROR = 8 * ROUNDOFF
"""Of a tanh, at most: 4 units in its last place; numpy's and torch's stay within 3."""


class Policies(Protocol):
    """Policies in rows 0, 1, ...; what a row does depends on its weights and observations alone."""

    def put(self, rows: NDArray[np.intp], thetas: list[torch.Tensor], n: int) -> None:
        """Put policies with weights (D,) each into rows; from now on there are n rows."""

    def act(self, x: Floats) -> NDArray[Any]:
        """Return the actions (n * m, ...) for observations (n, m, inputs)."""


def make_policies(network: Network, space: Any, action: str) -> Policies:
    """Return room for policies of this network in an action space; see `rlid.actions`."""
    from gymnasium.spaces import Discrete

    is_choice = isinstance(space, Discrete) and space.n == 2
    is_smooth = network.activation == "tanh" or len(network.layers) == 1
    if is_choice and is_smooth and not network.architecture.filters and network.byte_scale == 1:
        return _TwoActions(network, int(space.start))
    return _Exact(network, decoder(space, action)[1])


class _Exact:
    """Policies that act by `Network.bind`."""

    def __init__(self, network: Network, decode: Decode) -> None:
        self._network, self._decode = network, decode
        self._thetas: list[torch.Tensor] = []

    def put(self, rows: NDArray[np.intp], thetas: list[torch.Tensor], n: int) -> None:
        _place(self._thetas, rows, thetas, n)
        self._bound: Any = self._network.bind(torch.stack(self._thetas)) if n else None

    def act(self, x: Floats) -> NDArray[Any]:
        n, m, _ = x.shape
        outputs: torch.Tensor = self._bound(torch.from_numpy(x))
        return self._decode(outputs.reshape(n * m, -1).numpy())


class _TwoActions:
    """Policies that choose the one of two actions whose output is larger, as `_Exact` ones do.

    numpy's products and tanh of such small shapes are about three times as fast as torch's, and
    differ from them in the last bits, which decide where the two outputs are nearly equal. So each
    difference is held against what rounding can make of it, and policies that come too close ask
    `Network.bind`: about one in ten thousand.

    The bound: an operation's error is at most ROUNDOFF, relative, and errors are independent with
    mean zero, so that those of K products add up as sqrt(K) does (Higham and Mary 2019), and those
    of a layer's units as the root of the sum of their squares. tanh is nowhere steeper than 1. In
    practice less than an eighth of the bound is seen, or a third with hardly any weights.
    """

    def __init__(self, network: Network, first: int) -> None:
        """`first` is the number of the first action."""
        self._network, self._first = network, first
        self._thetas: list[torch.Tensor] = []
        ends = [(layer.inputs, layer.outputs) for layer in network.layers[:-1]]  # type: ignore[union-attr]
        # Of the last layer only the difference of its two units is wanted.
        self._ends = [*ends, (network.layers[-1].inputs, 1)]  # type: ignore[union-attr]
        self._room = 0
        self._weights: list[Floats] = [np.empty((0, *end), np.float32) for end in self._ends]
        self._biases: list[Floats] = [np.empty((0, 1, end[1]), np.float32) for end in self._ends]
        self._rounding = np.empty((2, 0), np.float32)
        self._reach = -1.0
        self._allowed: NDArray[np.float64] = np.empty((0, 1))
        self._bound: dict[int, Callable[[torch.Tensor], torch.Tensor]] = {}
        self._layers: list[tuple[Floats, Floats, Floats]] = []

    def put(self, rows: NDArray[np.intp], thetas: list[torch.Tensor], n: int) -> None:
        _place(self._thetas, rows, thetas, n)
        self._layers, self._bound, self._reach = [], {}, -1.0
        if not thetas:
            return
        if n > self._room:
            self._grow(2 * n)
        parts = self._split(torch.stack(thetas).numpy())
        self._rounding[:, rows] = rounding_bound(parts)
        for at, (w, b) in enumerate(parts):
            is_last = at == len(parts) - 1
            self._weights[at][rows] = w[..., 1:] - w[..., :1] if is_last else w
            self._biases[at][rows, 0] = b[..., 1:] - b[..., :1] if is_last else b

    def _split(self, Theta: Floats) -> list[tuple[Floats, Floats]]:  # noqa: N803
        """Return each layer's weights (k, inputs, outputs) and biases (k, outputs)."""
        parts, at = [], 0
        for layer in self._network.layers:
            end = at + math.prod(layer.weight_shape)
            parts.append(
                (
                    Theta[:, at:end].reshape(-1, *layer.weight_shape),
                    Theta[:, end : end + layer.outputs],
                )
            )
            at = end + layer.outputs
        return parts

    def _grow(self, room: int) -> None:
        def grown(old: Floats) -> Floats:
            new = np.empty((room, *old.shape[1:]), np.float32)
            new[: len(old)] = old
            return new

        self._room = room
        self._weights = [grown(old) for old in self._weights]
        self._biases = [grown(old) for old in self._biases]
        self._rounding = np.ascontiguousarray(grown(self._rounding.T).T)

    def act(self, x: Floats) -> NDArray[Any]:
        n, m, _ = x.shape
        if not self._layers:
            # Room for the outputs is kept as well: nothing is allocated in a step.
            self._layers = [
                (w[:n], b[:n], np.empty((n, m, end[1]), np.float32))
                for w, b, end in zip(self._weights, self._biases, self._ends, strict=True)
            ]
        h = x
        for w, b, out in self._layers:
            if h is not x:
                np.tanh(h, out=h)
            h = np.matmul(h, w, out=out)
            h += b
        difference = h[..., 0]
        is_clear = np.abs(difference) > self._tolerance(max(x.max(), -x.min()))
        chosen = difference > 0
        if not is_clear.all():
            for row in np.flatnonzero(~is_clear.all(1)).tolist():
                chosen[row] = self._outputs(row, x[row : row + 1]).argmax(-1)
        return chosen.ravel() + self._first

    def _tolerance(self, reach: np.float32) -> NDArray[np.float64]:
        """Return each row's bound (n, 1) for observations up to a size of `reach`."""
        if not reach <= self._reach:
            self._reach = float(1.25 * reach)
            slope, least = self._rounding[:, : len(self._thetas)]
            self._allowed = (slope * self._reach + least)[:, None]
        return self._allowed

    def _outputs(self, row: int, x: Floats) -> Floats:
        """Return the exact outputs (1, m, 2) of one row for observations (1, m, inputs)."""
        if row not in self._bound:
            self._bound[row] = self._network.bind(self._thetas[row][None])
        outputs: Floats = self._bound[row](torch.from_numpy(x)).numpy()
        return outputs


def rounding_bound(parts: list[tuple[Floats, Floats]]) -> NDArray[np.float64]:
    """Return (2, k): slope and least, of the bound slope * max |x| + least.

    It bounds how far two computations in float32 of the difference of the two outputs at x can be
    apart. `parts` are each layer's weights (k, inputs, outputs) and biases (k, outputs).
    """
    # Squares of what an error of 1 in each unit of the layer at hand does to the difference.
    gains = np.ones((len(parts[0][0]), parts[-1][0].shape[2], 1), np.float32)
    slope = least = np.zeros(len(gains))
    with np.errstate(all="ignore"):
        for at in reversed(range(len(parts))):
            squares = np.square(parts[at][0])
            terms = squares.shape[1] + 1
            # An error that is evenly spread over its range has a deviation of 1/sqrt(3) of it.
            error = (DEVIATIONS * ROUNDOFF) ** 2 / 3 * terms
            sums = error * squares.sum(1)
            own = error * np.square(parts[at][1])
            if at == 0:
                slope = (gains[..., 0] * sums).sum(1)
            else:
                own += sums
            if at < len(parts) - 1:
                own += TANH_ERROR**2
            least = least + (gains[..., 0] * own).sum(1)
            gains = np.matmul(squares, gains)
        # One bound for each of the two computations.
        both: NDArray[np.float64] = 2 * np.sqrt(np.stack([slope, least]))
    return both


def _place(
    held: list[torch.Tensor], rows: NDArray[np.intp], thetas: list[torch.Tensor], n: int
) -> None:
    for row, theta in zip(rows.tolist(), thetas, strict=True):
        held[row : row + 1] = [theta]
    del held[n:]
