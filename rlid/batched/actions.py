"""Distributions of actions for a batch of trials, by the kinds of gymnasium's action spaces.

Outputs of the networks are (n, m, outputs); actions are (n, m, entries), as floats or integers.
They equal stable-baselines3's distributions, with a fixed standard deviation for boxes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray


class ActionDistribution(Protocol):
    """How outputs become random actions, and how likely an action was."""

    def noise(self, rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """Draw what `sample` needs for actions of this shape, (*shape, entries)."""

    def sample(self, outputs: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """Return actions (n, m, entries) by noise (n, m, entries)."""

    def log_prob(self, outputs: torch.Tensor, actions: torch.Tensor) -> torch.Tensor:
        """Return the logarithm (n, m) of the probability, or density, of actions."""

    def entropy(self, outputs: torch.Tensor) -> torch.Tensor:
        """Return the entropy (n, m) of the distribution."""


@dataclass(frozen=True)
class Categorical:
    """One choice or several independent ones, with `sizes` alternatives each."""

    sizes: tuple[int, ...]

    def noise(self, rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """Draw uniform numbers (*shape, choices)."""
        return rng.random((*shape, len(self.sizes)), np.float32)

    def sample(self, outputs: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """Return choices (n, m, choices): the inverse of the cumulative probabilities."""
        chosen = []
        for logits, uniform in zip(self._split(outputs), noise.unbind(-1), strict=True):
            cumulative = torch.softmax(logits, -1).cumsum(-1)
            above = (cumulative < uniform.unsqueeze(-1)).sum(-1)
            # Rounding may leave the last cumulative probability a little below 1.
            chosen.append(above.clamp(max=logits.shape[-1] - 1))
        return torch.stack(chosen, -1)

    def log_prob(self, outputs: torch.Tensor, actions: torch.Tensor) -> torch.Tensor:
        """Return the sum (n, m) over the choices."""
        parts = [
            torch.log_softmax(logits, -1).gather(-1, choice.unsqueeze(-1)).squeeze(-1)
            for logits, choice in zip(self._split(outputs), actions.unbind(-1), strict=True)
        ]
        return sum(parts[1:], parts[0])

    def entropy(self, outputs: torch.Tensor) -> torch.Tensor:
        """Return the sum (n, m) over the choices."""
        parts = []
        for logits in self._split(outputs):
            logs = torch.log_softmax(logits, -1)
            parts.append(-(logs.exp() * logs).sum(-1))
        return sum(parts[1:], parts[0])

    def _split(self, outputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return torch.split(outputs, list(self.sizes), -1)


@dataclass(frozen=True)
class Bernoulli:
    """Independent choices between 0 and 1."""

    entries: int

    def noise(self, rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """Draw uniform numbers (*shape, entries)."""
        return rng.random((*shape, self.entries), np.float32)

    def sample(self, outputs: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """Return 0 or 1 as floats (n, m, entries)."""
        return (noise < torch.sigmoid(outputs)).to(outputs.dtype)

    def log_prob(self, outputs: torch.Tensor, actions: torch.Tensor) -> torch.Tensor:
        """Return the sum (n, m) over the entries."""
        losses = torch.nn.functional.binary_cross_entropy_with_logits(
            outputs, actions, reduction="none"
        )
        return -losses.sum(-1)

    def entropy(self, outputs: torch.Tensor) -> torch.Tensor:
        """Return the sum (n, m) over the entries."""
        probability = torch.sigmoid(outputs)
        losses = torch.nn.functional.binary_cross_entropy_with_logits(
            outputs, probability, reduction="none"
        )
        return losses.sum(-1)


@dataclass(frozen=True)
class Normal:
    """A normal distribution around the outputs, with the standard deviation exp(log_std)."""

    entries: int
    log_std: float

    def noise(self, rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """Draw standard normal numbers (*shape, entries)."""
        return rng.standard_normal((*shape, self.entries), np.float32)

    def sample(self, outputs: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """Return raw actions (n, m, entries), before the task clips or squashes them."""
        return outputs + math.exp(self.log_std) * noise

    def log_prob(self, outputs: torch.Tensor, actions: torch.Tensor) -> torch.Tensor:
        """Return the sum (n, m) over the entries."""
        squares = ((actions - outputs) / math.exp(self.log_std)).square().sum(-1)
        return -0.5 * squares - self.entries * (self.log_std + 0.5 * math.log(2 * math.pi))

    def entropy(self, outputs: torch.Tensor) -> torch.Tensor:
        """Return the sum (n, m) over the entries, which does not depend on the outputs."""
        each = 0.5 + 0.5 * math.log(2 * math.pi) + self.log_std
        return outputs.new_full(outputs.shape[:-1], self.entries * each)


def distribution_of(space: Any, outputs: int, log_std: float) -> ActionDistribution:
    """Return the distribution over an action space of gymnasium for a network's outputs."""
    from gymnasium import spaces

    if isinstance(space, spaces.Discrete):
        return Categorical((int(space.n),))
    if isinstance(space, spaces.MultiDiscrete):
        return Categorical(tuple(int(size) for size in space.nvec.ravel()))
    if isinstance(space, spaces.MultiBinary):
        return Bernoulli(outputs)
    return Normal(outputs, log_std)


def to_space(space: Any, decode: Any, actions: NDArray[Any]) -> NDArray[Any]:
    """Return actions (m, entries) as the environment takes them, (m, *action shape).

    `decode` maps raw continuous actions (m, entries) to the space, as in evaluation.
    """
    from gymnasium import spaces

    if isinstance(space, spaces.Discrete):
        chosen: NDArray[Any] = actions[:, 0] + space.start
        return chosen
    if isinstance(space, spaces.MultiDiscrete):
        return actions.reshape(-1, *space.nvec.shape) + space.start
    if isinstance(space, spaces.MultiBinary):
        return actions.reshape(-1, *space.shape).astype(space.dtype)
    decoded: NDArray[Any] = decode(actions.astype(np.float32))
    return decoded
