"""How a network's outputs become actions, for each of gymnasium's plain action spaces.

Every action lies in its space, whatever the outputs are: infinite, or no number at all.
"""

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

    The function maps (n, outputs) to (n, *action shape), of the space's own type. Discrete actions
    are the argmax, binary ones the sign; continuous ones are clipped to the bounds, or squashed
    onto them by tanh.

    Raises:
        InputError: the space is none of Discrete, MultiDiscrete, MultiBinary and Box of floats, or
            a Box without entries.
    """
    from gymnasium import spaces

    if isinstance(space, spaces.Discrete):
        return int(space.n), _discrete(space)
    if isinstance(space, spaces.MultiDiscrete):
        return int(space.nvec.sum()), _multi_discrete(space)
    if isinstance(space, spaces.MultiBinary):
        shape, dtype = space.shape, space.dtype
        return math.prod(shape), lambda outputs: (outputs > 0).astype(dtype).reshape(-1, *shape)
    if isinstance(space, spaces.Box) and 0 in space.shape:
        raise InputError(f"actions of kind {space} have no numbers in them: there is no choice")
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
    if not is_bounded(space).all():
        return "unbounded"
    return "squashed" if action == "squash" else "clipped"


def is_bounded(space: Any) -> NDArray[np.bool_]:
    """Return which entries of a Box have a range, as an array of its shape.

    A range too wide for float32 is none: networks compute in float32, and bounds such as
    -finfo.max and finfo.max mean "any number".
    """
    low, high = space.low.astype(np.float64), space.high.astype(np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        width = high - low
    bounded: NDArray[np.bool_] = np.isfinite(width) & (width <= np.finfo(np.float32).max)
    return bounded


def sample(space: Any, rng: np.random.Generator, n: int) -> NDArray[Any]:
    """Draw n random actions (n, *action shape), distributed as gymnasium's own `space.sample()`.

    Discrete entries and entries of a range are uniform, entries without bounds standard normal,
    and entries with one bound as far from it as a standard exponential variable.
    """
    from gymnasium import spaces

    if isinstance(space, spaces.Discrete):
        return rng.integers(space.start, space.start + space.n, n).astype(space.dtype, copy=False)
    if isinstance(space, spaces.MultiDiscrete):
        drawn = rng.integers(space.start, space.start + space.nvec, (n, *space.nvec.shape))
        return drawn.astype(space.dtype, copy=False)
    if isinstance(space, spaces.MultiBinary):
        return rng.integers(0, 2, (n, *space.shape)).astype(space.dtype)
    low, high, bounded = (
        space.low.astype(np.float64),
        space.high.astype(np.float64),
        is_bounded(space),
    )
    width = np.where(bounded, high, 1.0) - np.where(bounded, low, 0.0)
    uniform = rng.random((n, *space.shape)) * width + np.where(bounded, low, 0.0)
    actions = np.where(bounded, uniform, rng.standard_normal((n, *space.shape)))
    # Bounds as far out as a type's largest number are none.
    far = np.finfo(np.float32).max
    has_low, has_high = ~bounded & (low > -far), ~bounded & (high < far)
    one_sided = has_low ^ has_high
    if one_sided.any():
        distance = rng.standard_exponential((n, *space.shape))
        beyond = np.where(has_low, low + distance, high - distance)
        actions = np.where(one_sided, beyond, actions)
    clipped: NDArray[Any] = actions.clip(*_limits(space)).astype(space.dtype, copy=False)
    return clipped


def _limits(space: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the least and largest finite number of each entry of a Box, in its own type."""
    largest = np.finfo(space.dtype).max
    return np.maximum(space.low, -largest), np.minimum(space.high, largest)


def _discrete(space: Any) -> Decode:
    start, dtype = int(space.start), space.dtype

    def decode(outputs: NDArray[np.float32]) -> NDArray[Any]:
        actions: NDArray[Any] = (outputs.argmax(1) + start).astype(dtype, copy=False)
        return actions

    return decode


def _multi_discrete(space: Any) -> Decode:
    cuts, start, shape = np.cumsum(space.nvec)[:-1], space.start, space.nvec.shape
    dtype = space.dtype

    def decode(outputs: NDArray[np.float32]) -> NDArray[Any]:
        parts = np.split(outputs, cuts, axis=1)
        chosen = np.stack([part.argmax(1) for part in parts], axis=1).reshape(-1, *shape)
        actions: NDArray[Any] = (chosen + start).astype(dtype, copy=False)
        return actions

    return decode


def _continuous(space: Any, action: str) -> Decode:
    shape, bounded = space.shape, is_bounded(space)
    low, high = space.low.astype(np.float64), space.high.astype(np.float64)
    # In no less than the network's own precision, so that the range of a small type fits.
    precision = np.result_type(space.dtype, np.float32)
    low, high = np.where(bounded, low, -1.0), np.where(bounded, high, 1.0)
    middle = (low / 2 + high / 2).astype(precision)
    half = (high / 2 - low / 2).astype(precision)
    least, most = _limits(space)
    is_squashed, dtype = action == "squash", space.dtype

    def decode(outputs: NDArray[np.float32]) -> NDArray[Any]:
        raw = outputs.reshape(-1, *shape)
        if np.isnan(raw).any():
            # What is no number says nothing: the middle of the range.
            raw = np.where(np.isnan(raw), np.float32(0), raw)
        if is_squashed:
            raw = np.where(bounded, middle + half * np.tanh(raw), raw)
        actions: NDArray[Any] = raw.clip(least, most).astype(dtype, copy=False)
        return actions

    return decode
