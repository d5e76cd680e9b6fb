"""What rounds of more trials cost: steps until the interval is as narrow as with rounds of five.

    python tests/benchmarks/round_sizes.py --measurements 30

Simulated tasks. For each width, over the measurements that both round sizes bring to it: the sum of
the steps over that with rounds of five, the median of the ratios, and how many rounds it took.
"""

from __future__ import annotations

import argparse
import os
import zlib

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np  # noqa: E402
from calibration import BY_NAME, print_line  # noqa: E402
from simulated import Curve, Simulation  # noqa: E402

from rlid.dimension import TrialOutcome, estimate, make_search  # noqa: E402
from rlid.dimension.search import ROUND_SIZE  # noqa: E402

CURVES = (
    "steep 20",
    "medium 20",
    "shallow 20",
    "like cartpole 20",
    "probit 100",
    "weibull 100",
    "lapse 0.2 100",
    "never 0.1 100",
    "top 91 of 100",
    "medium 1000",
)
SIZES = (8, 10)
WIDTHS = (1.0, 0.5, 0.35, 0.25)
SEEDS = 10
MOST_TRIALS = 80
# Narrower than every width that is looked at, so that the search goes on.
PRECISION = 0.15
# An interval needs some trials.
FEWEST_TRIALS = 10


def course(curve: Curve, size: int, index: int) -> list[tuple[float, float]]:
    """Return the steps so far and the width of the interval after every round."""
    rng = np.random.default_rng([zlib.crc32(curve.name.encode()), index])
    simulation = Simulation(curve, SEEDS, rng)
    search = make_search(
        "adaptive",
        dmax=curve.dmax,
        seeds=range(SEEDS),
        precision=PRECISION,
        max_trials=MOST_TRIALS,
        round_size=size,
    )
    trials: list[TrialOutcome] = []
    steps = []
    while pairs := search.next_round(trials):
        trials += simulation.run(pairs)
        if len(trials) >= FEWEST_TRIALS:
            width = estimate(trials, dmax=curve.dmax).relative_width
            steps.append((float(sum(trial.cost or 0 for trial in trials)), width))
    return steps


def reached(steps: list[tuple[float, float]], width: float) -> float | None:
    """Return the steps at the first interval that is as narrow as that."""
    return next((cost for cost, own in steps if own <= width), None)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--measurements", type=int, default=30, help="of each curve")
    options = parser.parse_args()
    keys = [(name, index) for name in CURVES for index in range(options.measurements)]
    courses = {
        size: [course(BY_NAME[name], size, index) for name, index in keys]
        for size in (ROUND_SIZE, *SIZES)
    }
    print_line("width", "trials of a round", "measurements", "steps / rounds of 5", "median")
    print_line(*["---"] * 5)
    for width in WIDTHS:
        for size in SIZES:
            costs = [
                (before, after)
                for own, other in zip(courses[ROUND_SIZE], courses[size], strict=True)
                if (before := reached(own, width)) and (after := reached(other, width))
            ]
            if not costs:
                continue
            pairs = np.array(costs)
            total = pairs[:, 1].sum() / pairs[:, 0].sum()
            median = np.median(pairs[:, 1] / pairs[:, 0])
            print_line(width, size, len(costs), f"{total:.2f}", f"{median:.2f}")


if __name__ == "__main__":
    main()
