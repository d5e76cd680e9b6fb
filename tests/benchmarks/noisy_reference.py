"""Does the interval cover where the reference itself was measured with a few noisy seeds?

    python tests/benchmarks/noisy_reference.py --measurements 300 --jobs 2 --out noisy.jsonl

A simulated trial has a score that rises with d, and it succeeds at nine tenths of the reference,
the median of a few noisy scores. The truth is the smallest d at which half of the trials succeed
by the median of infinitely many. Prints how often the interval covers it where the reference's
error is ignored and where it is part of the posterior. Finished parts are lines of the file given
by --out. Exit code 1 where the interval with the error covers in less than 93 %.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import astuple, dataclass
from functools import cache
from itertools import product
from multiprocessing import get_context
from pathlib import Path

# Before numpy is imported: the processes share the cores, so each takes one thread.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np  # noqa: E402
from calibration import LEAST_COVERAGE, covers, print_line, share  # noqa: E402
from scipy.special import ndtr, ndtri  # noqa: E402

from rlid.dimension import (  # noqa: E402
    TrialOutcome,
    estimate,
    make_search,
    reference_posterior,
)

# The scores: they rise from 0 to 1 around HALF, gradually (SCALE) and at another d for each seed
# (SPREAD), both in log d; a trial's own noise is NOISE.
HALF, SCALE, SPREAD, NOISE = 30.0, 0.5, 0.1, 0.02
DMAX = 300
SEEDS = 10
FRACTION = 0.9
CHUNK = 25


@dataclass(frozen=True)
class Job:
    """Some measurements: the number of reference scores, their noise (a share), the search."""

    references: int
    noise: float
    search: str
    first: int
    count: int


@cache
def truth() -> int:
    """Return the smallest d at which half of the trials reach nine tenths of the true reference."""
    seeds = ndtri((np.arange(2001) + 0.5) / 2001)
    dims = np.arange(1, DMAX + 1)
    steps = (np.log(dims / HALF)[:, None] - SPREAD * seeds) / SCALE
    chance = ndtr((1.0 / (1.0 + np.exp(-steps)) - FRACTION) / NOISE).mean(axis=1)
    return int(dims[np.flatnonzero(chance >= 0.5)[0]])


def measure(job: Job, index: int) -> tuple[bool, bool, float, float]:
    """Return whether the interval covers without and with the reference's error, and its widths."""
    rng = np.random.default_rng([job.references, round(1000 * job.noise), index])
    references = 1.0 + job.noise * rng.standard_normal(job.references)
    thresholds = math.log(HALF) + SPREAD * rng.standard_normal(SEEDS)
    bar = FRACTION * float(np.median(references))
    search = make_search(job.search, dmax=DMAX, seeds=range(SEEDS))
    trials: list[TrialOutcome] = []
    while pairs := search.next_round(trials):
        for d, seed in pairs:
            mean = 1.0 / (1.0 + math.exp((thresholds[seed] - math.log(d)) / SCALE))
            score = mean + NOISE * float(rng.standard_normal())
            trials.append(TrialOutcome(d, seed, score >= bar, score))
    draws, weights = reference_posterior(references.tolist())
    alternatives = [
        (weight, [judged(trial, FRACTION * draw) for trial in trials])
        for draw, weight in zip(draws, weights, strict=True)
    ]
    ignoring = estimate(trials, dmax=DMAX)
    mixing = estimate(trials, dmax=DMAX, alternatives=alternatives)
    return (
        covers(ignoring, truth()),
        covers(mixing, truth()),
        ignoring.relative_width,
        mixing.relative_width,
    )


def judged(trial: TrialOutcome, bar: float) -> TrialOutcome:
    """Return the trial as it comes out by another threshold."""
    assert trial.score is not None
    return TrialOutcome(trial.d, trial.seed, trial.score >= bar, trial.score)


def run(job: Job) -> list[tuple[bool, bool, float, float]]:
    return [measure(job, index) for index in range(job.first, job.first + job.count)]


def stored(path: Path | None) -> dict[Job, list[tuple[bool, bool, float, float]]]:
    """Return the finished jobs of a file."""
    lines = path.read_text().splitlines() if path and path.exists() else []
    parts = [json.loads(line) for line in lines]
    return {Job(*part["job"]): [tuple(row) for row in part["rows"]] for part in parts}


def main() -> int:
    """Read the arguments, measure what is not there yet, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--measurements", type=int, default=300, help="in each scenario")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--out", type=Path, help="file of finished parts")
    options = parser.parse_args()
    scenarios = list(product((3, 5), (0.05, 0.1), ("adaptive", "bisect")))
    jobs = [
        Job(references, noise, kind, first, min(CHUNK, options.measurements - first))
        for first in range(0, options.measurements, CHUNK)
        for references, noise, kind in scenarios
    ]
    done = {job: rows for job, rows in stored(options.out).items() if job in set(jobs)}
    todo = [job for job in jobs if job not in done]
    with ProcessPoolExecutor(options.jobs, get_context("spawn")) as pool:
        for job, rows in zip(todo, pool.map(run, todo), strict=True):
            done[job] = rows
            if options.out:
                with options.out.open("a") as out:
                    out.write(json.dumps({"job": astuple(job), "rows": rows}) + "\n")
    print_line("references", "noise", "search", "measured", "covered, error ignored", "width",
               "covered, error mixed in", "width")  # fmt: skip
    print_line(*["---"] * 8)
    missed = 0
    for scenario in scenarios:
        rows = [
            row
            for job in jobs
            if (job.references, job.noise, job.search) == scenario
            for row in done[job]
        ]
        is_missed = bool(np.mean([row[1] for row in rows]) < LEAST_COVERAGE)
        missed += is_missed
        print_line(
            scenario[0],
            f"{100 * scenario[1]:.0f} %",
            scenario[2],
            len(rows),
            share([row[0] for row in rows], is_missed=False),
            f"{np.median([row[2] for row in rows]):.2f}",
            share([row[1] for row in rows], is_missed),
            f"{np.median([row[3] for row in rows]):.2f}",
        )
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
