"""Measures steps per second and peak memory of one trial, and extrapolates to a measurement.

python tests/benchmarks/one_trial.py humanoid --d 700 [--agent cmaes] [--steps 20000] [--trials 70]

--to PATH writes the validation scores of the trial to PATH.csv and PATH.svg.
"""

import argparse
import resource
import time
from pathlib import Path

import torch
from learning import LearningCurve, write

from rlid.measurement.plan import plan
from rlid.records.judgement import Judgement
from rlid.training.cell import run_trials


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("task")
    parser.add_argument("--d", type=int, required=True)
    parser.add_argument("--agent")
    parser.add_argument("--steps", type=int, default=20_000, help="search steps of the timed trial")
    parser.add_argument("--trials", type=int, default=70, help="trials of a measurement")
    parser.add_argument("--to", type=Path, help="path of the learning curve without a suffix")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    complete = plan(arguments.task, agent=arguments.agent, dmax=arguments.d)
    shortened = plan(
        arguments.task, agent=arguments.agent, dmax=arguments.d, budget=arguments.steps
    )
    spec = shortened.spec(arguments.d, 0, None)
    started, records = time.process_time(), []
    run_trials([spec], Judgement(), shortened.task, lambda record, z: records.append(record))
    (record,) = records
    rate = record.env_steps / (time.process_time() - started)
    # Linux gives kilobytes.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    hours = complete.task.budget / rate / 3600
    print(f"{shortened.title}, d = {arguments.d}")
    print(f"{record.env_steps:,} environment steps, {rate:,.0f} per CPU second, {record.status}")
    if record.score is not None:
        print(f"score {record.score:g} on {record.episodes} fresh episodes")
    print(f"peak memory {peak:,.0f} MiB")
    print(f"a budget of {complete.task.budget:,} steps: {hours:,.1f} hours of one core for a trial")
    days = arguments.trials * hours / 24
    print(f"{arguments.trials} trials to their full budgets: {days:,.1f} days")
    if arguments.to is not None:
        curve = LearningCurve(
            f"d = {arguments.d:,}", 0, record.status, list(record.curve), record.search_steps,
            record.seconds, record.score,
        )  # fmt: skip
        write([curve], shortened.title, shortened.task.floor, arguments.to)


if __name__ == "__main__":
    main()
