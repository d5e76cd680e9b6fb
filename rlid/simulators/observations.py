"""From what an environment gives to a network's inputs: the one path, for every use.

Search, validation, scoring, training by SB3 and `Policy.predict` all see what `Observations.encode`
makes of an observation. Nothing is cast to the space's type on the way: an environment that gives
0.3 where its space has whole numbers is taken at its word, and a warning says so once.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlid.errors import EnvironmentFault, EnvironmentWarning, InputError, named_line
from rlid.simulators.images import channels_first, image_shape
from rlid.world import Shape

Floats = NDArray[np.float64]

SLACK = 1e-4
"""Share of an entry's range by which rounding may put a number outside of it."""


class Observations:
    """Turns the observations of one space into flat network inputs of one size and type.

    Attributes:
        size: numbers in an observation.
        shape: (channels, height, width), where observations are shown as images.
        dtype: float32, or uint8 for images of bytes.
    """

    def __init__(self, space: Any, rule: str, env: str) -> None:
        """Read the space; `rule` is a task's observation rule, `env` a name for messages.

        Raises:
            InputError: a space that cannot be flattened, or that the rule cannot show.
        """
        from gymnasium.spaces import Box

        self._space, self._env = space, env
        self.shape: Shape | None = image_shape(space, env) if rule == "pixels" else None
        self.dtype: np.dtype[Any] = np.dtype(np.float32)
        if self.shape is not None and space.dtype == np.uint8:
            self.dtype = np.dtype(np.uint8)
        low, high, self._is_whole = _ranges(space)
        self.size = len(low)
        if self.size == 0:
            raise InputError(
                f"observations of {env} are of space {space}, which has no numbers in it: register "
                "the environment in a wrapper that shows a constant"
            )
        self._is_vector = isinstance(space, Box) and len(space.shape) == 1
        self._scale: tuple[Floats, Floats] | None = None
        if rule == "scaled":
            if not (np.isfinite(low) & np.isfinite(high)).any():
                raise InputError(f"observations of {env} have no bounds to scale by; use frozen")
            self._scale = _centre(low, high)
        with np.errstate(invalid="ignore", over="ignore"):
            slack = np.nan_to_num(SLACK * (high - low), nan=0.0, posinf=0.0)
        self._least, self._most = self._arranged(low - slack), self._arranged(high + slack)
        if self._scale is not None:
            middle, half = self._scale
            self._least, self._most = (self._least - middle) / half, (self._most - middle) / half
        self._is_watching = bool(
            self._is_whole.any() or np.isfinite(low).any() or np.isfinite(high).any()
        )

    def encode(self, call: str, observation: Any) -> NDArray[Any]:
        """Return an observation as network inputs (size,).

        Args:
            call: what gave it, "reset" or "step".
            observation: as the environment gives it.

        Raises:
            EnvironmentFault: it does not have the form of the space, or float32 cannot hold it.
        """
        if self._is_vector and self.shape is None:
            values = np.asarray(observation)
            if values.shape != (self.size,):
                raise EnvironmentFault(
                    f"{call} gave an observation of shape {values.shape}, not ({self.size},)"
                )
        else:
            values = self._flattened(call, observation)
        if self.dtype == np.uint8:
            return _as_bytes(call, values)
        if self._scale is not None:
            middle, half = self._scale
            values = (values - middle) / half
        return _as_floats(call, values)

    def watch(self, inputs: NDArray[Any]) -> None:
        """Warn, once, when network inputs (n, size) show that a number is not in the space."""
        if not self._is_watching:
            return
        is_wrong = (inputs < self._least) | (inputs > self._most)
        if self._scale is None and self.dtype != np.uint8 and self._is_whole.any():
            is_wrong |= self._is_whole & (inputs != np.rint(inputs))
        if not is_wrong.any():
            return
        self._is_watching = False
        row, entry = np.argwhere(is_wrong)[0]
        value = float(inputs[row, entry])
        if self._scale is not None:
            middle, half = self._scale
            value = value * float(half[entry]) + float(middle[entry])
        warnings.warn(
            f"{self._env} gave {value:g} as number {entry} of an observation, which is not in its "
            f"space {self._space}; rlid takes the numbers as they are",
            EnvironmentWarning,
            stacklevel=2,
        )

    def _flattened(self, call: str, observation: Any) -> NDArray[Any]:
        try:
            parts = list(_flat_parts(self._space, observation))
            values = parts[0] if len(parts) == 1 else np.concatenate(parts)
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            raise EnvironmentFault(
                f"{call} gave an observation that does not fit {self._space}: {named_line(error)}"
            ) from error
        return self._arranged(values)

    def _arranged(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return flat numbers of the space (size,) in the order of network inputs."""
        if self.shape is not None:
            return channels_first(values.reshape(self._space.shape)).ravel()
        return values


def _ranges(space: Any) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Return least and largest number of each flat entry, and whether it is a whole number.

    Raises:
        InputError: the space has no fixed number of entries.
    """
    from gymnasium import spaces

    if isinstance(space, spaces.Box):
        low, high = space.low.ravel().astype(np.float64), space.high.ravel().astype(np.float64)
        return low, high, np.full(len(low), space.dtype.kind in "iub")
    if isinstance(space, spaces.Dict | spaces.Tuple):
        inner = space.spaces.values() if isinstance(space, spaces.Dict) else space.spaces
        ranges = [_ranges(part) for part in inner]
        if ranges:
            low, high, is_whole = (np.concatenate(rows) for rows in zip(*ranges, strict=True))
            return low, high, is_whole
    elif _is_flattenable(space):
        size = spaces.utils.flatdim(space)
        is_binary = isinstance(space, spaces.Discrete | spaces.MultiDiscrete | spaces.MultiBinary)
        end = 1.0 if is_binary else np.inf
        return np.full(size, 1.0 - end), np.full(size, end), np.full(size, is_binary)
    raise InputError(
        f"its observations hold a space of kind {type(space).__name__}, which cannot be flattened "
        "to one vector: register the environment in a wrapper that shows numbers"
    )


def _is_flattenable(space: Any) -> bool:
    try:
        return bool(space.is_np_flattenable)
    except NotImplementedError:
        # A space of somebody's own that says nothing of it.
        return False


def _flat_parts(space: Any, value: Any) -> Iterator[NDArray[Any]]:
    """Yield the flat numbers of a value, part by part; nothing is cast to the space's type."""
    from gymnasium import spaces

    if isinstance(space, spaces.Dict):
        for name, part in space.spaces.items():
            yield from _flat_parts(part, value[name])
    elif isinstance(space, spaces.Tuple):
        for part, inner in zip(space.spaces, value, strict=True):
            yield from _flat_parts(part, inner)
    elif isinstance(space, spaces.Box | spaces.MultiBinary):
        numbers = np.asarray(value)
        if numbers.shape != space.shape:
            raise ValueError(f"its shape is {numbers.shape}, not {space.shape}")
        yield numbers.ravel()
    elif isinstance(space, spaces.Discrete | spaces.MultiDiscrete):
        yield _one_hot(space, value)
    else:
        yield np.asarray(spaces.flatten(space, value))


def _one_hot(space: Any, value: Any) -> NDArray[np.float64]:
    """Return a choice, or several, as zeros and a one for each."""
    from gymnasium.spaces import MultiDiscrete

    counts = np.ravel(space.nvec if isinstance(space, MultiDiscrete) else space.n)
    chosen = np.ravel(value) - np.ravel(space.start)
    if chosen.shape != counts.shape:
        raise ValueError(f"{chosen.size} choices, not {counts.size}")
    if not ((chosen >= 0) & (chosen < counts) & (chosen == np.rint(chosen))).all():
        raise ValueError(f"{value} is not in it")
    flat = np.zeros(int(counts.sum()))
    flat[np.cumsum(counts) - counts + chosen.astype(np.intp)] = 1.0
    return flat


def _centre(low: Floats, high: Floats) -> tuple[Floats, Floats]:
    """Return middle and half-width of each range, or 0 and 1 where there is none."""
    is_bounded = np.isfinite(low) & np.isfinite(high) & (high > low)
    low, high = np.where(is_bounded, low, -1.0), np.where(is_bounded, high, 1.0)
    return (low + high) / 2, (high - low) / 2


def _as_bytes(call: str, values: NDArray[Any]) -> NDArray[np.uint8]:
    if values.dtype == np.uint8:
        return values
    numbers = values.astype(np.float64)
    is_byte = (numbers == np.rint(numbers)) & (numbers >= 0) & (numbers <= 255)
    if not is_byte.all():
        raise EnvironmentFault(
            f"{call} gave a pixel of {numbers[~is_byte][0]:g}, and its space has bytes: "
            "correct its space, or use --observation raw"
        )
    return values.astype(np.uint8)


def _as_floats(call: str, values: NDArray[Any]) -> NDArray[np.float32]:
    if values.dtype == np.float32:
        floats: NDArray[np.float32] = values
        return floats
    with np.errstate(over="ignore"):
        floats = values.astype(np.float32)
    # A product is cheaper than a test of every entry.
    if not math.isfinite(np.vdot(floats, floats)):
        beyond = np.isinf(floats) & np.isfinite(values.astype(np.float64))
        if beyond.any():
            raise EnvironmentFault(
                f"{call} gave an observation of {values[beyond][0]:g}, a finite number that "
                "float32 cannot hold",
                "nonfinite",
            )
    return floats
