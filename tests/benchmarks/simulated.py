"""Simulated tasks with a known success curve: what the estimator and the searches are judged on."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri, stdtrit

from rlid.dimension import TrialOutcome
from rlid.dimension.search import Search

Floats = NDArray[np.float64]

# The cost of a failed trial in steps, and the cost of a solved trial, which stops early, as a share
# of that: about 150,000 of 300,000 on cartpole.
BUDGET = 1000
SOLVED_COST = 0.5
# Seeds' thresholds are averaged over this many equally likely values.
SEED_QUANTILES = 2001


@dataclass(frozen=True)
class Bump:
    """A local rise (or fall) of the success probability: Gaussian in log d."""

    d: float
    height: float
    width: float


# How success rises with the steps above the threshold, one half at zero.
RISES: dict[str, Callable[[Floats], Floats]] = {
    "logistic": lambda steps: 1.0 / (1.0 + np.exp(-steps)),
    "probit": lambda steps: np.asarray(ndtr(steps)),
    "weibull": lambda steps: -np.expm1(-math.log(2.0) * np.exp(steps)),
    "reversed weibull": lambda steps: np.exp(-math.log(2.0) * np.exp(-steps)),
}
# The seeds' thresholds for uniform numbers, in units of the spread.
SEEDS: dict[str, Callable[[Floats], Floats]] = {
    "normal": lambda uniform: np.asarray(ndtri(uniform)),
    "exponential": lambda uniform: -np.log1p(-uniform) - math.log(2.0),
    "t2": lambda uniform: np.asarray(stdtrit(2, uniform)),
    "t3": lambda uniform: np.asarray(stdtrit(3, uniform)),
    "bimodal": lambda uniform: np.where(uniform < 0.6, 0.0, 1.0),
}


@dataclass(frozen=True)
class Curve:
    """P(success | d, seed), before the bumps.

    `half` is the centre in d; `scale` and `spread` are in log d (see the module
    rlid.dimension.threshold_model). `rise` is a key of RISES and `seeds` one of SEEDS. A share
    `never` of the seeds solves no d.
    """

    name: str
    half: float
    scale: float
    dmax: int
    spread: float = 0.0
    guess: float = 0.0
    lapse: float = 0.0
    bumps: tuple[Bump, ...] = ()
    rise: str = "logistic"
    seeds: str = "normal"
    never: float = 0.0

    def thresholds(self, uniform: Floats) -> Floats:
        """Return the seeds' thresholds in log d for uniform numbers (n,); infinite for never."""
        is_lost = uniform >= 1.0 - self.never
        inside = np.where(is_lost, 0.5, uniform / (1.0 - self.never))
        finite = math.log(self.half) + self.spread * SEEDS[self.seeds](inside)
        return np.where(is_lost, np.inf, finite)

    def probability(self, d: Floats | float, threshold: Floats | float) -> Floats:
        """Return the success probability; shapes broadcast."""
        steps = np.clip((np.log(d) - threshold) / self.scale, -50.0, 50.0)
        value = self.guess + (1.0 - self.guess - self.lapse) * RISES[self.rise](steps)
        for bump in self.bumps:
            away = (np.log(d) - math.log(bump.d)) / bump.width
            value = value + bump.height * np.exp(-0.5 * away**2)
        return np.asarray(np.clip(value, 0.0, 1.0))

    def marginal(self, dims: Sequence[int]) -> Floats:
        """Return the success probability averaged over seeds, for each d."""
        uniform = (np.arange(SEED_QUANTILES) + 0.5) / SEED_QUANTILES
        column = np.asarray(dims, dtype=float)[:, None]
        return self.probability(column, self.thresholds(uniform)).mean(axis=1)


@cache
def truth(curve: Curve, probability: float = 0.5) -> int | None:
    """Return the smallest d up to dmax with that marginal probability at least, else None."""
    for start in range(1, curve.dmax + 1, 500):
        dims = range(start, min(start + 500, curve.dmax + 1))
        reached = np.flatnonzero(curve.marginal(dims) >= probability)
        if len(reached):
            return dims[int(reached[0])]
    return None


def grid_dims(dmax: int) -> list[int]:
    """Return the grid of a full sweep: every d up to 25, and steps of 5 % beyond."""
    dims = list(range(1, min(dmax, 25) + 1))
    while dims[-1] < dmax:
        dims.append(min(dmax, max(dims[-1] + 1, round(dims[-1] * 1.05))))
    return dims


class Simulation:
    """One simulated measurement: seeds with their own thresholds, runs with their own luck."""

    def __init__(self, curve: Curve, seeds: int, rng: Generator) -> None:
        """Draws the thresholds of `seeds` seeds."""
        self.curve = curve
        self.rng = rng
        self.thresholds = curve.thresholds(rng.random(seeds))

    def run(self, pairs: Sequence[tuple[int, int]]) -> list[TrialOutcome]:
        """Run the trials of a round."""
        dims, seeds = np.asarray(pairs).T
        chances = self.curve.probability(dims.astype(float), self.thresholds[seeds])
        outcomes = self.rng.random(len(pairs)) < chances
        costs = np.where(outcomes, round(SOLVED_COST * BUDGET), BUDGET)
        return [
            TrialOutcome(d, seed, bool(outcome), None, cost=int(cost))
            for (d, seed), outcome, cost in zip(pairs, outcomes, costs, strict=True)
        ]

    def measure(self, search: Search) -> list[TrialOutcome]:
        """Run a search to its end."""
        trials: list[TrialOutcome] = []
        while pairs := search.next_round(trials):
            trials += self.run(pairs)
        return trials


