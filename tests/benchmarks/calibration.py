"""Does the interval cover the truth? On simulated measurements with known success curves.

    python tests/benchmarks/calibration.py --measurements 2000 --jobs 2 --out rows.jsonl

Prints a Markdown table; figures that miss their target are marked with an exclamation mark. Every
finished part is a line of the file given by --out, so that the same command resumes an interrupted
run; --report prints the table of the finished parts. Exit code 1 where a target is missed.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import time
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

# Before numpy is imported: the processes share the cores, so each takes one thread.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np  # noqa: E402
from simulated import CURVES, Curve, Simulation, grid_dims, truth  # noqa: E402

from rlid.dimension import Estimate, Search, compare, estimate, make_search  # noqa: E402
from rlid.dimension.search import BATCH_ROUND_SIZE, ROUND_SIZE  # noqa: E402

# The targets, and the success probability at dmax from which "> dmax" is a false answer.
LEAST_COVERAGE = 0.93
MOST_CENSORED = 0.01
MOST_ALARMS = 0.05
SOLVED_AT_DMAX = 0.9
# The relative width at which the adaptive search stops: that of `rlid run`.
PRECISION = 0.25
# The searches: a name for the table, the kind, the most trials, and the trials of a round.
SEARCHES_RUN: dict[str, tuple[str, int | None, int]] = {
    "adaptive": ("adaptive", None, ROUND_SIZE),
    "adaptive 10 a round": ("adaptive", None, BATCH_ROUND_SIZE),
    "adaptive 15": ("adaptive", 15, ROUND_SIZE),
    "bisect": ("bisect", None, ROUND_SIZE),
    "grid": ("grid", None, ROUND_SIZE),
}
# Measurements that one job makes, and compares with each other in a ring.
CHUNK = 50
BY_NAME = {curve.name: curve for curve in CURVES}


@dataclass(frozen=True)
class Job:
    """Some measurements of one scenario: a curve's name, a search, a number of seeds."""

    curve: str
    search: str
    seeds: int
    first: int
    count: int
    precision: float = PRECISION


@dataclass(frozen=True)
class Row:
    """The result of one measurement.

    Widths are relative to d_int90, -1 where the interval is open; `flat_width` and
    `is_flat_covered` are of the flat prior, `is_reliable_covered` is of d_reliable.
    """

    is_covered: bool
    is_flat_covered: bool
    is_reliable_covered: bool
    width: float
    flat_width: float
    is_censored: bool
    is_alarm: bool
    trials: int
    d: int


def search_of(curve: Curve, job: Job) -> Search:
    kind, most, size = SEARCHES_RUN[job.search]
    return make_search(
        kind,
        dmax=curve.dmax,
        dims=grid_dims(curve.dmax) if kind == "grid" else None,
        seeds=range(job.seeds),
        precision=job.precision,
        max_trials=most,
        round_size=size,
    )


def holds(low: int | None, high: int | None, known: int | None, dmax: int) -> bool:
    """Return whether an interval holds the truth; None stands for an open end or truth."""
    value = dmax + 1 if known is None else known
    return (low is None or low <= value) and (high is None or value <= high)


def covers(answer: Estimate, known: int | None) -> bool:
    """Return whether the interval of d_int90 holds the truth."""
    return holds(answer.ci_low, answer.ci_high, known, answer.dmax)


def width(low: int | None, high: int | None, d: int | None) -> float:
    """Return the width of an interval over d, -1 where it is open."""
    return -1.0 if low is None or high is None or d is None else (high - low) / d


def run(job: Job) -> list[Row]:
    """Measure, estimate, and compare each measurement with the next one of the same task."""
    curve = BY_NAME[job.curve]
    runs = []
    for index in range(job.first, job.first + job.count):
        rng = np.random.default_rng([zlib.crc32(job.curve.encode()), job.seeds, index])
        search = search_of(curve, job)
        runs.append(Simulation(curve, job.seeds, rng).measure(search))
    rows = []
    for trials, other in zip(runs, [*runs[1:], runs[0]], strict=True):
        answer = estimate(trials, dmax=curve.dmax)
        verdict = compare(trials, other, dmax_a=curve.dmax, dmax_b=curve.dmax).verdict
        rows.append(
            Row(
                is_covered=covers(answer, truth(curve)),
                is_flat_covered=holds(answer.flat_low, answer.flat_high, truth(curve), curve.dmax),
                is_reliable_covered=holds(
                    answer.reliable_low, answer.reliable_high, truth(curve, 0.9), curve.dmax
                ),
                width=width(answer.ci_low, answer.ci_high, answer.d_int90),
                flat_width=width(answer.flat_low, answer.flat_high, answer.d_int90),
                is_censored=answer.censored,
                is_alarm=verdict != "undecided",
                trials=len(trials),
                d=curve.dmax + 1 if answer.d_int90 is None else answer.d_int90,
            )
        )
    return rows


def measured(jobs: Sequence[Job], workers: int) -> Iterator[tuple[Job, list[Row]]]:
    """Return each job with its rows, in order."""
    if workers == 1:
        yield from ((job, run(job)) for job in jobs)
        return
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        yield from zip(jobs, pool.map(run, jobs), strict=True)


