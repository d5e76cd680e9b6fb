"""Environment steps per second and peak memory of one trial, and what a measurement would take.

python tests/benchmarks/one_trial.py humanoid --d 700 [--agent cmaes] [--steps 20000] [--trials 70]

With --to PATH its validation scores become PATH.csv and PATH.svg.
"""

import argparse
import resource
import time
from pathlib import Path

import torch
from learning import Course, write

from rlid.measurement.plan import plan
from rlid.records.judgement import Judgement
from rlid.training.cell import run_trials


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("task")
    parser.add_argument("--d", type=int, required=True)
    parser.add_argument("--agent")
    parser.add_argument("--steps", type=int, default=20_000, help="of the search")
    parser.add_argument("--trials", type=int, default=70, help="of a whole measurement")
    parser.add_argument("--to", type=Path, help="path of the curve without an ending")
    given = parser.parse_args()
    torch.set_num_threads(1)
    own = plan(given.task, agent=given.agent, dmax=given.d)
    wanted = plan(given.task, agent=given.agent, dmax=given.d, budget=given.steps)
    spec = wanted.spec(given.d, 0, None)
    started, records = time.process_time(), []
    run_trials([spec], Judgement(), wanted.task, lambda record, z: records.append(record))
    (record,) = records
    rate = record.env_steps / (time.process_time() - started)
    # Linux counts in kilobytes.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    hours = own.task.budget / rate / 3600
    print(f"{wanted.title}, d = {given.d}")
    print(
        f"{record.env_steps:,} environment steps, {rate:,.0f} a processor second, {record.status}"
    )
    if record.score is not None:
        print(f"score {record.score:g} on {record.episodes} fresh episodes")
    print(f"peak memory {peak:,.0f} MiB")
    print(f"a budget of {own.task.budget:,} steps: {hours:,.1f} hours of one core for a trial")
    print(f"{given.trials} trials to their full budgets: {given.trials * hours / 24:,.1f} days")
    if given.to is not None:
        one = Course(
            f"d = {given.d:,}", 0, record.status, list(record.curve), record.search_steps,
            record.seconds, record.score,
        )  # fmt: skip
        write([one], wanted.title, wanted.task.floor, given.to)


if __name__ == "__main__":
    main()
