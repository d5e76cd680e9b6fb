"""Augmented random search (Mania et al. 2018) on z, their version V1-t."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from rlid.agent import AGENTS, Ask, SearchSteps
from rlid.errors import InputError

if TYPE_CHECKING:
    from rlid.problem import Notes, Problem


@AGENTS.add("evolution", "gradient-free", name="ars")
@dataclass(frozen=True)
class ARS:
    """Steps along its best random directions, by the difference of the two returns along each.

    A step is divided by the standard deviation of the returns that it rests on. sigma and lr are
    in units of theta, as for openai_es. Observations are not normalised (V1), so that z alone is
    what a solution needs. Each question holds the mirrored samples and the point they surround.

    Attributes:
        sigma: standard deviation of a weight's change.
        lr: step size of a weight.
        directions: random directions in a question, two samples for each.
        top: directions that a step uses, those with the highest return on either side.
    """

    sigma: float = 0.1
    lr: float = 0.15
    directions: int = 16
    top: int = 8
    scale: Literal["sqrt", "none"] = "sqrt"

    kinds: ClassVar[tuple[str, ...]] = ("rl", "supervised", "synthetic")
    shares_batch: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Refuse settings that lead nowhere.

        Raises:
            InputError: a size that is not positive, or more top directions than there are.
        """
        for name in ("sigma", "lr"):
            if getattr(self, name) <= 0:
                raise InputError(f"ars: {name} must be positive, not {getattr(self, name)}")
        if self.directions < 1:
            raise InputError(f"ars: directions must be at least 1, not {self.directions}")
        if not 1 <= self.top <= self.directions:
            raise InputError(
                f"ars: top must be from 1 to the {self.directions} directions, not {self.top}"
            )

    def notes(self, problem: Problem) -> Notes:
        """Return the steps in z that d leads to."""
        scale = problem.scale(self.scale)
        return {"sigma_z": self.sigma * scale, "lr_z": self.lr * scale}

    def search(self, problem: Problem, rng: np.random.Generator) -> SearchSteps:
        """Ask about mirrored samples until closed."""
        w, scale = np.zeros(problem.dim), problem.scale(self.scale)
        while True:
            noise = rng.standard_normal((self.directions, problem.dim))
            steps = self.sigma * np.vstack([noise, -noise, np.zeros(problem.dim)])
            scores = yield Ask(scale * (w + steps))
            up, down = np.split(np.asarray(scores)[:-1], 2)
            top = np.argsort(-np.maximum(up, down), kind="stable")[: self.top]
            spread = np.concatenate([up[top], down[top]]).std()
            if spread > 0:
                w = w + self.lr / (self.top * spread) * (up[top] - down[top]) @ noise[top]
