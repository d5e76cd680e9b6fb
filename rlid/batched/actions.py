"""Distributions of actions for a batch of trials, by the kinds of gymnasium's action spaces.

Outputs of the networks are (n, outputs, m); actions are (n, entries, m), as floats or integers.
They equal stable-baselines3's distributions, with a fixed standard deviation for boxes. Derivatives
are written out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

SMALLEST_WAIT = np.float32(2.0**-30)
"""An exponential number lies below with a probability of 1e-9."""


class Likelihood(Protocol):
    """How likely actions are, by outputs: what a policy gradient needs of them.

    Attributes:
        log_prob: the logarithm (n, m) of the probability, or density, of the actions.
    """

    log_prob: torch.Tensor

    def slope(self, weights: torch.Tensor, of_entropy: float) -> torch.Tensor:
        """Return the derivative (n, outputs, m), by the outputs, of a weighted sum.

        It is sum(weights * log_prob) + of_entropy * (sum of the entropies); weights are (n, m).
        """


class ActionDistribution(Protocol):
    """How outputs become random actions, and how likely an action was."""

    def noise(self, rng: np.random.Generator, steps: int, m: int) -> NDArray[np.float32]:
        """Draw what `sample` needs for m actions in each of so many steps, (steps, numbers, m)."""

    def sample(self, outputs: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """Return actions (n, entries, m) by noise (n, numbers, m)."""

    def likelihood(self, outputs: torch.Tensor, actions: torch.Tensor) -> Likelihood:
        """Return how likely the actions (n, entries, m) are."""


@dataclass(frozen=True)
class Categorical:
    """One choice or several independent ones, with `sizes` alternatives each."""

    sizes: tuple[int, ...]

    def noise(self, rng: np.random.Generator, steps: int, m: int) -> NDArray[np.float32]:
        """Draw numbers of the standard Gumbel distribution, (steps, alternatives, m)."""
        shape = (steps, sum(self.sizes), m)
        waits: NDArray[np.float32] = rng.standard_exponential(shape, np.float32)
        # A number that is rounded to zero has no logarithm.
        return -np.log(np.maximum(waits, SMALLEST_WAIT))

    def sample(self, outputs: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """Return choices (n, choices, m).

        The largest of logits plus Gumbel noise is distributed as their softmax (Gumbel 1954).
        """
        scores = outputs + noise
        if len(self.sizes) == 1:
            return scores.argmax(1, keepdim=True)
        parts = torch.split(scores, list(self.sizes), 1)
        return torch.cat([part.argmax(1, keepdim=True) for part in parts], 1)

    def likelihood(self, outputs: torch.Tensor, actions: torch.Tensor) -> Likelihood:
        """Return how likely the choices (n, choices, m) are."""
        return _Choices(self.sizes, outputs, actions)


class _Choices:
    def __init__(
        self, sizes: tuple[int, ...], outputs: torch.Tensor, actions: torch.Tensor
    ) -> None:
        self._logs = [torch.log_softmax(part, 1) for part in torch.split(outputs, list(sizes), 1)]
        self._chosen = [actions[:, k : k + 1] for k in range(len(sizes))]
        picked = [logs.gather(1, k) for logs, k in zip(self._logs, self._chosen, strict=True)]
        self.log_prob = sum(picked[1:], picked[0])[:, 0]

    def slope(self, weights: torch.Tensor, of_entropy: float) -> torch.Tensor:
        """Return the derivative (n, outputs, m): w * (1 - p) for a choice, -w * p for others."""
        parts = []
        for logs, chosen in zip(self._logs, self._chosen, strict=True):
            p = logs.exp()
            slope = p * -weights.unsqueeze(1)
            slope.scatter_add_(1, chosen, weights.unsqueeze(1))
            if of_entropy:
                negative_entropy = (p * logs).sum(1, keepdim=True)
                slope -= of_entropy * p * (logs - negative_entropy)
            parts.append(slope)
        return parts[0] if len(parts) == 1 else torch.cat(parts, 1)


@dataclass(frozen=True)
class Bernoulli:
    """Independent choices between 0 and 1."""

    entries: int

    def noise(self, rng: np.random.Generator, steps: int, m: int) -> NDArray[np.float32]:
        """Draw uniform numbers (steps, entries, m)."""
        return rng.random((steps, self.entries, m), np.float32)

    def sample(self, outputs: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """Return 0 or 1 as floats (n, entries, m)."""
        return (noise < torch.sigmoid(outputs)).to(outputs.dtype)

    def likelihood(self, outputs: torch.Tensor, actions: torch.Tensor) -> Likelihood:
        """Return how likely the actions (n, entries, m) are."""
        return _Switches(outputs, actions)


class _Switches:
    def __init__(self, outputs: torch.Tensor, actions: torch.Tensor) -> None:
        self._outputs, self._actions = outputs, actions
        losses = torch.nn.functional.binary_cross_entropy_with_logits(
            outputs, actions, reduction="none"
        )
        self.log_prob = -losses.sum(1)

    def slope(self, weights: torch.Tensor, of_entropy: float) -> torch.Tensor:
        """Return the derivative (n, entries, m): w * (action - p)."""
        p = torch.sigmoid(self._outputs)
        slope = weights.unsqueeze(1) * (self._actions - p)
        # The entropy of p changes with the logit x by -x * p * (1 - p).
        return slope - of_entropy * self._outputs * p * (1 - p) if of_entropy else slope


@dataclass(frozen=True)
class Normal:
    """A normal distribution around the outputs, with the standard deviation exp(log_std)."""

    entries: int
    log_std: float

    def noise(self, rng: np.random.Generator, steps: int, m: int) -> NDArray[np.float32]:
        """Draw standard normal numbers (steps, entries, m)."""
        return rng.standard_normal((steps, self.entries, m), np.float32)

    def sample(self, outputs: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """Return raw actions (n, entries, m), before the task clips or squashes them."""
        return outputs + math.exp(self.log_std) * noise

    def likelihood(self, outputs: torch.Tensor, actions: torch.Tensor) -> Likelihood:
        """Return how likely the raw actions (n, entries, m) are."""
        return _Deviations(self, outputs, actions)


class _Deviations:
    def __init__(self, normal: Normal, outputs: torch.Tensor, actions: torch.Tensor) -> None:
        std = math.exp(normal.log_std)
        self._std, self._steps = std, (actions - outputs) / std
        constant = normal.entries * (normal.log_std + 0.5 * math.log(2 * math.pi))
        self.log_prob = -0.5 * self._steps.square().sum(1) - constant

    def slope(self, weights: torch.Tensor, of_entropy: float) -> torch.Tensor:
        """Return the derivative (n, entries, m); the entropy does not depend on the outputs."""
        return (weights / self._std).unsqueeze(1) * self._steps


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
        chosen: NDArray[Any] = (actions[:, 0] + space.start).astype(space.dtype, copy=False)
        return chosen
    if isinstance(space, spaces.MultiDiscrete):
        choices = actions.reshape(-1, *space.nvec.shape) + space.start
        return choices.astype(space.dtype, copy=False)
    if isinstance(space, spaces.MultiBinary):
        return actions.reshape(-1, *space.shape).astype(space.dtype)
    decoded: NDArray[Any] = decode(actions.astype(np.float32))
    return decoded
