"""Adam (Kingma & Ba 2015) for many trials at once, with a clipped gradient norm for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

BETA1, BETA2 = 0.9, 0.999
EPSILON = 1e-5
"""As stable-baselines3's PPO has it."""
NAMES = ("z", "critic")
"""What the parameters are called in a saved state."""
NORM_MARGIN = 1e-6
"""What torch's clip_grad_norm_ adds to a norm before it divides by it."""


class BatchedAdam:
    """Steps tensors (n, size) whose row i belongs to trial i; each trial has its own step count."""

    def __init__(self, parameters: Sequence[torch.Tensor], widths: Sequence[int]) -> None:
        """Start with zero moments for parameters (n, size) each.

        `widths` (n,) say how many columns of the first parameter each trial uses.
        """
        self.parameters, self._widths = list(parameters), list(widths)
        self.first = [torch.zeros_like(parameter) for parameter in self.parameters]
        self.second = [torch.zeros_like(parameter) for parameter in self.parameters]
        n = len(self.parameters[0])
        self.steps = torch.zeros(n, 1, dtype=torch.float64)

    @torch.no_grad()
    def step(
        self, gradients: Sequence[torch.Tensor], lr: torch.Tensor, max_norm: float
    ) -> torch.Tensor:
        """Step by gradients (n, size) with learning rates lr (n, 1); return their norms (n, 1).

        The norm of a trial's gradient, over all parameters, is clipped to max_norm first.
        """
        norms = self._norms(gradients)
        shrink = (max_norm / (norms + NORM_MARGIN)).clamp(max=1.0)
        self.steps += 1
        size = (lr / (1 - BETA1**self.steps)).to(norms.dtype)
        correction = (1 - BETA2**self.steps).sqrt().to(norms.dtype)
        for parameter, gradient, first, second in zip(
            self.parameters, gradients, self.first, self.second, strict=True
        ):
            clipped = gradient * shrink
            first.lerp_(clipped, 1 - BETA1)
            second.mul_(BETA2).addcmul_(clipped, clipped, value=1 - BETA2)
            denominator = (second.sqrt() / correction).add_(EPSILON)
            parameter.sub_(size * first / denominator)
        return norms

    def _norms(self, gradients: Sequence[torch.Tensor]) -> torch.Tensor:
        """Return the norm (n, 1) of each trial's gradient.

        Each is a sum of its own: zeros beyond a trial's width would change the order of addition.
        """
        first, *others = gradients
        rows = [row[:width] for row, width in zip(first, self._widths, strict=True)]
        norms = torch.stack(torch._foreach_norm(rows))
        for gradient in others:
            norms = torch.hypot(norms, torch.stack(torch._foreach_norm(list(gradient))))
        return norms.unsqueeze(1)

    def keep(self, rows: Sequence[int]) -> None:
        """Go on with these rows alone, in this order."""
        index = torch.as_tensor(rows)
        for tensors in (self.parameters, self.first, self.second):
            tensors[:] = [tensor.detach()[index].clone() for tensor in tensors]
        self.steps = self.steps[index].clone()
        self._widths = [self._widths[row] for row in rows]
        width = max(self._widths)
        for tensors in (self.parameters, self.first, self.second):
            tensors[0] = tensors[0][:, :width].clone()

    def row(self, row: int) -> dict[str, NDArray[np.floating]]:
        """Return one trial's parameters, moments and step count, by name."""
        arrays: dict[str, NDArray[np.floating]] = {"steps": self.steps[row].numpy().copy()}
        for index, name in enumerate(NAMES[: len(self.parameters)]):
            width = self._widths[row] if index == 0 else None
            for part, tensors in self._parts().items():
                arrays[f"{name}/{part}"] = tensors[index][row, :width].detach().numpy().copy()
        return arrays

    def restore_row(self, row: int, arrays: Mapping[str, NDArray[np.floating]]) -> None:
        """Put one trial into a state that `row` gave."""
        self.steps[row] = torch.from_numpy(arrays["steps"])
        for index, name in enumerate(NAMES[: len(self.parameters)]):
            width = self._widths[row] if index == 0 else None
            for part, tensors in self._parts().items():
                tensors[index][row, :width] = torch.from_numpy(arrays[f"{name}/{part}"])

    def _parts(self) -> dict[str, list[torch.Tensor]]:
        return {"value": self.parameters, "first": self.first, "second": self.second}
