"""Does `further_trials` say how many trials halve the interval?

    python tests/benchmarks/halving.py --measurements 20

On simulated tasks the adaptive search runs to --trials trials, and then on until its interval is
half as wide. Prints the median of the trials that this took, of those predicted, and their ratio.
"""

from __future__ import annotations

import argparse
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np  # noqa: E402
from calibration import BY_NAME, print_line  # noqa: E402
from simulated import Curve, Simulation  # noqa: E402

from rlid.dimension import TrialOutcome, estimate, make_search  # noqa: E402

CURVES = ("both 1000", "medium 1000", "seeds 1000", "never 0.1 100", "plateau 0.7 100")
SEEDS = 100
MOST_TRIALS = 600


def measure(curve: Curve, index: int, first: int) -> tuple[int, int] | None:
    """Return the further trials predicted and those it took; None where it took too many."""
    simulation = Simulation(curve, SEEDS, np.random.default_rng(index))
    search = make_search(
        "adaptive", dmax=curve.dmax, seeds=range(SEEDS), precision=1e-6, max_trials=MOST_TRIALS
    )
    trials: list[TrialOutcome] = []
    start: tuple[int, int, int] | None = None
    while pairs := search.next_round(trials):
        trials += simulation.run(pairs)
        answer = estimate(trials, dmax=curve.dmax)
        if answer.ci_low is None or answer.ci_high is None:
            continue
        width = answer.ci_high - answer.ci_low
        if start is None and len(trials) >= first and answer.further_trials:
            start = len(trials), width, answer.further_trials
        if start is not None and 2 * width <= start[1]:
            return start[2], len(trials) - start[0]
    return None


def main() -> None:
    """Read the arguments and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--measurements", type=int, default=20, help="of each curve")
    parser.add_argument("--trials", type=int, default=25, help="before the prediction")
    options = parser.parse_args()
    print_line("curve", "trials", "measured", "predicted", "taken", "taken / predicted")
    print_line(*["---"] * 6)
    for name in CURVES:
        runs = [
            measure(BY_NAME[name], index, options.trials) for index in range(options.measurements)
        ]
        pairs = np.asarray([run for run in runs if run is not None])
        predicted, taken = np.median(pairs, axis=0)
        ratio = np.median(pairs[:, 1] / pairs[:, 0])
        print_line(
            name, options.trials, len(pairs), f"{predicted:.0f}", f"{taken:.0f}", f"{ratio:.1f}"
        )


if __name__ == "__main__":
    main()
