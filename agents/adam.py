"""Adam (Kingma and Ba 2015) on z, for tasks that have a loss."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from rlid.agent import AGENTS, LATER, Progress, SearchSteps
from rlid.errors import InputError

if TYPE_CHECKING:
    from rlid.problem import Notes, Problem

REPORTS = 100
"""Reports over the budget."""


@AGENTS.add("gradient", name="adam")
@dataclass(frozen=True)
class Adam:
    """Adam on z, by torch: follows the loss of a synthetic or supervised task.

    The learning rate of z is lr * sqrt(D/d) (`scale="none"` takes lr as it is), so that theta
    moves as it would in direct training.

    Attributes:
        lr: learning rate of a weight.
        decay: "linear" to zero over the budget, or "none".
        weight_decay: of theta, in the loss: half of it times the squared norm is added.
    """

    lr: float = 0.01
    decay: Literal["linear", "none"] = "linear"
    scale: Literal["sqrt", "none"] = "sqrt"
    weight_decay: float = field(default=0.0, metadata=LATER)

    kinds: ClassVar[tuple[str, ...]] = ("synthetic", "supervised")
    shares_batch: ClassVar[bool] = False

    def __post_init__(self) -> None:
        """Refuse a step that leads nowhere.

        Raises:
            InputError: lr is not positive, or weight_decay is negative.
        """
        if self.lr <= 0:
            raise InputError(f"adam: lr must be positive, not {self.lr}")
        if self.weight_decay < 0:
            raise InputError(f"adam: weight_decay must be at least 0, not {self.weight_decay}")

    def notes(self, problem: Problem) -> Notes:
        """Return the learning rate of z that d leads to."""
        return {"lr_z": self.lr * problem.scale(self.scale)}

    def search(self, problem: Problem, rng: np.random.Generator) -> SearchSteps:
        """Train until closed."""
        import torch

        # The trained tensor is w = z / scale, with steps of lr per entry: Adam's epsilon then means
        # the same as in direct training.
        w = torch.zeros(problem.dim, requires_grad=True)
        scale = problem.scale(self.scale)
        optimizer = torch.optim.Adam([w], lr=self.lr)
        every = max(1, problem.budget // REPORTS)
        while True:
            if self.decay == "linear":
                left = max(0.0, 1.0 - problem.search_steps / problem.budget)
                optimizer.param_groups[0]["lr"] = self.lr * left
            loss = problem.loss(w * scale, rng, self.weight_decay)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            if problem.search_steps % every == 0:
                yield Progress((w.detach() * scale).numpy().copy(), None)
