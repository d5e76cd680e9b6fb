"""How a network's outputs become actions, for each of gymnasium's plain action spaces."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlid.errors import InputError

Decode = Callable[[NDArray[np.float32]], NDArray[Any]]


def decoder(space: Any, action: str) -> tuple[int, Decode]:
    """Return how many outputs a network needs, and the function from outputs to actions.

    The function maps (n, outputs) to (n, *action shape). Discrete actions are the argmax, binary
    ones the sign; continuous ones are clipped to the bounds, or squashed onto them by tanh.

    Raises:
        InputError: the space is none of Discrete, MultiDiscrete, MultiBinary and Box.
    """
    from gymnasium import spaces

    if isinstance(space, spaces.Discrete):
        start = int(space.start)
        return int(space.n), lambda outputs: outputs.argmax(1) + start
    if isinstance(space, spaces.MultiDiscrete) and space.nvec.ndim == 1:
        return int(space.nvec.sum()), _multi_discrete(space)
    if isinstance(space, spaces.MultiBinary):
        shape = space.shape
        return math.prod(shape), lambda outputs: (outputs > 0).astype(np.int8).reshape(-1, *shape)
    if isinstance(space, spaces.Box) and np.issubdtype(space.dtype, np.floating):
        return math.prod(space.shape), _continuous(space, action)
    raise InputError(
        f"actions of kind {space} are not supported: "
        "use Discrete, MultiDiscrete, MultiBinary or a Box of floats"
    )


def kind_of(space: Any, action: str) -> str:
    """Return what an agent has to know of actions before it takes them.

    "discrete", "multi-discrete" or "binary"; and continuous ones are "squashed" onto bounds,
    "clipped" to them, or "unbounded" in at least one entry.
    """
    from gymnasium import spaces

    if isinstance(space, spaces.Discrete):
        return "discrete"
    if isinstance(space, spaces.MultiDiscrete):
        return "multi-discrete"
    if isinstance(space, spaces.MultiBinary):
        return "binary"
    if not (np.isfinite(space.low).all() and np.isfinite(space.high).all()):
        return "unbounded"
    return "squashed" if action == "squash" else "clipped"


def sample(space: Any, rng: np.random.Generator, n: int) -> NDArray[Any]:
    """Draw n uniformly random actions (n, *action shape); unbounded ones are standard normal."""
    from gymnasium import spaces

    if isinstance(space, spaces.Discrete):
        return rng.integers(space.start, space.start + space.n, n)
    if isinstance(space, spaces.MultiDiscrete):
        return rng.integers(space.start, space.start + space.nvec, (n, *space.nvec.shape))
    if isinstance(space, spaces.MultiBinary):
        return rng.integers(0, 2, (n, *space.shape)).astype(np.int8)
    low, high = space.low, space.high
    bounded = np.isfinite(low) & np.isfinite(high)
    uniform = rng.random((n, *space.shape)) * np.where(bounded, high - low, 1.0)
    actions = np.where(bounded, uniform + low, rng.standard_normal((n, *space.shape)))
    return actions.astype(space.dtype)


def _multi_discrete(space: Any) -> Decode:
    cuts = np.cumsum(space.nvec)[:-1]

    def decode(outputs: NDArray[np.float32]) -> NDArray[Any]:
        parts = np.split(outputs, cuts, axis=1)
        chosen: NDArray[Any] = np.stack([part.argmax(1) for part in parts], axis=1) + space.start
        return chosen

    return decode


def _continuous(space: Any, action: str) -> Decode:
    low, high, shape = space.low, space.high, space.shape
    bounded = np.isfinite(low) & np.isfinite(high)

    def clip(outputs: NDArray[np.float32]) -> NDArray[Any]:
        return outputs.reshape(-1, *shape).clip(low, high).astype(space.dtype, copy=False)

    middle = np.where(bounded, (np.where(bounded, high, 0) + np.where(bounded, low, 0)) / 2, 0)
    half = np.where(bounded, (np.where(bounded, high, 0) - np.where(bounded, low, 0)) / 2, 1)

    def squash(outputs: NDArray[np.float32]) -> NDArray[Any]:
        raw = outputs.reshape(-1, *shape)
        squashed = np.where(bounded, middle + half * np.tanh(raw), raw)
        return squashed.clip(low, high).astype(space.dtype, copy=False)

    return squash if action == "squash" else clip
