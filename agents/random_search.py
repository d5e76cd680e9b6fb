"""Random search: independent samples around theta0, a control for every other agent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from rlid.agent import AGENTS, Ask, SearchSteps
from rlid.errors import InputError

if TYPE_CHECKING:
    from rlid.problem import Notes, Problem


@AGENTS.add("control", "gradient-free", name="random")
@dataclass(frozen=True)
class RandomSearch:
    """Random search: draws z from one normal distribution for ever, and learns nothing.

    sigma is in units of theta, as for cmaes; each question holds `batch` samples.
    """

    sigma: float = 0.5
    batch: int = 16
    scale: Literal["sqrt", "none"] = "sqrt"

    kinds: ClassVar[tuple[str, ...]] = ("rl", "supervised", "synthetic")
    shares_batch: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Refuse settings that cannot be sampled.

        Raises:
            InputError: sigma is not positive, or the batch is below 1.
        """
        if self.sigma <= 0:
            raise InputError(f"random: sigma must be positive, not {self.sigma}")
        if self.batch < 1:
            raise InputError(f"random: batch must be at least 1, not {self.batch}")

    def notes(self, problem: Problem) -> Notes:
        """Return the standard deviation in z."""
        return {"sigma_z": self._sigma(problem)}

    def _sigma(self, problem: Problem) -> float:
        return self.sigma * problem.scale(self.scale)

    def search(self, problem: Problem, rng: np.random.Generator) -> SearchSteps:
        """Ask about fresh samples until closed."""
        while True:
            yield Ask(self._sigma(problem) * rng.standard_normal((self.batch, problem.dim)))
