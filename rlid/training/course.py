"""How far a trial has come: what it validated, what it would score, and what of it is saved."""

from __future__ import annotations

import math
import time
from collections.abc import Generator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from rlid.errors import EnvironmentFault
from rlid.problem import Answer, Problem, Request, Returns
from rlid.random_stream import role_seed
from rlid.records import State, TrialSpec, generator_state, restore_generator

VALIDATIONS = 50
"""A candidate is validated at least this many times over the budget, promising or not."""
LOOKS = 3
"""Parts in which a validation is run, so that hopeless candidates cost one part only."""
SEED_BOUND = 2**31
"""Episode seeds lie below: some environments take no larger ones."""

Z = NDArray[np.float32]
Validation = Generator[list[Request], list[Answer], None]


@dataclass
class Course:
    """How far a trial has come: its validated candidates, and the steps that went into them."""

    problem: Problem
    spec: TrialSpec
    episodes: np.random.Generator
    curve: list[tuple[int, float]] = field(default_factory=list)
    best: Z | None = None
    best_mean: float = -math.inf
    last: Z | None = None
    is_solved: bool = False
    validation_steps: int = 0
    earlier_seconds: float = 0.0
    began: float = field(default_factory=time.perf_counter)

    def state(self) -> State:
        """Return what `restore` takes: how far the trial has come, but for the search itself."""
        arrays = {"best": self.best, "last": self.last}
        plain = {
            "search_steps": self.problem.search_steps,
            "validation_steps": self.validation_steps,
            "curve": self.curve,
            "best_mean": self.best_mean if self.best is not None else None,
            "episodes": generator_state(self.episodes),
            "seconds": self.earlier_seconds + time.perf_counter() - self.began,
        }
        return State(plain, {name: z for name, z in arrays.items() if z is not None})

    def restore(self, state: State) -> None:
        """Go on from a state that `state` gave."""
        plain = state.plain
        self.problem.search_steps = plain["search_steps"]
        self.validation_steps = plain["validation_steps"]
        self.curve = [(steps, mean) for steps, mean in plain["curve"]]
        self.best, self.last = state.arrays.get("best"), state.arrays.get("last")
        if self.best is not None:
            self.best_mean = plain["best_mean"]
        restore_generator(self.episodes, plain["episodes"])
        self.earlier_seconds = plain["seconds"]

    def is_due(self, score: float | None) -> bool:
        """Whether the offered candidate is to be validated now."""
        stop = self.spec.stop_score
        if stop is not None and score is not None and score >= stop:
            return True
        since = self.problem.search_steps - (self.curve[-1][0] if self.curve else 0)
        return since * VALIDATIONS >= self.spec.budget

    def validate(self, z: Z) -> Validation:
        """Run z through fresh validation episodes; it is final when it clears the stop score.

        It has to by one standard error, since a policy just below that is tried often enough
        would pass by luck. One that has fallen short by as much is not looked at further.
        """
        stop, steps = self.spec.stop_score, self.problem.search_steps
        values, mean, error = np.empty(0), -math.inf, 0.0
        for together in self._looks():
            requests, states = [], []
            for part in together:
                requests.append(Request(self.problem, z[None], self._seeds(part), "validation"))
                states.append(generator_state(self.episodes))
            for answer, state in zip((yield requests), states, strict=True):
                result = unless_fault(answer)
                self.validation_steps += result.steps
                values = np.concatenate([values, result.values[0]])
                mean, error = float(values.mean()), standard_error(values)
                falls_short = stop is not None and mean + error < stop
                if falls_short:
                    # Parts that were asked for in vain are as if they had not been.
                    restore_generator(self.episodes, state)
                    break
            if falls_short:
                break
        self.curve.append((steps, mean))
        self.is_solved = stop is not None and mean - error >= stop
        if self.is_solved or mean > self.best_mean or self.spec.candidate == "last":
            self.best, self.best_mean = z, mean
        self.last = None

    def _looks(self) -> list[list[NDArray[np.int64]]]:
        """Return the parts of a validation, those in a list that are asked for together.

        Without a stop score nothing depends on the order. With one, most candidates that clear it
        at first are looked at to the end, and where a step costs little more for it, no part waits
        for the longest episode of another.
        """
        episodes = self.problem.task.validation_episodes
        parts = np.array_split(np.arange(episodes), min(LOOKS, episodes))
        if self.spec.stop_score is None:
            return [parts]
        if self.problem.world.merges and len(parts) > 1:
            return [parts[:1], parts[1:]]
        return [[part] for part in parts]

    def _seeds(self, part: NDArray[np.int64]) -> tuple[int, ...]:
        if self.problem.task.kind == "rl":
            return draw_seeds(self.episodes, len(part))
        # An objective's evaluations are numbered: each has data of its own.
        return tuple(part.tolist())


def unless_fault(answer: Answer) -> Returns:
    """Return an answer that is one.

    Raises:
        EnvironmentFault: it is a fault instead.
    """
    if isinstance(answer, EnvironmentFault):
        raise answer
    return answer


def standard_error(values: NDArray[np.float64]) -> float:
    """Return the standard error of the mean of values (n,), or 0 for a single one."""
    return float(values.std(ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else 0.0


def draw_seeds(rng: np.random.Generator, n: int) -> tuple[int, ...]:
    """Draw the seeds of n episodes."""
    return tuple(rng.integers(0, SEED_BOUND, n).tolist())


def role_generator(seed: int, role: str) -> np.random.Generator:
    """Return the generator of one role in the trial with this seed."""
    return np.random.default_rng(role_seed(seed, role))
