"""What an adaptive search spends to be as precise as a full grid of ten seeds.

    python tests/benchmarks/economy.py --measurements 100 --out economy.jsonl
    python tests/benchmarks/economy.py --store rlid-store --task cartpole

The first form uses simulated tasks. The second replays the searches on the recorded trials of a
task, of which the store must hold a grid of 20, 30, ... seeds; costs are environment steps.

Columns: the median width of the grid's interval; the seeds that the adaptive search may use; the
trials it asks until its interval is as narrow, and how often that happens before it stops by
itself; how often its interval then covers the truth; its cost, where it gave up too, over that of
the grid, whose trials stop when they have solved the task; its cost over that of a grid whose
trials run to the end of the budget, as the protocol of 2018 and a curve of scores need it. The
bounds are the least shares that a choice of trials could reach which knows the curve beforehand
(see bound.py). With --known those very trials are asked, five more at a time and each with a seed
of its own, until the interval, which does not know the curve, is as narrow as the grid's.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np  # noqa: E402
from bound import allocation, bound  # noqa: E402
from calibration import covers, print_line  # noqa: E402
from simulated import BUDGET, CURVES, SOLVED_COST, Curve, Simulation, grid_dims, truth  # noqa: E402

from rlid.dimension import TrialOutcome, estimate  # noqa: E402
from rlid.dimension.search import ROUND_SIZE, Search, make_search  # noqa: E402
from rlid.measurement.summary import as_trial  # noqa: E402
from rlid.store.store import Store  # noqa: E402

GRID_SEEDS = 10
OFFERED_SEEDS = "10,30,100"
# With --known every trial has a seed of its own: there are at least so many.
FRESH_SEEDS = 400
# Grids that the width to be reached is the median of.
GRIDS = 20

Run = Callable[[Sequence[tuple[int, int]]], list[TrialOutcome]]


@dataclass(frozen=True)
class Spent:
    """What one adaptive measurement took: costs in units of an unsolved trial, or in steps."""

    trials: int
    cost: float
    is_narrow: bool
    is_covered: bool


def cost_of(trials: Sequence[TrialOutcome]) -> float:
    """Return what trials cost in environment steps."""
    return float(sum(trial.cost or 0 for trial in trials))


def reach(
    run: Run, width: float, dmax: int, seeds: Sequence[int], known: int | None, size: int
) -> Spent:
    """Let the adaptive search go on until its interval is as narrow as `width`."""
    limit = len(grid_dims(dmax)) * GRID_SEEDS
    search: Search = make_search(
        "adaptive",
        dmax=dmax,
        seeds=seeds,
        precision=max(width, 1e-6),
        max_trials=limit,
        round_size=size,
    )
    trials: list[TrialOutcome] = []
    while pairs := search.next_round(trials):
        trials += run(pairs)
    answer = estimate(trials, dmax=dmax)
    is_narrow = answer.relative_width <= width
    return Spent(len(trials), cost_of(trials), is_narrow, covers(answer, known))


def simulated_grids(curve: Curve) -> tuple[float, float]:
    """Return the median width and the mean cost of full grids."""
    widths, costs = [], []
    dims = grid_dims(curve.dmax)
    for index in range(GRIDS):
        simulation = Simulation(curve, GRID_SEEDS, generator(curve, GRID_SEEDS, index, 0))
        trials = simulation.run([(d, seed) for d in dims for seed in range(GRID_SEEDS)])
        widths.append(estimate(trials, dmax=curve.dmax).relative_width)
        costs.append(cost_of(trials))
    return float(np.median(widths)), float(np.mean(costs))


def generator(curve: Curve, *numbers: int) -> np.random.Generator:
    """Return the generator of one simulated measurement."""
    return np.random.default_rng([zlib.crc32(curve.name.encode()), *numbers])


def simulate(curves: Sequence[Curve], options: argparse.Namespace) -> None:
    """Print the table of the simulated tasks."""
    print_line("curve", "grid width", "grid trials", "seeds offered", "measured", "trials",
               "as narrow", "covered", "cost / grid", "bound", "cost / full grid", "bound",
               )  # fmt: skip
    print_line(*["---"] * 12)
    done = dict(_stored(options.out))
    for curve in curves:
        if truth(curve) is None:
            continue
        dims = grid_dims(curve.dmax)
        width, grid_cost = simulated_grids(curve)
        unsolved_cost = float(BUDGET)
        full_cost = unsolved_cost * len(dims) * GRID_SEEDS
        bounds = [bound(curve, dims, SOLVED_COST, share) for share in (SOLVED_COST, 1.0)]
        for offered in options.offered:
            rows = []
            for index in range(options.measurements):
                key = (curve.name, offered, index)
                if key not in done:
                    simulation = Simulation(curve, offered, generator(curve, offered, index, 1))
                    done[key] = reach(
                        simulation.run,
                        width,
                        curve.dmax,
                        range(offered),
                        truth(curve),
                        options.round_size,
                    )
                    _keep(options.out, key, done[key])
                rows.append(done[key])
            cost = float(np.mean([row.cost for row in rows]))
            print_line(
                curve.name,
                f"{width:.2f}",
                len(dims) * GRID_SEEDS,
                offered,
                len(rows),
                f"{np.mean([row.trials for row in rows]):.0f}",
                f"{100 * np.mean([row.is_narrow for row in rows]):.0f} %",
                f"{100 * np.mean([row.is_covered for row in rows]):.0f} %",
                f"{cost / grid_cost:.2f}",
                "-" if bounds[0] is None else f"{bounds[0]:.2f}",
                f"{cost / full_cost:.2f}",
                "-" if bounds[1] is None else f"{bounds[1]:.2f}",
            )


def simulate_known(curves: Sequence[Curve], measurements: int) -> None:
    """Print what the trials of the bound cost until the interval is narrow; at most a grid's."""
    print_line("curve", "d", "measured", "as narrow", "cost / grid", "bound")
    print_line(*["---"] * 6)
    for curve in curves:
        dims = grid_dims(curve.dmax)
        least = None if truth(curve) is None else bound(curve, dims, SOLVED_COST, SOLVED_COST)
        if least is None:
            continue
        width, grid_cost = simulated_grids(curve)
        shares = allocation(curve, SOLVED_COST)
        levels, weights = list(shares), np.array(list(shares.values()))
        costs, is_narrow = [], []
        for index in range(measurements):
            seeds = max(FRESH_SEEDS, len(dims) * GRID_SEEDS)
            simulation = Simulation(curve, seeds, generator(curve, 77, index, 3))
            trials: list[TrialOutcome] = []
            counts = np.zeros(len(levels))
            while len(trials) < len(dims) * GRID_SEEDS:
                pairs = []
                for seed in range(len(trials), len(trials) + 5):
                    level = int(np.argmax(weights * (seed + 1) - counts))
                    counts[level] += 1
                    pairs.append((levels[level], seed))
                trials += simulation.run(pairs)
                if len(trials) >= 10 and estimate(trials, dmax=curve.dmax).relative_width <= width:
                    break
            costs.append(cost_of(trials))
            is_narrow.append(estimate(trials, dmax=curve.dmax).relative_width <= width)
        used = [str(d) for d, share in shares.items() if share > 0.05]
        reached = f"{100 * np.mean(is_narrow):.0f} %"
        ratio = f"{np.mean(costs) / grid_cost:.2f}"
        print_line(curve.name, ", ".join(used), measurements, reached, ratio, f"{least:.2f}")


