"""A training by SB3, cut into rounds: what the trial sees of it, and what of it is saved."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import Logger

from rlid.agent import Progress, SearchSteps
from rlid.errors import Diverged, is_of_machine
from rlid.problem import Problem
from rlid.records import State, generator_state, joined, restore_generator
from rlid.sb3_bridge.actor import SubspaceActor
from rlid.sb3_bridge.generators import GlobalGenerators
from rlid.sb3_bridge.parameters import parameters_of, restore_parameters
from rlid.sb3_bridge.vec_env import EPISODE_SEEDS, SimulatorVecEnv

T = TypeVar("T", bound="Training")
COUNTERS = (
    "num_timesteps",
    "_n_updates",
    "_episode_num",
    "_n_calls",
    "_current_progress_remaining",
    "exploration_rate",
)
"""Counters of SB3's algorithms; no algorithm has all of them."""


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
    def actor(self) -> SubspaceActor:
        """Return the policy's network as a function of z."""

    def search(self, problem: Problem, interval: int) -> SearchSteps:
        """Train until closed; report after every round, and every `interval` steps with the state.

        There the environments begin anew, whether or not anybody saves the state: what is saved
        needs no emulator in mid-episode, and an unbroken run takes the same course.
        """
        try:
            if problem.saved is not None:
                self.restore(problem.saved)
                self.begin_anew()
            reached = problem.search_steps // interval
            while True:
                with self.generators.installed():
                    self.finite_round()
                is_due = problem.search_steps // interval > reached
                score = _mean(self.env.finished_returns)
                scalars = self.scalars() if problem.is_watched else {}
                yield Progress(self.actor().z(), score, self.state if is_due else None, scalars)
                self.env.finished_returns.clear()
                if is_due:
                    reached = problem.search_steps // interval
                    self.begin_anew()
        finally:
            self.env.close()

    def scalars(self) -> dict[str, float]:
        """Return numbers to watch the training by.

        They are what SB3 has logged of its last updates (losses, KL, entropy; "train/loss" and so
        on), and the share of the last gradient that lies in the subspace.
        """
        logged: dict[str, Any] = self.model.logger.name_to_value
        numbers = {
            name: float(value)
            for name, value in logged.items()
            if name.startswith("train/") and isinstance(value, int | float | np.number)
        }
        share = self.actor().gradient_share()
        return numbers if share is None else {**numbers, "gradient_share": share}

    def finite_round(self) -> None:
        """Run a round.

        Raises:
            Diverged: it raised, and the policy is not finite: what SB3 or an environment makes of
                that is no fault of theirs. Where the machine failed, its error stays.
        """
        try:
            self.round()
        except Exception as error:
            if not is_of_machine(error) and self.has_diverged():
                raise Diverged("z is not finite") from error
            raise

    def has_diverged(self) -> bool:
        """Return whether z, or the network's outputs for the last observations, are not finite."""
        actor = self.actor()
        if not np.isfinite(actor.z()).all():
            return True
        last = self.model._last_obs
        if last is None:
            return False
        with torch.no_grad():
            outputs = actor(torch.as_tensor(last))
        return not bool(torch.isfinite(outputs).all())

    def begin_anew(self) -> None:
        """Start a new episode in every environment."""
        self.model._last_obs = self.env.reset()
        self.model._last_episode_starts = np.ones(self.env.num_envs, bool)

    def state(self) -> State:
        """Return the state from which the training resumes, without the episodes under way."""
        plain, torch_state = self.generators.state()
        spaces: Any = self.model.action_space
        return joined(
            {
                "counters": State({name: getattr(self.model, name) for name in self._counters()}),
                "global": State(plain, {"torch": torch_state.numpy()}),
                "episodes": State(generator_state(self.env.rng)),
                "actions": State(generator_state(spaces.np_random)),
                "parameters": parameters_of(self.model),
            }
        )

    def restore(self, state: State) -> None:
        """Resume from a state that `state` gave."""
        for name, value in state.part("counters").plain.items():
            setattr(self.model, name, value)
        generators = state.part("global")
        self.generators.restore(generators.plain, torch.from_numpy(generators.arrays["torch"]))
        restore_generator(self.env.rng, state.part("episodes").plain)
        restore_generator(self.model.action_space.np_random, state.part("actions").plain)
        restore_parameters(self.model, state.part("parameters"))

    def _counters(self) -> list[str]:
        return [name for name in COUNTERS if hasattr(self.model, name)]


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
        # Exploring may draw from the space itself, whose generator SB3 seeds from the clock.
        model.action_space.seed(int(rng.integers(0, EPISODE_SEEDS)))
        return kind(model, env, generators, budget)


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None
