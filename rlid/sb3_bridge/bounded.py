"""From a network's outputs to the actions in [-1, 1] that off-policy algorithms of SB3 see.

Where the task squashes, that is tanh. Where the task clips, an action is an output, cut to its
bounds: in training too, so that an evaluated policy acts as the trained one does.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.distributions import SquashedDiagGaussianDistribution
from torch import nn

from rlid.problem import Problem


class _Cut(torch.autograd.Function):
    """Cuts numbers to [-1, 1]; outside, only a gradient that leads back inside is passed on.

    A plain cut has no gradient outside, so that an output which has left its bounds would stay
    there (Hausknecht and Stone 2016 describe the problem).
    """

    @staticmethod
    def forward(context: Any, values: torch.Tensor) -> torch.Tensor:
        context.save_for_backward(values)
        return values.clamp(-1.0, 1.0)

    @staticmethod
    def backward(context: Any, *gradients: Any) -> torch.Tensor:
        (values,) = context.saved_tensors
        (gradient,) = gradients
        # Descent moves against the gradient.
        leads_out = ((values > 1) & (gradient < 0)) | ((values < -1) & (gradient > 0))
        passed: torch.Tensor = gradient.masked_fill(leads_out, 0.0)
        return passed


def cut(values: torch.Tensor) -> torch.Tensor:
    """Cut numbers to [-1, 1]; a gradient passes where it leads back inside."""
    outcome: torch.Tensor = _Cut.apply(values)  # type: ignore[no-untyped-call]
    return outcome


class Bounds(nn.Module):
    """Maps outputs (m, actions) to actions in [-1, 1] of a deterministic actor."""

    def __init__(self, problem: Problem) -> None:
        """Take the bounds and the rule (squash or clip) of the problem's task."""
        super().__init__()
        space = problem.simulator.action_space
        assert isinstance(space, spaces.Box)
        low, high = space.low.astype(np.float64).ravel(), space.high.astype(np.float64).ravel()
        self.is_clipped = problem.task.action == "clip"
        self._middle = torch.from_numpy(low / 2 + high / 2).float()
        half_range = torch.from_numpy(high / 2 - low / 2).float()
        # An entry of one value is that value whatever the output: only no 0/0 may come of it.
        self._half_range = torch.where(half_range == 0, 1.0, half_range)

    def in_range(self, outputs: torch.Tensor) -> torch.Tensor:
        """Return outputs in units of half the range, counted from its middle, where it clips."""
        if not self.is_clipped:
            return outputs
        return (outputs - self._middle) / self._half_range

    def forward(self, outputs: torch.Tensor) -> torch.Tensor:
        """Return the actions."""
        return cut(self.in_range(outputs)) if self.is_clipped else torch.tanh(outputs)


class CutGaussian(SquashedDiagGaussianDistribution):
    """A Gaussian around the outputs whose samples are cut to the bounds.

    The standard deviation is fixed, in units of half the range. The entropy of the Gaussian is
    then a constant, which is left out: the weight of the entropy has no effect.
    """

    def __init__(self, bounds: Bounds, actions: int) -> None:
        """Take the bounds of so many actions."""
        super().__init__(actions)
        self._bounds = bounds

    def proba_distribution(self, mean_actions: torch.Tensor, log_std: torch.Tensor) -> CutGaussian:
        """Remember outputs (m, actions) as the mean."""
        super().proba_distribution(self._bounds.in_range(mean_actions), log_std)
        return self

    def sample(self) -> torch.Tensor:
        """Return actions, differentiable in the outputs."""
        return cut(self.distribution.rsample())

    def mode(self) -> torch.Tensor:
        """Return the actions without noise."""
        return cut(self.distribution.mean)

    def log_prob_from_params(
        self, mean_actions: torch.Tensor, log_std: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return actions, and zeros in place of the logarithms of their probabilities."""
        actions = self.actions_from_params(mean_actions, log_std)
        return actions, actions.new_zeros(len(actions))
