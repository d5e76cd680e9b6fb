"""One training by SB3, cut into rounds: what the trial sees of it, and what of it is saved."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import Logger

from rlid.agent import Progress, Search
from rlid.sb3_bridge.generators import GlobalGenerators
from rlid.sb3_bridge.vec_env import EPISODE_SEEDS, SimulatorVecEnv

T = TypeVar("T", bound="Training")


class Training(ABC):
    """An algorithm, its environments and its generators; schedules run over the whole budget."""

    def __init__(
        self, model: Any, env: SimulatorVecEnv, generators: GlobalGenerators, budget: int
    ) -> None:
        """Set up the schedules of `model`, once, for all of `budget` steps."""
        self.model, self.env, self.generators = model, env, generators
        self.total, self.callback = self._set_up(budget)

    def _set_up(self, budget: int) -> tuple[int, BaseCallback]:
        self.model.set_logger(Logger(folder=None, output_formats=[]))
        total, callback = self.model._setup_learn(budget)
        return total, callback

    @abstractmethod
    def round(self) -> None:
        """Gather experience, then learn from it."""

    @abstractmethod
    def z(self) -> NDArray[np.float32]:
        """Return where the policy stands, z (d,)."""

    def search(self) -> Search:
        """Train until closed; report after every round."""
        try:
            while True:
                with self.generators.installed():
                    self.round()
                yield Progress(self.z(), _mean(self.env.finished_returns))
                self.env.finished_returns.clear()
        finally:
            self.env.close()


def begin(
    kind: type[T],
    algorithm: type[BaseAlgorithm],
    policy: Any,
    env: SimulatorVecEnv,
    rng: np.random.Generator,
    budget: int,
    policy_settings: dict[str, Any],
    settings: dict[str, Any],
) -> T:
    """Make the algorithm with generators of its own, drawn from rng."""
    generators = GlobalGenerators(int(rng.integers(0, EPISODE_SEEDS)))
    with generators.installed():
        model = algorithm(policy, env, device="cpu", policy_kwargs=policy_settings, **settings)
        training = kind(model, env, generators, budget)
    return training


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None
