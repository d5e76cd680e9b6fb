"""Isotropic evolution strategy (Salimans et al. 2017) on z, the one that Li et al. 2018 used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from rlid.agent import AGENTS, Ask, SearchSteps
from rlid.errors import InputError

if TYPE_CHECKING:
    from rlid.problem import Notes, Problem


@AGENTS.add("evolution", "gradient-free", name="openai_es")
@dataclass(frozen=True)
class OpenAIES:
    """Estimates the gradient of the mean return from mirrored samples, and follows it by Adam.

    sigma and lr are in units of theta: in z they are multiplied by sqrt(D/d), since the columns of
    P have unit norm (`scale="none"` takes them as they are). Returns enter by their centred ranks.
    Each question holds the population and the mean of the search distribution, which is a
    candidate too.

    sigma, lr and population are such that direct training on cartpole takes few steps and no seed
    fails (of 0.03 to 0.3, 0.02 to 0.2, and 8, 16 and 32; 8 seeds).

    Attributes:
        sigma: standard deviation of a weight's change.
        lr: learning rate of a weight.
        population: samples in a question, two for each direction.
        iterations: updates after which the search ends, or None for the budget alone.
        decay: L2 penalty on the distance of a weight from its start, added to the gradient.
    """

    sigma: float = 0.2
    lr: float = 0.1
    population: int = 16
    iterations: int | None = None
    decay: float = 0.0
    scale: Literal["sqrt", "none"] = "sqrt"

    kinds: ClassVar[tuple[str, ...]] = ("rl", "supervised", "synthetic")
    shares_batch: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Refuse settings that lead nowhere.

        Raises:
            InputError: a size that is not positive, or a population without pairs.
        """
        for name in ("sigma", "lr"):
            if getattr(self, name) <= 0:
                raise InputError(f"openai_es: {name} must be positive, not {getattr(self, name)}")
        if self.population < 2 or self.population % 2:
            raise InputError(
                "openai_es: population must be an even number of at least 2, since samples come "
                f"in mirrored pairs, not {self.population}"
            )
        if self.iterations is not None and self.iterations < 1:
            raise InputError(f"openai_es: iterations must be at least 1, not {self.iterations}")
        if self.decay < 0:
            raise InputError(f"openai_es: decay must be at least 0, not {self.decay}")

    def notes(self, problem: Problem) -> Notes:
        """Return the steps in z that d leads to."""
        scale = problem.scale(self.scale)
        return {"sigma_z": self.sigma * scale, "lr_z": self.lr * scale}

    def search(self, problem: Problem, rng: np.random.Generator) -> SearchSteps:
        """Ask about mirrored populations until closed, or for `iterations` updates."""
        import torch

        # Adam moves w = z / scale: sigma, lr and epsilon then mean the same for any d.
        w = torch.zeros(problem.dim, dtype=torch.float64, requires_grad=True)
        optimizer = torch.optim.Adam([w], lr=self.lr, weight_decay=self.decay)
        scale, done = problem.scale(self.scale), 0
        while self.iterations is None or done < self.iterations:
            mean = w.detach().numpy()
            noise = rng.standard_normal((self.population // 2, problem.dim))
            steps = self.sigma * np.vstack([noise, -noise, np.zeros(problem.dim)])
            scores = yield Ask(scale * (mean + steps))
            shaped = centred_ranks(np.asarray(scores)[:-1])
            up, down = np.split(shaped, 2)
            w.grad = torch.from_numpy((down - up) @ noise / self.population)
            optimizer.step()
            done += 1


def centred_ranks(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the ranks of scores (n,), evenly over [-0.5, 0.5]; equal scores share a rank."""
    from scipy.stats import rankdata

    ranks: NDArray[np.float64] = (rankdata(scores) - 1) / (len(scores) - 1) - 0.5
    return ranks
