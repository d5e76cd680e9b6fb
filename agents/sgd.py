"""Stochastic gradient descent on z, with momentum, for tasks that have a loss."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from rlid.agent import AGENTS, Progress, SearchSteps
from rlid.errors import InputError

if TYPE_CHECKING:
    from rlid.problem import Notes, Problem

REPORTS = 100
"""Reports over the budget."""
DIVERGED = 10.0
"""The search has diverged where a loss is this many times the first one."""
SHORTER = 0.3
"""What the learning rate is multiplied by after a divergence."""


@AGENTS.add("gradient", name="sgd")
@dataclass(frozen=True)
class SGD:
    """SGD on z: follows the loss of a synthetic or supervised task.

    The learning rate of z is lr * D/d (`scale="none"` takes lr as it is), so that theta moves as
    it would in direct training. When the loss explodes, the search starts again at z = 0 with a
    learning rate 0.3 times as large; the record holds how often that happened, and the last rate.

    Attributes:
        lr: learning rate of a weight.
        momentum: of the steps, at least 0 and below 1.
        decay: "linear" to zero over the budget, or "none".
        weight_decay: of theta, in the loss: half of it times the squared norm is added.
    """

    lr: float = 0.1
    momentum: float = 0.9
    decay: Literal["linear", "none"] = "linear"
    scale: Literal["full", "none"] = "full"
    weight_decay: float = 0.0

    kinds: ClassVar[tuple[str, ...]] = ("synthetic", "supervised")
    shares_batch: ClassVar[bool] = False

    def __post_init__(self) -> None:
        """Refuse a step that leads nowhere.

        Raises:
            InputError: lr is not positive, or momentum or weight_decay is out of range.
        """
        if self.lr <= 0:
            raise InputError(f"sgd: lr must be positive, not {self.lr}")
        if not 0 <= self.momentum < 1:
            raise InputError(f"sgd: momentum must be at least 0 and below 1, not {self.momentum}")
        if self.weight_decay < 0:
            raise InputError(f"sgd: weight_decay must be at least 0, not {self.weight_decay}")

    def notes(self, problem: Problem) -> Notes:
        """Return the learning rate of z that d leads to."""
        return {"lr_z": self.lr * problem.scale(self.scale) ** 2, "divergences": 0}

    def search(self, problem: Problem, rng: np.random.Generator) -> SearchSteps:
        """Train until closed."""
        lr, divergences = self.lr, 0
        while True:
            problem.notes["lr_z"] = lr * problem.scale(self.scale) ** 2
            problem.notes["divergences"] = divergences
            yield from self._descend(problem, rng, lr)
            lr, divergences = lr * SHORTER, divergences + 1

    def _descend(self, problem: Problem, rng: np.random.Generator, lr: float) -> SearchSteps:
        """Train from z = 0 until the loss explodes."""
        import torch

        # The trained tensor is w = z / sqrt(D/d): a step of lr in w is a step of lr * D/d in z.
        w = torch.zeros(problem.dim, requires_grad=True)
        scale = problem.scale(self.scale)
        optimizer = torch.optim.SGD([w], lr=lr, momentum=self.momentum)
        every = max(1, problem.budget // REPORTS)
        first: float | None = None
        while True:
            if self.decay == "linear":
                left = max(0.0, 1.0 - problem.search_steps / problem.budget)
                optimizer.param_groups[0]["lr"] = lr * left
            loss = problem.loss(w * scale, rng, self.weight_decay)
            value = loss.item()
            first = value if first is None else first
            if not (math.isfinite(value) and value <= DIVERGED * first):
                # The trial looks at what is offered: the start is as good as what exploded.
                yield Progress(np.zeros(problem.dim, np.float32), None)
                return
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            if problem.search_steps % every == 0:
                yield Progress((w.detach() * scale).numpy().copy(), None)
