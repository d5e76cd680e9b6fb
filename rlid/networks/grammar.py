"""The grammar of network names, the same for all tasks.

A built-in network is named `linear`, `mlp:20x20` (the hidden widths), `conv:16-32-256` (the filters
of each convolution, then the width of the fully connected layer) or `lenet`. Options follow after
plus signs: `mlp:20x20+orthogonal` (orthogonal instead of LeCun initialisation), `+out=0.01` (the
initial weights of the output layer times 0.01). A registered network is named with its settings:
`resnet:width=16+blocks=1`.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Literal

from rlid.errors import InputError
from rlid.networks.families import BUILT_IN
from rlid.networks.settings import builder

MAX_WIDTH = 65_536
MAX_FILTERS = 4096
MAX_WEIGHTS = 10**9
LENET_FILTERS, LENET_WIDTHS = (6, 16), (120, 84)
_VECTOR = re.compile(r"vector:(\d+)")
_MLP = re.compile(r"mlp:(\d+(?:x\d+)*)")
_CONV = re.compile(r"conv:(\d+(?:-\d+)+)")


@dataclass(frozen=True)
class Architecture:
    """The shape and initialisation of a network, without the numbers of inputs and outputs.

    Attributes:
        hidden: widths of the hidden fully connected layers.
        initialisation: `lecun` or `orthogonal`.
        output_scale: factor of the initial weights of the output layer.
        weights: the number of bare weights, where the name is `vector:N`; otherwise 0.
        filters: output channels of each convolution.
        family: how the convolutions are built.
        registered: the canonical name of a registered network, which has none of the above;
            otherwise empty.
    """

    hidden: tuple[int, ...] = ()
    initialisation: str = "lecun"
    output_scale: float = 1.0
    weights: int = 0
    filters: tuple[int, ...] = ()
    family: Literal["mlp", "conv", "lenet"] = "mlp"
    registered: str = ""

    @property
    def name(self) -> str:
        """The canonical name: equal architectures have equal names."""
        if self.registered:
            return self.registered
        if self.weights:
            return f"vector:{self.weights}"
        name = self._body
        if self.initialisation != "lecun":
            name += f"+{self.initialisation}"
        if self.output_scale != 1.0:
            name += f"+out={self.output_scale:g}"
        return name

    @property
    def _body(self) -> str:
        if self.family == "lenet":
            return "lenet"
        if self.family == "conv":
            return "conv:" + "-".join(map(str, (*self.filters, *self.hidden)))
        return "mlp:" + "x".join(map(str, self.hidden)) if self.hidden else "linear"


def parse(name: str) -> Architecture:
    """Return the architecture that a network name stands for.

    Raises:
        InputError: the name is not in the grammar, and no such network is registered.
    """
    if name.partition(":")[0].partition("+")[0] not in BUILT_IN:
        return Architecture(registered=builder(name).name)
    vector = _VECTOR.fullmatch(name)
    if vector:
        if not 1 <= int(vector[1]) <= MAX_WEIGHTS:
            raise InputError(f"network {name!r}: use from 1 to {MAX_WEIGHTS} weights")
        return Architecture(weights=int(vector[1]))
    body, *options = name.split("+")
    family, filters, hidden = _parse_body(name, body)
    initialisation, output_scale = "lecun", 1.0
    for option in options:
        if option in ("lecun", "orthogonal"):
            initialisation = option
        elif option.startswith("out="):
            output_scale = _parse_scale(name, option[4:])
        else:
            raise InputError(f"network {name!r}: unknown option {option!r}; use orthogonal or out=")
    return Architecture(hidden, initialisation, output_scale, 0, filters, family)


def _parse_body(
    name: str, body: str
) -> tuple[Literal["mlp", "conv", "lenet"], tuple[int, ...], tuple[int, ...]]:
    """Return the family, the filters and the hidden widths."""
    if body == "linear":
        return "mlp", (), ()
    if body == "lenet":
        return "lenet", LENET_FILTERS, LENET_WIDTHS
    mlp, conv = _MLP.fullmatch(body), _CONV.fullmatch(body)
    if mlp:
        hidden = tuple(int(width) for width in mlp[1].split("x"))
        _check_widths(name, hidden)
        return "mlp", (), hidden
    if conv:
        *filters, width = (int(number) for number in conv[1].split("-"))
        _check_widths(name, (width,))
        if not all(1 <= number <= MAX_FILTERS for number in filters):
            raise InputError(f"network {name!r}: filters are from 1 to {MAX_FILTERS}")
        return "conv", tuple(filters), (width,)
    raise InputError(
        f"unknown network {name!r}: use linear, mlp:20x20 (hidden widths), lenet or "
        "conv:16-32-256 (filters, then the fully connected width)"
    )


def _check_widths(name: str, widths: tuple[int, ...]) -> None:
    if not all(1 <= width <= MAX_WIDTH for width in widths):
        raise InputError(f"network {name!r}: widths are from 1 to {MAX_WIDTH}")


def _parse_scale(name: str, text: str) -> float:
    try:
        scale = float(text)
    except ValueError:
        scale = math.nan
    if not (math.isfinite(scale) and scale >= 0):
        raise InputError(f"network {name!r}: out= takes a number of at least 0, not {text!r}")
    return scale
