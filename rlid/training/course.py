"""How far a trial has come: its looks, the best policies among them, and what of it is saved."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rlid.problem import Problem
from rlid.records import Standing, State, TrialSpec, generator_state, restore_generator
from rlid.task import BEST_LOOKS, LOOKS
from rlid.training.seeds import role_generator

Z = NDArray[np.float32]


class Look(NamedTuple):
    """A policy z (d,) that was looked at, and the mean return of its episodes."""

    z: Z
    mean: float


@dataclass
class Course:
    """How far a trial has come.

    Attributes:
        episodes: the generator of looks in trials of stopping "look".
        training: the generator of the episodes of an agent's questions.
        curve: (search steps, mean return) of each look.
        best: the policies with the highest means among those looked at, the best first: at most
            BEST_LOOKS, or one in trials of stopping "look".
        last: the last candidate (d,), where it was not looked at.
        deciding: returns (n,) of the scoring that ended the search, where one did.
        is_solved: whether a candidate ended the search: `best` then holds this policy.
        is_in_doubt: whether the last look passed and fresh episodes did not confirm it.
        validation_steps: steps of looks, confirmations and second looks.
        scoring_steps: steps of scorings.
        earlier_seconds: how long the trial ran before it was interrupted.
    """

    problem: Problem
    spec: TrialSpec
    episodes: np.random.Generator = field(init=False)
    training: np.random.Generator = field(init=False)
    curve: list[tuple[int, float]] = field(default_factory=list)
    best: list[Look] = field(default_factory=list)
    last: Z | None = None
    deciding: NDArray[np.float64] | None = None
    is_solved: bool = False
    is_in_doubt: bool = False
    validation_steps: int = 0
    scoring_steps: int = 0
    earlier_seconds: float = 0.0
    began: float = field(default_factory=time.perf_counter)

    def __post_init__(self) -> None:
        """Start the generators."""
        self.episodes = role_generator(self.spec.seed, "validation")
        self.training = role_generator(self.spec.seed, "training")

    @property
    def is_confirmed(self) -> bool:
        """Whether a look that passes is confirmed before it ends the trial."""
        return self.spec.stopping == "confirmed"

    @property
    def standing(self) -> Standing:
        """Where the trial stands, for whoever watches the run."""
        spec = self.spec
        share = min(1.0, self.problem.search_steps / spec.budget)
        best = self.best[0].mean if self.best else None
        return Standing(spec.key, spec.d, spec.seed, share, best)

    def is_due(self, score: float | None) -> bool:
        """Return whether the last candidate, of this score in search, is to be looked at now.

        Where fresh episodes have just spoken against a candidate, the next look is that of the
        schedule: a search whose own episodes look like success would be looked at all the time.
        """
        stop = self.spec.stop_score
        if stop is not None and score is not None and score >= stop and not self.is_in_doubt:
            return True
        since = self.problem.search_steps - (self.curve[-1][0] if self.curve else 0)
        return since * LOOKS >= self.spec.budget

    def note(self, look: Look, steps: int) -> None:
        """Take note of a look at the last candidate, after so many search steps."""
        self.curve.append((steps, look.mean))
        self.last = None
        if self.spec.candidate == "last":
            self.best = [look]
            return
        # Of equal means the earlier look comes first.
        ranked = sorted([*self.best, look], key=lambda each: -each.mean)
        self.best = ranked[: BEST_LOOKS if self.is_confirmed else 1]

    @property
    def has_stopped_early(self) -> bool:
        """Whether a candidate ended the search before the budget was spent."""
        return self.is_solved and self.problem.search_steps < self.spec.budget

    def finish(self, look: Look, deciding: NDArray[np.float64] | None = None) -> None:
        """End the search with this policy; `deciding` are the returns that decided."""
        self.best, self.deciding, self.is_solved = [look], deciding, True

    def state(self) -> State:
        """Return what `restore` takes: how far the trial has come, but for the search itself."""
        arrays = {f"best/{rank}": look.z for rank, look in enumerate(self.best)}
        if self.last is not None:
            arrays["last"] = self.last
        plain = {
            "search_steps": self.problem.search_steps,
            "validation_steps": self.validation_steps,
            "scoring_steps": self.scoring_steps,
            "curve": self.curve,
            "best": [look.mean for look in self.best],
            "is_in_doubt": self.is_in_doubt,
            "episodes": generator_state(self.episodes),
            "training": generator_state(self.training),
            "seconds": self.earlier_seconds + time.perf_counter() - self.began,
        }
        return State(plain, arrays)

    def restore(self, state: State) -> None:
        """Resume from a state that `state` gave.

        Raises:
            Exception: the state lacks something, or holds it in another shape.
        """
        plain = state.plain
        self.curve = [(int(steps), float(mean)) for steps, mean in plain["curve"]]
        self.best = [
            Look(state.arrays[f"best/{rank}"], float(mean))
            for rank, mean in enumerate(plain["best"])
        ]
        self.last = state.arrays.get("last")
        shapes = {z.shape for z in (*(look.z for look in self.best), self.last) if z is not None}
        if not shapes <= {(self.problem.dim,)}:
            raise ValueError(f"policies of shape {shapes}, not ({self.problem.dim},)")
        restore_generator(self.episodes, plain["episodes"])
        if "training" in plain:  # earlier checkpoints are of agents that ask no questions
            restore_generator(self.training, plain["training"])
        self.problem.search_steps = int(plain["search_steps"])
        self.validation_steps = int(plain["validation_steps"])
        self.scoring_steps = int(plain["scoring_steps"])
        self.is_in_doubt = bool(plain["is_in_doubt"])
        self.earlier_seconds = float(plain["seconds"])
