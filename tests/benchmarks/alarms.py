"""How often `rlid check cartpole --max-dint 8` cries wolf, and whether a blind policy ever passes.

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
"""Seconds: on a machine that does other things as well, a trial may stand still for long."""
SPACING = 1000
"""Base seeds lie this far apart: a run takes MAX_TRIALS seeds from its own on."""
ALLOWED = 1 / 50
"""Share of false alarms that is put up with."""


def one_check(task, limit, seed, jobs, imports=(), reference=None):
    """One check in a store of its own; `reference` stands for direct training where that fails."""
    wanted = plan(
        task, dims=[limit], seeds=MAX_TRIALS, seed=seed, search="grid", imports=list(imports)
    )
    with tempfile.TemporaryDirectory() as folder:
        if reference is not None:
            save(as_reference(reference, wanted), Path(folder))
        started = time.monotonic()
        with Runner(wanted, folder, place=Place(jobs=jobs), timeout=TIMEOUT) as runner:
            found = check(runner, limit)
        return found, time.monotonic() - started


def as_reference(known, wanted):
    """CartPole's own reference, said of the blind task: it is judged by the same threshold."""
    fields = {
        "task": wanted.task.name,
        "task_version": wanted.task.version,
        "protocol": wanted.task.protocol(),
        "backend": wanted.task.backend,
    }
    return known.model_copy(update=fields)


def series(title, runs, expected, run):
    """Run a series of checks; print each, and how many said otherwise than expected."""
    alarms, seconds, trials = [], [], []
    for index in range(runs):
        found, took = run(index)
        seconds.append(took)
        trials.append(found.known)
        alarms += [index] if found.passes != expected else []
        print(f"{title} {index}: {found.sentence}; {took:.0f} s", flush=True)
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
