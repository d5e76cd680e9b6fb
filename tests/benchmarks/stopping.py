"""What the stopping rule makes of a noisy search, by simulation with the loop that trials run.

The true mean of the policy rises to threshold + delta over the budget; the unit is the standard
deviation of one episode's return. The search is scripted and the returns are drawn here; looks,
confirmations, second looks and scorings are those of `rlid.training`. Each rule is held against a
trial that spends its whole budget:

    python tests/benchmarks/stopping.py --trials 400

prints P(success) and the episodes spent on looks and scorings, and exits with 1 where a target is
missed by more than two standard errors.
"""

from __future__ import annotations

import argparse
import math
import sys
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np

from rlid.agent import Agent, Progress
from rlid.problem import Problem, Request, Returns
from rlid.records import TrialSpec
from rlid.task import LOOKS, Task
from rlid.training.course import Course
from rlid.training.loop import drive
from rlid.training.scoring import Score, score

DELTAS = (-0.2, -0.1, 0.0, 0.2, 0.3, 0.5, 1.0)
EPISODES = (10, 30)
NOISES = (0.1, 0.5, 2.0)
"""Standard deviation of one episode, as a share of the distance from random to threshold."""
LESS = 0.03
"""P(success) may be this much below that of a full budget where the true mean ends above."""
MORE = 0.06
"""P(success) may be this much above that of a full budget where it ends at or below."""
RATE = 5.0
"""The exponential shape covers all but exp(-RATE) of the distance."""
SHAPES: dict[str, Callable[[float], float]] = {
    "exponential": lambda share: (1 - math.exp(-RATE * share)) / (1 - math.exp(-RATE)),
    "ramp": lambda share: share,
    "step": lambda share: float(share > 0.5),
}
RULES = ("look", "confirmed", "full")


@dataclass(frozen=True)
class Case:
    """A search: where its true mean ends, how it rises, and what a look and the noise are."""

    delta: float
    shape: str
    episodes: int
    noise: float

    def mean(self, share: float) -> float:
        """Return the true mean, in units above the threshold, after this share of the budget."""
        start = -1 / self.noise
        return start + (self.delta - start) * SHAPES[self.shape](share)


@dataclass(frozen=True)
class Scripted(Agent):
    """A search that reports LOOKS times; its z is the share of the budget that is spent."""

    kinds: ClassVar[tuple[str, ...]] = ("rl",)

    def search(self, problem: Problem, rng: np.random.Generator) -> Iterator[Progress]:  # type: ignore[override]
        """Report after each LOOKS-th part of the budget."""
        while True:
            problem.search_steps += 1
            yield Progress(np.array([problem.search_steps / problem.budget]), None)


@dataclass(frozen=True)
class Outcome:
    """Whether a trial succeeded, the episodes of its validation and scoring, and its search."""

    is_solved: bool
    episodes: int
    searched: float


def simulate(case: Case, rule: str, seed: int) -> Outcome:
    """Run one trial by the loop of rlid.training, with returns drawn from normal distributions."""
    task = Task(
        version=1, env="simulated", episode_cap=1, budget=LOOKS, validation_episodes=case.episodes
    )
    world: Any = SimpleNamespace(merges=False)
    subspace: Any = SimpleNamespace(d=1, scale=1.0)
    problem = Problem(task, SimpleNamespace(), subspace, world, LOOKS)  # type: ignore[arg-type]
    spec = TrialSpec(
        task="simulated", task_version=1, protocol={}, backend="numpy", agent="scripted",
        settings={}, network="none", projection="onehot", projection_version=1, d=1, seed=seed,
        stop_score=None if rule == "full" else 0.0, budget=LOOKS,
        stopping="look" if rule == "look" else "confirmed",
    )  # fmt: skip
    course = Course(problem, spec)
    name = f"{case} {rule}"
    rng = np.random.default_rng([zlib.crc32(name.encode()), seed])
    scored = run(course, case, rng)
    return Outcome(
        bool(scored.deciding.mean() >= 0),
        course.validation_steps + course.scoring_steps,
        problem.search_steps / LOOKS,
    )


def run(course: Course, case: Case, rng: np.random.Generator) -> Score:
    """Drive a search and score it, and answer what they ask."""

    def steps() -> Any:
        yield from drive(course, Scripted(), None, None)
        return (yield from score(course))

    trial = steps()
    requests: list[Request] = next(trial)
    try:
        while True:
            requests = trial.send([answer(case, request, rng) for request in requests])
    except StopIteration as end:
        scored: Score = end.value
        return scored


def answer(case: Case, request: Request, rng: np.random.Generator) -> Returns:
    """Draw the returns of policies z (n, 1): each episode takes a step."""
    means = np.array([[case.mean(float(z[0]))] for z in request.Z])
    values = means + rng.standard_normal((len(means), len(request.seeds)))
    return Returns(values, values.size)


@dataclass(frozen=True)
class Line:
    """What the rules make of a case: shares of trials that succeed, and means of the rest."""

    case: Case
    success: dict[str, float]
    episodes: dict[str, float]
    searched: dict[str, float]
    trials: int

    @property
    def is_missed(self) -> bool:
        """Whether a target is missed by more than two standard errors of the difference."""
        confirmed, full = self.success["confirmed"], self.success["full"]
        error = math.sqrt(
            (confirmed * (1 - confirmed) + full * (1 - full) + 1 / self.trials) / self.trials
        )
        if self.case.delta > 0:
            return confirmed < full - LESS - 2 * error
        return confirmed > full + MORE + 2 * error

    def __str__(self) -> str:
        """Return the case, then what each rule makes of it."""
        case = self.case
        cells = [
            f"{case.delta:+.1f}",
            f"{case.shape:<11}",
            f"{case.episodes:2}",
            f"{case.noise:4.0%}",
        ]
        for rule in RULES:
            spent = f"{self.success[rule]:.3f} {self.episodes[rule]:5.0f}"
            cells.append(f"{spent} {self.searched[rule]:4.0%}")
        return "  ".join(cells) + ("  MISSED" if self.is_missed else "")


def line_of(case: Case, trials: int) -> Line:
    """Simulate a case by every rule."""
    outcomes = {rule: [simulate(case, rule, seed) for seed in range(trials)] for rule in RULES}

    def means(of: Callable[[Outcome], float]) -> dict[str, float]:
        return {rule: float(np.mean([of(each) for each in outcomes[rule]])) for rule in RULES}

    return Line(
        case,
        means(lambda each: each.is_solved),
        means(lambda each: each.episodes),
        means(lambda each: each.searched),
        trials,
    )


def main() -> int:
    """Print a line for each case; return 1 where a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=400, help="of each case and rule")
    parser.add_argument("--deltas", type=float, nargs="*", default=DELTAS)
    parser.add_argument("--shapes", nargs="*", default=list(SHAPES), choices=list(SHAPES))
    parser.add_argument("--noises", type=float, nargs="*", default=NOISES)
    options = parser.parse_args()
    print("P(success), episodes of validation and scoring, share of the budget that was searched")
    print("delta shape      look noise  one look decides    confirmed           full budget")
    missed = 0
    for delta, shape, episodes, noise in product(
        options.deltas, options.shapes, EPISODES, options.noises
    ):
        line = line_of(Case(delta, shape, episodes, noise), options.trials)
        print(line, flush=True)
        missed += line.is_missed
    print(f"{missed} targets missed" if missed else "every target is met")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