def _stored(path: Path | None) -> Iterator[tuple[tuple[str, int, int], Spent]]:
    for text in path.read_text().splitlines() if path and path.exists() else []:
        name, offered, index, *spent = json.loads(text)
        yield (name, offered, index), Spent(*spent)


def _keep(path: Path | None, key: tuple[str, int, int], spent: Spent) -> None:
    if path:
        with path.open("a") as out:
            out.write(json.dumps([*key, *astuple(spent)]) + "\n")


def replay(options: argparse.Namespace) -> None:
    """Print what the search takes on recorded trials, for each ten of their seeds."""
    by_fullness: dict[bool, dict[tuple[int, int], TrialOutcome]] = {True: {}, False: {}}
    for record in Store(options.store).records(options.task):
        spec = record.spec
        if spec.agent == options.agent and record.dmax >= spec.d:
            by_fullness[spec.stop_score is None][spec.d, spec.seed] = as_trial(record)
    stopped, full = by_fullness[False], by_fullness[True]
    dims = sorted({d for d, _ in stopped})
    seeds = sorted({s for _, s in stopped if all((d, s) in stopped for d in dims)})
    print(f"{len(dims)} d from {dims[0]} to {dims[-1]}, {len(seeds)} seeds with every d")
    print_line("seeds of the grid", "grid", "grid steps", "full grid steps", "seeds offered",
               "adaptive", "trials", "steps", "steps / grid", "steps / full grid")  # fmt: skip
    print_line(*["---"] * 10)
    for first in range(0, len(seeds) - GRID_SEEDS + 1, GRID_SEEDS):
        ten = seeds[first : first + GRID_SEEDS]
        grid = [stopped[d, seed] for d in dims for seed in ten]
        all_full = [full.get((d, seed)) for d in dims for seed in ten]
        full_cost = cost_of([t for t in all_full if t]) if all(all_full) else None
        target = estimate(grid, dmax=dims[-1])
        for offered in options.offered:
            chosen = (seeds[first:] + seeds[:first])[:offered]
            if len(chosen) < offered:
                continue
            trials: list[TrialOutcome] = []

            def run(
                pairs: Sequence[tuple[int, int]], trials: list[TrialOutcome] = trials
            ) -> list[TrialOutcome]:
                trials += [stopped[pair] for pair in pairs]
                return [stopped[pair] for pair in pairs]

            spent = reach(run, target.relative_width, dims[-1], chosen, None, options.round_size)
            answer = estimate(trials, dmax=dims[-1])
            print_line(
                f"{ten[0]}-{ten[-1]}",
                f"{target.d_int90} ({target.ci_low}-{target.ci_high})",
                f"{cost_of(grid):,.0f}",
                "-" if full_cost is None else f"{full_cost:,.0f}",
                offered,
                f"{answer.d_int90} ({answer.ci_low}-{answer.ci_high})",
                spent.trials,
                f"{spent.cost:,.0f}",
                f"{spent.cost / cost_of(grid):.2f}",
                "-" if full_cost is None else f"{spent.cost / full_cost:.2f}",
            )


def main() -> int:
    """Read the arguments and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--measurements", type=int, default=100, help="of each curve")
    parser.add_argument("--curves", default="", help="only names that contain one of these")
    parser.add_argument("--offered", default=OFFERED_SEEDS, help="numbers of seeds, with commas")
    parser.add_argument("--round-size", type=int, default=ROUND_SIZE, help="trials of a round")
    parser.add_argument("--known", action="store_true", help="ask the trials of the bound")
    parser.add_argument("--out", type=Path, help="file of finished measurements")
    parser.add_argument("--store", type=Path, help="replay the trials of this store")
    parser.add_argument("--task", default="cartpole")
    parser.add_argument("--agent", default="cmaes")
    options = parser.parse_args()
    options.offered = [int(seeds) for seeds in options.offered.split(",")]
    if options.store:
        replay(options)
        return 0
    wanted = options.curves.split(",")
    curves = [curve for curve in CURVES if any(part in curve.name for part in wanted)]
    if options.known:
        simulate_known(curves, options.measurements)
    else:
        simulate(curves, options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
