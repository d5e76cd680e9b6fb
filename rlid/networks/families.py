"""The registry of networks: the families of the grammar, and any torch module that is registered.

A registered network is a function (or a class) that takes the shape of an observation and the
number of outputs, then its settings with their defaults, and returns a `torch.nn.Module`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from rlid.errors import InputError
from rlid.registry import Registry

BUILT_IN = {
    "linear": "one layer, no hidden units: the control for every other network",
    "mlp": "hidden widths, such as mlp:20x20; tanh or relu as the task says",
    "conv": "filters of each convolution, then the fully connected width: conv:16-32-256",
    "lenet": "two convolutions and three layers, for images of at least 16x16 (LeCun et al. 1998)",
    "vector": "bare weights, such as vector:1000, for synthetic tasks that score theta itself",
}
"""The families of the grammar, each with a line that describes it."""
OPTIONS = {
    "+orthogonal": "orthogonal initialisation instead of LeCun's (normal, variance 1/inputs)",
    "+out=SCALE": "the output layer's initial weights times SCALE, such as +out=0.01",
}
"""What may follow a name of the grammar, each with a line that describes it."""
NAME = re.compile(r"[a-z][a-z0-9_]*")


class NetworkRegistry(Registry):
    """The registry of networks; a name is lower case, since policy files hold it."""

    def add(self, *tags: str, name: str | None = None, example: str = "") -> Callable[[Any], Any]:
        """Return a decorator that registers a function: `@NETWORKS.add("mine")`.

        The first word is the name, unless `name` gives it; further words are tags. Without either
        the name is the function's own.

        Raises:
            InputError: the name is taken or malformed.
        """
        if name is None and tags:
            name, *others = tags
            tags = tuple(others)
        register = super().add(*tags, name=name, example=example)

        def checked(function: Any) -> Any:
            own = name or function.__name__
            if not NAME.fullmatch(own):
                raise InputError(f"network {own!r}: a name has only a-z, 0-9 and _, a letter first")
            return register(function)

        return checked


NETWORKS = NetworkRegistry("network", group="rlid.networks")

for _family, _summary in BUILT_IN.items():
    NETWORKS.add_lazy(_family, "rlid.networks.grammar:parse", "grammar", summary=_summary)
NETWORKS.add_lazy(
    "resnet",
    "rlid.networks.resnet:resnet",
    "module",
    summary="a small residual network for images, such as resnet:width=16+blocks=1",
)
NETWORKS.add_lazy(
    "attention",
    "rlid.networks.attention:attention",
    "module",
    summary="a small transformer over patches of an image, such as attention:width=32+depth=2",
)