CURVES = (
    Curve("steep 20", half=7.4, scale=0.05, dmax=20),
    Curve("medium 20", half=9.4, scale=0.2, dmax=20),
    Curve("shallow 20", half=4.5, scale=0.5, dmax=20),
    Curve("very shallow 20", half=4.5, scale=1.0, dmax=20),
    Curve("seeds 20", half=7.4, scale=0.03, dmax=20, spread=0.4),
    Curve("both 20", half=6.5, scale=0.25, dmax=20, spread=0.3),
    Curve("step 20", half=9.5, scale=0.001, dmax=20),
    Curve("one 20", half=1.0, scale=0.15, dmax=20),
    Curve("lapse 20", half=5.5, scale=0.2, dmax=20, lapse=0.15),
    Curve(
        "bumps 20", half=7.4, scale=0.12, dmax=20, bumps=(Bump(3, 0.3, 0.25), Bump(13, -0.35, 0.15))
    ),
    Curve("top 0.9 steep 20", half=16.05, scale=0.1, dmax=20),
    Curve("top 0.9 shallow 20", half=6.67, scale=0.5, dmax=20),
    Curve("top 0.9 seeds 20", half=17.594, scale=0.005, dmax=20, spread=0.1),
    Curve("top 0.4 20", half=21.7, scale=0.2, dmax=20),
    Curve("top 0.05 20", half=30.0, scale=0.1377, dmax=20),
    Curve("like cartpole 20", half=4.2, scale=0.2, dmax=20, spread=0.6, guess=0.03, lapse=0.09),
    Curve("never 20", half=1000.0, scale=0.1, dmax=20),
    Curve("steep 1000", half=300.5, scale=0.04, dmax=1000),
    Curve("medium 1000", half=150.5, scale=0.15, dmax=1000),
    Curve("shallow 1000", half=120.5, scale=0.4, dmax=1000),
    Curve("seeds 1000", half=150.5, scale=0.02, dmax=1000, spread=0.5),
    Curve("both 1000", half=80.5, scale=0.2, dmax=1000, spread=0.3),
    Curve("skewed seeds 1000", half=100.5, scale=0.05, dmax=1000, spread=0.4, seeds="exponential"),
    Curve(
        "bumps 1000",
        half=200.5,
        scale=0.15,
        dmax=1000,
        bumps=(Bump(60, 0.35, 0.25), Bump(500, -0.35, 0.25)),
    ),
    Curve("decline 1000", half=60.5, scale=0.15, dmax=1000, bumps=(Bump(1000, -0.35, 0.7),)),
    Curve("medium 100000", half=3000.5, scale=0.2, dmax=100_000, spread=0.1),
    Curve("probit 100", half=24.5, scale=0.5, dmax=100, rise="probit"),
    Curve("weibull 100", half=24.5, scale=0.4, dmax=100, rise="weibull"),
    Curve("reversed weibull 100", half=24.5, scale=0.4, dmax=100, rise="reversed weibull"),
    Curve("t3 seeds 100", half=24.5, scale=0.001, dmax=100, spread=0.3, seeds="t3"),
    Curve("t2 seeds 1000", half=100.5, scale=0.001, dmax=1000, spread=0.3, seeds="t2"),
    Curve("lapse 0.2 100", half=24.5, scale=0.15, dmax=100, spread=0.2, lapse=0.2),
    Curve("plateau 0.7 100", half=18.5, scale=0.15, dmax=100, spread=0.2, lapse=0.3),
    Curve("falling 100", half=12.5, scale=0.15, dmax=100, bumps=(Bump(100, -0.5, 0.7),)),
    Curve("never 0.1 100", half=24.5, scale=0.1, dmax=100, spread=0.2, never=0.1),
    Curve("never 0.2 100", half=24.5, scale=0.1, dmax=100, spread=0.2, never=0.2),
    Curve("never 0.3 100", half=24.5, scale=0.1, dmax=100, spread=0.2, never=0.3),
    Curve("never 0.3 shallow 100", half=18.5, scale=0.4, dmax=100, never=0.3),
    Curve("never 0.6 100", half=24.5, scale=0.1, dmax=100, spread=0.2, never=0.6),
    Curve("never 0.3 steep 1000", half=100.5, scale=0.02, dmax=1000, never=0.3),
    Curve("bimodal 100", half=12.5, scale=0.1, dmax=100, spread=1.5, seeds="bimodal"),
    Curve("P(1) 0.56 20", half=0.908, scale=0.4, dmax=20),
    Curve("P(1) 0.40 20", half=1.176, scale=0.4, dmax=20),
    Curve("P(1) 0.56 seeds 20", half=0.94, scale=0.05, dmax=20, spread=0.4),
    Curve("P(1) 0.40 seeds 20", half=1.11, scale=0.05, dmax=20, spread=0.4),
    Curve("top 91 of 100", half=90.5, scale=0.02, dmax=100),
    Curve("top 99 of 100", half=98.5, scale=0.02, dmax=100),
    Curve("top 95 seeds of 100", half=94.5, scale=0.02, dmax=100, spread=0.2),
)
