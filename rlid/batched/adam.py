"""Adam (Kingma & Ba 2015) for many trials at once, with a clipped gradient norm for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

BETA1, BETA2 = 0.9, 0.999
EPSILON = 1e-5
"""As stable-baselines3's PPO has it."""
NORM_MARGIN = 1e-6
"""What torch's clip_grad_norm_ adds to a norm before it divides by it."""


class BatchedAdam:
    """Steps Phi (n, size) and W (n, d_max), whose row i belongs to trial i.

    Both are parts of one tensor, Phi first. Each trial has its own step count.
    """

    def __init__(
        self,
        Phi: torch.Tensor,
        widths: Sequence[int],  # noqa: N803
    ) -> None:
        """Start with zero moments, at Phi (n, size) and W = 0.

        `widths` (n,) say how many columns of W each trial uses.
        """
        self._size, self._widths = Phi.shape[1], list(widths)
        W = Phi.new_zeros(len(Phi), max(widths))
        self._value = torch.cat([Phi, W], 1)
        self._first = torch.zeros_like(self._value)
        self._second = torch.zeros_like(self._value)
        self.steps: NDArray[np.float64] = np.zeros((len(Phi), 1))

    @property
    def W(self) -> torch.Tensor:  # noqa: N802
        """What stands for z, (n, d_max)."""
        return self._value[:, self._size :]

    @property
    def Phi(self) -> torch.Tensor:  # noqa: N802
        """The critics' numbers, (n, size)."""
        return self._value[:, : self._size]

    def step_some(
        self,
        in_w: torch.Tensor,
        in_phi: torch.Tensor,
        lr: NDArray[np.float64],
        max_norm: float,
        is_learning: NDArray[np.bool_],
    ) -> None:
        """Step as `step` does, but only the trials for which is_learning (n,) is true.

        The parameters, moments and step counts of the other trials keep their bits.
        """
        still = torch.from_numpy(~is_learning)
        tensors = (self._value, self._first, self._second)
        kept = [tensor[still].clone() for tensor in tensors]
        steps = self.steps[~is_learning].copy()
        self.step(in_w, in_phi, lr, max_norm)
        for tensor, rows in zip(tensors, kept, strict=True):
            tensor[still] = rows
        self.steps[~is_learning] = steps

    def step(
        self,
        in_w: torch.Tensor,
        in_phi: torch.Tensor,
        lr: NDArray[np.float64],
        max_norm: float,
    ) -> None:
        """Step by the gradients in W (n, d_max) and Phi (n, size), with learning rates lr (n, 1).

        The norm of a trial's gradient, over both, is clipped to max_norm first.
        """
        gradient = torch.cat([in_phi, in_w], 1)
        self.steps += 1
        size = self._numbers(lr / (1 - BETA1**self.steps))
        correction = self._numbers(np.sqrt(1 - BETA2**self.steps))
        shrink = (max_norm / (self._norms(gradient) + NORM_MARGIN)).clamp_(max=1.0)
        gradient *= shrink
        self._first.lerp_(gradient, 1 - BETA1)
        self._second.mul_(BETA2).addcmul_(gradient, gradient, value=1 - BETA2)
        denominator = self._second.sqrt().div_(correction).add_(EPSILON)
        self._value.sub_((size * self._first).div_(denominator))

    def _numbers(self, values: NDArray[np.float64]) -> torch.Tensor:
        return torch.from_numpy(values.astype(np.float32)).to(self._value.device)

    def _norms(self, gradient: torch.Tensor) -> torch.Tensor:
        """Return the norm (n, 1) of each trial's gradient.

        Each is a sum of its own: zeros beyond a trial's width would change the order of addition.
        """
        rows = zip(gradient, self._widths, strict=True)
        norms = torch._foreach_norm([row[: self._size + width] for row, width in rows])
        return torch.stack(norms).unsqueeze(1)

    def keep(self, rows: Sequence[int]) -> None:
        """Go on with these rows alone, in this order."""
        index = torch.as_tensor(rows)
        self._widths = [self._widths[row] for row in rows]
        used = self._size + max(self._widths)
        self._value = self._value[index, :used].clone()
        self._first = self._first[index, :used].clone()
        self._second = self._second[index, :used].clone()
        self.steps = self.steps[list(rows)]

    def row(self, row: int) -> dict[str, NDArray[np.floating]]:
        """Return one trial's parameters, moments and step count, by name."""
        arrays: dict[str, NDArray[np.floating]] = {"steps": self.steps[row].copy()}
        for name, part in self._parts(row).items():
            arrays[name] = part.cpu().numpy().copy()
        return arrays

    def restore_row(self, row: int, arrays: Mapping[str, NDArray[np.floating]]) -> None:
        """Put one trial into a state that `row` gave."""
        self.steps[row] = arrays["steps"]
        for name, part in self._parts(row).items():
            part.copy_(torch.from_numpy(arrays[name]))

    def _parts(self, row: int) -> dict[str, torch.Tensor]:
        """Return the parts of a trial's tensors that it uses; those of W are its z's."""
        used = self._size + self._widths[row]
        parts: dict[str, torch.Tensor] = {}
        for name, tensor in zip(
            ("value", "first", "second"), (self._value, self._first, self._second), strict=True
        ):
            parts[f"z/{name}"] = tensor[row, self._size : used]
            if self._size:
                parts[f"critic/{name}"] = tensor[row, : self._size]
        return parts
