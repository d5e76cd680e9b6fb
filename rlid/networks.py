"""Policy networks as functions of one flat weight vector theta; one grammar for all tasks.

`linear`, or `mlp:20x20` with the hidden widths. Options follow with plus signs:
`mlp:20x20+orthogonal` (orthogonal instead of LeCun initialisation), `+out=0.01` (the output
layer's initial weights times 0.01).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rlid.stream import Stream

if TYPE_CHECKING:
    import torch

GRAMMAR = {
    "linear": "one layer, no hidden units: the control that every other network is held against",
    "mlp:HxH": "hidden widths, such as mlp:20x20; tanh or relu as the task says",
    "vector:N": "N bare weights, for synthetic tasks that score theta itself",
    "+orthogonal": "orthogonal initialisation instead of LeCun's (normal, variance 1/inputs)",
    "+out=SCALE": "the output layer's initial weights times SCALE, such as +out=0.01",
}
MAX_WIDTH = 65_536
MAX_WEIGHTS = 10**9
_VECTOR = re.compile(r"vector:(\d+)")
_MLP = re.compile(r"mlp:(\d+(?:x\d+)*)")


@dataclass(frozen=True)
class Architecture:
    """A network's shape and start, before its task gives the numbers of inputs and outputs."""

    hidden: tuple[int, ...] = ()
    initialisation: str = "lecun"
    output_scale: float = 1.0
    weights: int = 0

    @property
    def name(self) -> str:
        """The canonical name: the same architecture always has the same one."""
        if self.weights:
            return f"vector:{self.weights}"
        name = "mlp:" + "x".join(map(str, self.hidden)) if self.hidden else "linear"
        if self.initialisation != "lecun":
            name += f"+{self.initialisation}"
        if self.output_scale != 1.0:
            name += f"+out={self.output_scale:g}"
        return name


def parse(name: str) -> Architecture:
    """Return the architecture that a network's name means.

    Raises:
        ValueError: the name is not in the grammar.
    """
    vector = _VECTOR.fullmatch(name)
    if vector:
        if not 1 <= int(vector[1]) <= MAX_WEIGHTS:
            raise ValueError(f"network {name!r}: use from 1 to {MAX_WEIGHTS} weights")
        return Architecture(weights=int(vector[1]))
    body, *options = name.split("+")
    match = _MLP.fullmatch(body)
    if match:
        hidden = tuple(int(width) for width in match[1].split("x"))
        if not all(1 <= width <= MAX_WIDTH for width in hidden):
            raise ValueError(f"network {name!r}: widths are from 1 to {MAX_WIDTH}")
    elif body == "linear":
        hidden = ()
    else:
        raise ValueError(f"unknown network {name!r}: use linear or mlp:20x20 (hidden widths)")
    initialisation, output_scale = "lecun", 1.0
    for option in options:
        if option in ("lecun", "orthogonal"):
            initialisation = option
        elif option.startswith("out="):
            output_scale = _parse_scale(name, option[4:])
        else:
            raise ValueError(f"network {name!r}: unknown option {option!r}; use orthogonal or out=")
    return Architecture(hidden, initialisation, output_scale)


def _parse_scale(name: str, text: str) -> float:
    try:
        scale = float(text)
    except ValueError:
        scale = math.nan
    if not (math.isfinite(scale) and scale >= 0):
        raise ValueError(f"network {name!r}: out= takes a number of at least 0, not {text!r}")
    return scale


@dataclass(frozen=True)
class Network:
    """An architecture with its inputs and outputs: a function of (theta, observations).

    A vector is no function at all: theta itself is what a task scores.

    theta holds layer after layer, the weights (inputs, outputs) row by row, then the biases.
    """

    architecture: Architecture
    inputs: int
    outputs: int
    activation: str = "tanh"

    @property
    def layers(self) -> list[tuple[int, int]]:
        """Inputs and outputs of each layer."""
        sizes = [self.inputs, *self.architecture.hidden, self.outputs]
        return list(zip(sizes[:-1], sizes[1:], strict=True))

    @property
    def D(self) -> int:  # noqa: N802 (the field's word)
        """The number of weights, biases included."""
        if self.architecture.weights:
            return self.architecture.weights
        return sum(inputs * outputs + outputs for inputs, outputs in self.layers)

    def initial(self, seed: int) -> NDArray[np.float32]:
        """Draw theta0 (D,) from the frozen stream of `seed`; biases are zero.

        A vector's entries are standard normal.
        """
        if self.architecture.weights:
            return Stream(seed, "theta0").normal(self.D).astype(np.float32)
        parts: list[NDArray[np.float64]] = []
        for index, (inputs, outputs) in enumerate(self.layers):
            draws = Stream(seed, f"theta0/{index}").normal(inputs * outputs)
            weights = draws.reshape(inputs, outputs)
            if self.architecture.initialisation == "orthogonal":
                weights = _orthogonal(weights)
            else:
                weights = weights / math.sqrt(inputs)
            if index == len(self.layers) - 1:
                weights = weights * self.architecture.output_scale
            parts += [weights.ravel(), np.zeros(outputs)]
        return np.concatenate(parts).astype(np.float32)

    def bind(self, Theta: torch.Tensor) -> Callable[[torch.Tensor], torch.Tensor]:  # noqa: N803
        """Return the function from observations (n, m, inputs) to outputs (n, m, outputs).

        Row i of Theta (n, D) acts on row i of the observations. Differentiable in both.
        """
        import torch

        weights, biases, at = [], [], 0
        for inputs, outputs in self.layers:
            end = at + inputs * outputs
            weights.append(Theta[:, at:end].reshape(-1, inputs, outputs).contiguous())
            biases.append(Theta[:, end : end + outputs].unsqueeze(1))
            at = end + outputs
        activate = torch.tanh if self.activation == "tanh" else torch.relu

        def forward(x: torch.Tensor) -> torch.Tensor:
            for index, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
                x = torch.baddbmm(bias, x, weight)
                if index < len(weights) - 1:
                    x = activate(x)
            return x

        return forward

    def outputs_of(self, theta: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """Map observations (m, inputs) to outputs (m, outputs) by one theta (D,).

        The way of gradient agents; differentiable in both. It may differ from `bind` in the last
        bits, so that populations are always evaluated by `bind`.
        """
        import torch

        activate = torch.tanh if self.activation == "tanh" else torch.relu
        at = 0
        for index, (inputs, outputs) in enumerate(self.layers):
            end = at + inputs * outputs
            weight = theta[at:end].view(inputs, outputs)
            x = torch.addmm(theta[end : end + outputs], x, weight)
            if index < len(self.layers) - 1:
                x = activate(x)
            at = end + outputs
        return x


def _orthogonal(draws: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a matrix of the same shape with orthonormal columns (or rows, if it is wide)."""
    tall = draws if draws.shape[0] >= draws.shape[1] else draws.T
    q, r = np.linalg.qr(tall)
    # Without the signs of r's diagonal, q would not be uniformly distributed (Mezzadri 2007).
    q = q * np.sign(np.diag(r))
    return q if draws.shape[0] >= draws.shape[1] else q.T
