"""How a torch module starts: drawn by its own initialisation from a seed, and flattened."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rlid.errors import InputError, named_line
from rlid.networks.settings import Builder
from rlid.random_stream import Stream

if TYPE_CHECKING:
    import torch
    from torch import nn

LABEL = "theta0/module"
"""The stream that seeds the global generators while a module is made; never change it."""


@contextmanager
def seeded_generators(seed: int) -> Iterator[None]:
    """Seed the global generators of torch, numpy and Python, and put them back at the end.

    A module's initialisation draws from torch's global generator, and may draw from the others.
    """
    import torch

    word = int(Stream(seed, LABEL).bits(1)[0]) >> 1
    states = random.getstate(), np.random.get_state()  # noqa: NPY002
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(word)
            random.seed(word)
            np.random.seed(word % 2**32)  # noqa: NPY002
            yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])  # noqa: NPY002


def draw(made_by: Builder, shape: tuple[int, ...], outputs: int, seed: int) -> nn.Module:
    """Return the module in evaluation mode, as its own initialisation draws it for `seed`.

    Raises:
        InputError: the registered function raises, or returns no module.
    """
    from torch import nn

    with seeded_generators(seed):
        try:
            module = made_by.function(shape, outputs, **made_by.settings)
        except InputError:
            raise
        except Exception as error:
            raise InputError(
                f"network {made_by.name!r} cannot be made for observations of shape {shape}: "
                f"{named_line(error)}"
            ) from error
    if not isinstance(module, nn.Module):
        raise InputError(
            f"network {made_by.name!r} is a {type(module).__name__}; its function must return a "
            "torch.nn.Module"
        )
    return module.eval()


def trained(module: nn.Module) -> dict[str, torch.Tensor]:
    """Return the parameters that theta holds, by name, each shared one once.

    They are in the order of their definition. A parameter that requires no gradient is a constant.
    """
    return {
        name: parameter.detach()
        for name, parameter in module.named_parameters()
        if parameter.requires_grad
    }


def constants(module: nn.Module) -> dict[str, torch.Tensor]:
    """Return what the module holds besides theta, by name: buffers, and frozen parameters."""
    frozen = {
        name: parameter.detach()
        for name, parameter in module.named_parameters()
        if not parameter.requires_grad
    }
    return {**frozen, **dict(module.named_buffers())}


def flat(module: nn.Module) -> NDArray[np.float32]:
    """Return the trained parameters one after the other, (D,)."""
    return np.concatenate([value.numpy().ravel() for value in trained(module).values()])