def stored(path: Path | None) -> dict[Job, list[Row]]:
    """Return the finished jobs of a file; a line torn by an interruption is passed over."""
    finished: dict[Job, list[Row]] = {}
    for text in path.read_text().splitlines() if path and path.exists() else []:
        try:
            line = json.loads(text)
        except ValueError:
            continue
        finished[Job(**line["job"])] = [Row(*row) for row in line["rows"]]
    return finished


def kept(path: Path, job: Job, rows: Iterable[Row]) -> None:
    """Append a finished job to the file."""
    line = {"job": asdict(job), "rows": [list(asdict(row).values()) for row in rows]}
    with path.open("a") as out:
        out.write(json.dumps(line) + "\n")


def share(values: Sequence[bool], is_missed: bool) -> str:
    """Return a share with its standard error, marked where it misses its target."""
    mean = float(np.mean(values))
    error = (mean * (1.0 - mean) / len(values)) ** 0.5
    return f"{100 * mean:.1f} ± {100 * error:.1f} %{' !' if is_missed else ''}"


def print_line(*cells: object) -> None:
    print("| " + " | ".join(str(cell) for cell in cells) + " |", flush=True)


def report(done: dict[Job, list[Row]]) -> int:
    """Print the table; the number of missed targets."""
    gathered: dict[tuple[str, str, int], list[Row]] = defaultdict(list)
    for job, rows in done.items():
        gathered[job.curve, job.search, job.seeds] += rows
    print_line("curve", "search", "seeds", "measured", "truth", "P(dmax)", "covered", "width",
               "flat: covered", "width", "d_reliable covered", "median d", "> dmax",
               "called different", "trials")  # fmt: skip
    print_line(*["---"] * 15)
    order = {name: position for position, name in enumerate(BY_NAME)}
    missed = 0
    for key in sorted(gathered, key=lambda key: (order[key[0]], key[1:])):
        missed += print_scenario(BY_NAME[key[0]], key[1], key[2], gathered[key])
    total = sum(len(rows) for rows in gathered.values())
    print(f"\n{total} measurements in {len(gathered)} scenarios, {missed} targets missed")
    return missed


def print_scenario(curve: Curve, kind: str, seeds: int, rows: list[Row]) -> int:
    """Print one line; the number of targets that it misses."""
    top = float(curve.marginal([curve.dmax])[0])
    covered, censored, alarms = (
        [getattr(row, name) for row in rows] for name in ("is_covered", "is_censored", "is_alarm")
    )
    is_missed = (
        np.mean(covered) < LEAST_COVERAGE,
        np.mean(censored) >= MOST_CENSORED and top >= SOLVED_AT_DMAX,
        np.mean(alarms) > MOST_ALARMS,
    )
    print_line(
        curve.name,
        kind,
        seeds,
        len(rows),
        truth(curve) or f"> {curve.dmax}",
        f"{top:.2f}",
        share(covered, bool(is_missed[0])),
        f"{median_width([row.width for row in rows]):.2f}",
        f"{100 * np.mean([row.is_flat_covered for row in rows]):.0f} %",
        f"{median_width([row.flat_width for row in rows]):.2f}",
        f"{100 * np.mean([row.is_reliable_covered for row in rows]):.0f} %",
        f"{np.median([row.d for row in rows]):.0f}",
        share(censored, bool(is_missed[1])),
        share(alarms, bool(is_missed[2])),
        f"{np.mean([row.trials for row in rows]):.0f}",
    )
    return sum(bool(miss) for miss in is_missed)


def median_width(widths: Sequence[float]) -> float:
    """Return the median width; open intervals are the widest."""
    return float(np.median([np.inf if value < 0 else value for value in widths]))


def main() -> int:
    """Read the arguments, measure what is not there yet, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--measurements", type=int, default=2000, help="in each scenario")
    parser.add_argument("--seeds", default="5,10", help="numbers of seeds, with commas")
    parser.add_argument("--search", default=",".join(SEARCHES_RUN), help="kinds, with commas")
    parser.add_argument("--curves", default="", help="only names that contain one of these")
    parser.add_argument("--precision", type=float, default=PRECISION, help="asked of adaptive")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--out", type=Path, help="file of finished parts")
    parser.add_argument("--report", action="store_true", help="measure nothing")
    options = parser.parse_args()
    # A part of every scenario before the next part of any, so that the table is even at any time.
    jobs = [
        Job(
            curve,
            kind,
            int(seeds),
            first,
            min(CHUNK, options.measurements - first),
            options.precision,
        )
        for first in range(0, options.measurements, CHUNK)
        for curve in BY_NAME
        if any(part in curve for part in options.curves.split(","))
        for kind in options.search.split(",")
        for seeds in options.seeds.split(",")
    ]
    done = {job: rows for job, rows in stored(options.out).items() if job in set(jobs)}
    start = time.perf_counter()
    todo = [] if options.report else [job for job in jobs if job not in done]
    for job, rows in measured(todo, options.jobs):
        done[job] = rows
        if options.out:
            kept(options.out, job, rows)
    missed = report(done)
    print(f"{time.perf_counter() - start:.0f} s", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
