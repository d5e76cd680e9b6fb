"""Holds what `rlid run --dry-run` says against what the run then takes, for rows of many kinds.

Both are seconds of a core: those of the run are the processor time of all its processes, less that
of a run of one tiny trial, which is the time to start. Run it from the root of the project:

    python tests/benchmarks/predicted_cost.py [PATTERN]
"""

import resource
import shlex
import subprocess
import sys
import tempfile
from fnmatch import fnmatch
from pathlib import Path

from rlid.engine import Place
from rlid.leaderboard import peers
from rlid.measurement import cost_of, plan, precedents

RLID = Path(sys.executable).parent / "rlid"
ROWS = (
    {"task": "cartpole", "agent": "cmaes", "dmax": 20, "seeds": 5},
    {"task": "cartpole", "agent": "random", "dmax": 20, "seeds": 5, "budget": 100_000},
    {"task": "mountaincar_continuous", "agent": "cmaes", "dmax": 20, "seeds": 5},
    {"task": "acrobot", "agent": "cmaes", "dmax": 20, "seeds": 5, "budget": 100_000},
    {"task": "pendulum", "agent": "cmaes", "dmax": 40, "seeds": 5, "budget": 100_000},
    {"task": "inverted_pendulum", "agent": "openai_es", "dmax": 20, "seeds": 5},
    {"task": "cartpole", "agent": "ppo", "dmax": 64, "seeds": 5, "budget": 10_000},
    {"task": "cartpole", "agent": "batched_ppo", "dmax": 64, "seeds": 5, "budget": 50_000},
    {"task": "cartpole", "agent": "dqn", "dmax": 100, "seeds": 5, "budget": 4_000},
    {"task": "dials:2", "agent": "cmaes", "network": "linear", "dmax": 20, "seeds": 5},
    {"task": "digits", "agent": "adam", "dmax": 200, "seeds": 5},
    {"task": "reacher", "agent": "cmaes", "dmax": 40, "seeds": 5},
)
MOST_TRIALS = 15
"""Trials of a row, so that the check ends."""
TINY = {"budget": 64, "max_trials": 1, "seeds": 1}


def words(options):
    """Return a row as the words of `rlid run`."""
    named = {name: value for name, value in options.items() if name != "task"}
    flags = [text for name, value in named.items()
             for text in (f"--{name.replace('_', '-')}", str(value))]  # fmt: skip
    return ["run", options["task"], *flags, "--jobs", "1", "--quiet"]


def taken(options):
    """Return the seconds of a core that a run takes, and how many trials it ran."""
    with tempfile.TemporaryDirectory() as folder:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(
            [RLID, *words(options)], cwd=folder, check=False, capture_output=True, timeout=1800
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        trials = len(list(Path(folder).glob("rlid-store/trials/**/*.json")))
    return (after.ru_utime - before.ru_utime) + (after.ru_stime - before.ru_stime), trials


def main():
    """Print a line for each row: predicted and taken seconds, their ratio, and the trials."""
    pattern, within, rows = [*sys.argv[1:], "*"][0], 0, 0
    for row in ROWS:
        options = {**row, "max_trials": MOST_TRIALS}
        name = f"{row['task']}/{row['agent']}"
        if not fnmatch(name, pattern):
            continue
        known = {key: value for key, value in options.items() if key != "task"}
        published = peers.published_of_task(peers.published_folder(), row["task"])
        cost = cost_of(
            plan(row["task"], **known),
            tempfile.gettempdir(),
            Place(jobs=1),
            precedent_of=precedents(published),
        )
        start, _ = taken({**options, **TINY})
        seconds, trials = taken(options)
        ratio = cost.core_seconds[0] / max(0.1, seconds - start)
        rows, within = rows + 1, within + (0.5 <= ratio <= 2.0)
        print(
            f"{name:34} predicted {cost.core_seconds[0]:7.1f} s (90 %: {cost.core_seconds[1]:.1f}),"
            f" taken {seconds - start:7.1f} s: {ratio:5.2f} times; trials {cost.trials[0]:.0f} and "
            f"{trials}; {shlex.join(words(options))}",
            flush=True,
        )
    print(f"{within} of {rows} rows within a factor of two")


if __name__ == "__main__":
    main()
