"""Which observation spaces are images, where their channels are, and gymnasium's wrappers for them.

Networks take images channels first. Frames that `FrameStackObservation` stacks become channels.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlid.errors import InputError
from rlid.networks import parse
from rlid.task import Task, adapt
from rlid.world import Shape

WRAP = "wrap."
"""How the options of a task begin that are no arguments of its environment, but wrap it."""
WRAPPERS = ("gray", "resize", "stack")
"""GrayscaleObservation, ResizeObservation and FrameStackObservation, applied in this order."""


def image_shape(space: Any, env: str) -> Shape:
    """Return (channels, height, width) of a Box of images, (h, w), (h, w, c) or (c, h, w).

    A stack of images (k, ...) has k times as many channels.

    Raises:
        InputError: the space is no such Box, or has bytes' range without being one of bytes.
    """
    from gymnasium.spaces import Box

    if not isinstance(space, Box) or not 2 <= len(space.shape) <= 4 or 0 in space.shape:
        raise InputError(
            f"observations of {env}, {space}, are no images: use a network that takes numbers, "
            "such as mlp:20x20, and leave out --observation pixels"
        )
    return channels_first(np.empty(space.shape, np.bool_)).shape


def channels_first(image: NDArray[Any]) -> NDArray[Any]:
    """Return an image or a stack of images as (channels, height, width)."""
    if image.ndim == 2:
        return image[None]
    if is_channels_last(image.shape):
        image = np.moveaxis(image, -1, -3)
    return image.reshape(-1, *image.shape[-2:])


def is_channels_last(shape: tuple[int, ...]) -> bool:
    """Whether the last axis of an image has the channels: it is no longer than the first one."""
    return len(shape) >= 3 and shape[-1] <= shape[-3]


def show_images(task: Task, network: str) -> Task:
    """Return the task as a network takes it: with images as images, where it has convolutions.

    Raises:
        InputError: the network's name is not in the grammar.
    """
    takes_images = bool(parse(network).filters)
    if takes_images and task.kind == "rl" and task.world is None and task.observation == "raw":
        return adapt(task, observation="pixels")
    return task


def wrap(env: Any, options: Mapping[str, Any]) -> Any:
    """Return an environment of gymnasium in the wrappers that a task's options name.

    Args:
        env: the environment.
        options: of the task; "wrap.gray" is true or false, "wrap.resize" a side or
            [height, width], and "wrap.stack" a number of frames.

    Raises:
        InputError: an unknown wrapper, or an argument that it does not take.
    """
    from gymnasium import wrappers

    named = {name[len(WRAP) :]: value for name, value in options.items() if name.startswith(WRAP)}
    for name in named:
        if name not in WRAPPERS:
            known = ", ".join(WRAP + known for known in WRAPPERS)
            raise InputError(f"--env-arg {WRAP}{name}: use one of {known}")
    try:
        if named.get("gray", False) is not False:
            env = wrappers.GrayscaleObservation(env)
        if "resize" in named:
            size = named["resize"]
            height, width = (size, size) if isinstance(size, int) else size
            env = wrappers.ResizeObservation(env, (height, width))
        if "stack" in named:
            env = wrappers.FrameStackObservation(env, named["stack"])
    except (AssertionError, TypeError, ValueError) as error:
        raise InputError(f"--env-arg {WRAP}: its wrapper refuses: {error}") from error
    return env
