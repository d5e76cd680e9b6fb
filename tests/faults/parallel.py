"""Whether two workers of one run do the work of two runs: python tests/faults/parallel.py [ROUNDS].

One `--jobs 2` and, in turn, two `--jobs 1` at once do the same trials, start and end included.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rlid.store.store import Store

RLID = Path(sys.executable).parent / "rlid"
SEEDS = 16
RUN = ["run", "cartpole", "--dims", "4", "--search", "grid", "--full", "--budget", "200000"]
"""Of one or two workers; each runs its SEEDS trials in one cell."""


def rate(folder: Path, *runs: tuple[int, int, int]) -> float:
    """Return the steps a second of (jobs, first seed, seeds) runs that start at once."""
    commands = [
        [
            str(RLID),
            *RUN,
            "--jobs",
            str(jobs),
            "--seed",
            str(first),
            "--seeds",
            str(seeds),
            "--quiet",
        ]
        for jobs, first, seeds in runs
    ]
    started = time.perf_counter()
    running = [
        subprocess.Popen([*command, "--store", folder / str(n)], stdout=subprocess.DEVNULL)
        for n, command in enumerate(commands)
    ]
    assert [one.wait() for one in running] == [0] * len(runs)
    seconds = time.perf_counter() - started
    stores = (Store(folder / str(n)) for n in range(len(runs)))
    steps = sum(record.env_steps for store in stores for record in store.records())
    return steps / seconds


def main(rounds: int = 3) -> None:
    together, apart = [], []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            together.append(rate(Path(folder), (2, 0, 2 * SEEDS)))
        with tempfile.TemporaryDirectory() as folder:
            apart.append(rate(Path(folder), (1, 0, SEEDS), (1, SEEDS, SEEDS)))
    ratios = [a / b for a, b in zip(together, apart, strict=True)]
    print(
        f"--jobs 2: {statistics.median(together):,.0f} steps a second; two --jobs 1: "
        f"{statistics.median(apart):,.0f}; ratios {' '.join(f'{one:.2f}' for one in ratios)}"
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
