"""False alarms of `rlid check cartpole --max-dint 8`, and whether a blind policy ever passes.

python tests/benchmarks/alarms.py [--runs 50] [--blind 50] [--limit 8] [--jobs N] [--first 1000]

Every run has a fresh store and MAX_TRIALS seeds that no other run has. A blind run is the same
check on CartPole with an observation of zeros: whatever searches z, nothing can be learnt.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from rlid.engine import Place
from rlid.measurement.check import MAX_TRIALS, check
from rlid.measurement.plan import plan
from rlid.measurement.runner import Runner
from rlid.store.references import load, save

FIXTURES = Path(__file__).parents[1] / "fixtures"
TIMEOUT = 3600.0
"""Seconds. On a busy machine a trial may stand still for long."""
SPACING = 1000
"""Base seeds lie this far apart: a run takes MAX_TRIALS seeds from its own on."""
ALLOWED = 1 / 50
"""The largest share of false alarms that passes."""


def one_check(task, limit, seed, jobs, imports=(), reference=None):
    """Run one check in a fresh store and return its result and its seconds.

    `reference` replaces direct training on a task where that fails.
    """
    planned = plan(
        task, dims=[limit], seeds=MAX_TRIALS, seed=seed, search="grid", imports=list(imports)
    )
    with tempfile.TemporaryDirectory() as folder:
        if reference is not None:
            save(as_reference(reference, planned), Path(folder))
        started = time.monotonic()
        with Runner(planned, folder, place=Place(jobs=jobs), timeout=TIMEOUT) as runner:
            result = check(runner, limit)
        return result, time.monotonic() - started


def as_reference(known, planned):
    """Return CartPole's reference for the blind task, so that both have the same threshold."""
    fields = {
        "task": planned.task.name,
        "task_version": planned.task.version,
        "protocol": planned.task.protocol(),
        "backend": planned.task.backend,
    }
    return known.model_copy(update=fields)


def series(title, runs, expected, run):
    """Run a series of checks, print each, and return how many had an unexpected verdict."""
    alarms, seconds, trials = [], [], []
    for index in range(runs):
        result, took = run(index)
        seconds.append(took)
        trials.append(result.known)
        alarms += [index] if result.passes != expected else []
        print(f"{title} {index}: {result.sentence}; {took:.0f} s", flush=True)
    if runs:
        print(
            f"{title}: {len(alarms)} of {runs} checks {'failed' if expected else 'passed'}, "
            f"which they should not; median {statistics.median(trials):g} trials, "
            f"{statistics.median(seconds):.0f} s (most {max(seconds):.0f} s)",
            flush=True,
        )
    return len(alarms)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--blind", type=int, default=50)
    parser.add_argument("--limit", type=int, default=8)
    parser.add_argument("--jobs", type=int)
    parser.add_argument("--first", type=int, default=1000)
    given = parser.parse_args()
    assert MAX_TRIALS <= SPACING
    sys.path.insert(0, str(FIXTURES))
    os.environ["PYTHONPATH"] = str(FIXTURES)  # for the workers
    cartpole = plan("cartpole", dmax=1)
    reference = load(cartpole.task, cartpole.network.architecture.name, Path("none"))
    seeds = [given.first + SPACING * index for index in range(max(given.runs, given.blind))]
    alarms = series(
        "cartpole", given.runs, True,
        lambda i: one_check("cartpole", given.limit, seeds[i], given.jobs),
    )  # fmt: skip
    passed_blindly = series(
        "blind", given.blind, False,
        lambda i: one_check("blind", given.limit, seeds[i], given.jobs, ("blind",), reference),
    )  # fmt: skip
    sys.exit(alarms > ALLOWED * given.runs or passed_blindly > 0)


if __name__ == "__main__":
    main()
