"""Does the interval cover the truth, and what does a search save? On simulated measurements.

    python tests/benchmarks/calibration.py --measurements 2000 --seeds 5,10 --jobs 2
    python tests/benchmarks/calibration.py --economy 200 --jobs 2

Prints Markdown tables; figures that miss their target are marked with an exclamation mark.
Exit code 1 where one does.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import time
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

# Before numpy is imported: the processes share the cores, so each takes one thread.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np  # noqa: E402
from simulated import (  # noqa: E402
    CURVES,
    Curve,
    Simulation,
    grid_dims,
    least_cost_share,
    truth,
)

from rlid.dimension import Estimate, Trial, compare, estimate  # noqa: E402
from rlid.search import SEARCHES, Search, make_search  # noqa: E402

# The targets, and the success probability at dmax from which "> dmax" is a false answer.
LEAST_COVERAGE = 0.93
MOST_CENSORED = 0.01
MOST_ALARMS = 0.05
SOLVED_AT_DMAX = 0.9
# A solved run stops early: its cost as a share of an unsolved one's.
SOLVED_COST = 1.0 / 3.0
# Measurements that one job makes, and compares with each other in a ring.
CHUNK = 50
# Seeds of the grids that the economy is judged against, and that the adaptive search is offered.
GRID_SEEDS = 10
OFFERED_SEEDS = (10, 30)


@dataclass(frozen=True)
class Job:
    """Some measurements of one scenario."""

    curve: Curve
    kind: str
    seeds: int
    first: int
    count: int
    precision: float = 0.25
    max_trials: int | None = None
    is_compared: bool = True


@dataclass(frozen=True)
class Row:
    """What one measurement gave."""

    is_covered: bool
    width: float
    is_censored: bool
    is_alarm: bool
    trials: int
    cost: float
    d: float


def search_of(job: Job) -> Search:
    dims = grid_dims(job.curve.dmax) if job.kind == "grid" else None
    return make_search(
        job.kind,
        dmax=job.curve.dmax,
        dims=dims,
        seeds=range(job.seeds),
        precision=job.precision,
        max_trials=job.max_trials,
    )


def covers(answer: Estimate, known: int | None) -> bool:
    """Return whether the interval holds the truth; None stands for a truth above dmax."""
    value = answer.dmax + 1 if known is None else known
    is_above_low = answer.ci_low is None or answer.ci_low <= value
    return is_above_low and (answer.ci_high is None or value <= answer.ci_high)


def run(job: Job) -> list[Row]:
    """Measure, estimate, and compare each measurement with the next one of the same task."""
    dmax = job.curve.dmax
    name = zlib.crc32(job.curve.name.encode())
    runs: list[list[Trial]] = []
    for index in range(job.first, job.first + job.count):
        rng = np.random.default_rng([name, job.seeds, index])
        runs.append(Simulation(job.curve, job.seeds, rng).measure(search_of(job)))
    rows = []
    for index, trials in enumerate(runs):
        answer = estimate(trials, dmax=dmax)
        is_alarm = False
        if job.is_compared:
            other = runs[(index + 1) % len(runs)]
            is_alarm = compare(trials, other, dmax_a=dmax, dmax_b=dmax).verdict != "undecided"
        solved = sum(bool(trial.success) for trial in trials)
        rows.append(
            Row(
                is_covered=covers(answer, truth(job.curve)),
                width=answer.relative_width,
                is_censored=answer.censored,
                is_alarm=is_alarm,
                trials=len(trials),
                cost=len(trials) - solved * (1.0 - SOLVED_COST),
                d=dmax + 1 if answer.d_int90 is None else answer.d_int90,
            )
        )
    return rows


def measured(jobs: Iterable[Job], workers: int) -> Iterator[tuple[Job, list[Row]]]:
    """Return each job with its rows, in order."""
    todo = list(jobs)
    if workers == 1:
        yield from ((job, run(job)) for job in todo)
        return
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        yield from zip(todo, pool.map(run, todo), strict=True)


def marked(value: float, is_missed: bool) -> str:
    return f"{100 * value:.1f} %{' !' if is_missed else ''}"


def line(*cells: object) -> None:
    print("| " + " | ".join(str(cell) for cell in cells) + " |", flush=True)


def calibrate(
    curves: list[Curve], kinds: list[str], seeds: list[int], options: argparse.Namespace
) -> int:
    """Print the table of coverage; the number of missed targets."""
    line("curve", "search", "seeds", "truth", "P(dmax)", "covered", "width", "median d", "> dmax",
         "called different", "trials")  # fmt: skip
    line(*["---"] * 11)
    jobs = [
        Job(curve, kind, count, first, min(CHUNK, options.measurements - first))
        for curve in curves
        for kind in kinds
        for count in seeds
        for first in range(0, options.measurements, CHUNK)
    ]
    missed = 0
    gathered: dict[tuple[Curve, str, int], list[Row]] = defaultdict(list)
    for job, rows in measured(jobs, options.jobs):
        key = (job.curve, job.kind, job.seeds)
        gathered[key] += rows
        if len(gathered[key]) == options.measurements:
            missed += print_scenario(*key, gathered[key])
    return missed


def print_scenario(curve: Curve, kind: str, seeds: int, rows: list[Row]) -> int:
    """Print one line; the number of targets that it misses."""
    top = float(curve.marginal([curve.dmax])[0])
    covered = float(np.mean([row.is_covered for row in rows]))
    censored = float(np.mean([row.is_censored for row in rows]))
    alarms = float(np.mean([row.is_alarm for row in rows]))
    is_missed = (
        covered < LEAST_COVERAGE,
        censored >= MOST_CENSORED and top >= SOLVED_AT_DMAX,
        alarms > MOST_ALARMS,
    )
    line(
        curve.name,
        kind,
        seeds,
        truth(curve) or f"> {curve.dmax}",
        f"{top:.2f}",
        marked(covered, is_missed[0]),
        f"{np.median([row.width for row in rows]):.2f}",
        f"{np.median([row.d for row in rows]):.0f}",
        marked(censored, is_missed[1]),
        marked(alarms, is_missed[2]),
        f"{np.mean([row.trials for row in rows]):.0f}",
    )
    return sum(is_missed)


def economize(curves: list[Curve], options: argparse.Namespace) -> None:
    """Print what an adaptive search needs to be as precise as a full grid usually is."""
    line("curve", "grid width", "grid trials", "seeds offered", "adaptive trials", "as narrow",
         "covered", "trials / grid", "cost / grid", "least cost possible")  # fmt: skip
    line(*["---"] * 10)
    for curve in curves:
        if truth(curve) is None:
            continue
        grid = gather(Job(curve, "grid", GRID_SEEDS, 0, options.economy), options)
        width = float(np.median([row.width for row in grid]))
        cost = float(np.mean([row.cost for row in grid]))
        least = least_cost_share(curve, grid_dims(curve.dmax), SOLVED_COST)
        for offered in OFFERED_SEEDS:
            job = Job(
                curve,
                "adaptive",
                offered,
                0,
                options.economy,
                precision=max(width, 1e-6),
                max_trials=grid[0].trials,
            )
            rows = gather(job, options)
            line(
                curve.name,
                f"{width:.2f}",
                grid[0].trials,
                offered,
                f"{np.mean([row.trials for row in rows]):.0f}",
                f"{100 * np.mean([row.width <= width for row in rows]):.0f} %",
                f"{100 * np.mean([row.is_covered for row in rows]):.0f} %",
                f"{np.mean([row.trials for row in rows]) / grid[0].trials:.2f}",
                f"{np.mean([row.cost for row in rows]) / cost:.2f}",
                "-" if least is None else f"{least:.2f}",
            )


def gather(job: Job, options: argparse.Namespace) -> list[Row]:
    """Run one scenario on all workers."""
    parts = [
        Job(job.curve, job.kind, job.seeds, first, min(10, job.count - first),
            job.precision, job.max_trials, is_compared=False)
        for first in range(0, job.count, 10)
    ]  # fmt: skip
    return [row for _, rows in measured(parts, options.jobs) for row in rows]


def main() -> int:
    """Read the arguments and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--measurements", type=int, default=2000, help="in each scenario")
    parser.add_argument("--seeds", default="5,10", help="numbers of seeds, with commas")
    parser.add_argument("--search", default=",".join(SEARCHES), help="kinds, with commas")
    parser.add_argument("--curves", default="", help="only names that contain one of these")
    parser.add_argument("--economy", type=int, default=0, metavar="N", help="N measurements each")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    options = parser.parse_args()
    wanted = options.curves.split(",")
    curves = [curve for curve in CURVES if any(part in curve.name for part in wanted)]
    start = time.perf_counter()
    missed = 0
    if options.economy:
        economize(curves, options)
    else:
        seeds = [int(count) for count in options.seeds.split(",")]
        missed = calibrate(curves, options.search.split(","), seeds, options)
        print(f"\n{missed} targets missed")
    print(f"{time.perf_counter() - start:.0f} s", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
