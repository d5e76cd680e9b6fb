"""Kills workers and whole runs at random instants: python tests/faults/kills.py 200 100.

The numbers are how many workers and how many parents are killed by SIGKILL. Before each kill the
records that stand are noted: none may be lost or changed later, and at the end the store must equal
that of an unbroken run, but for timings.
"""

import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rlid import upkeep
from rlid.store import Store

RLID = Path(sys.executable).parent / "rlid"
SEEDS = 40
RUN = (
    f"run cartpole --dims 2,3,4,6 --search grid --seeds {SEEDS} --budget 20000 --jobs 2 --quiet "
    "--retry"
).split()


def main(workers: int, parents: int, seed: int = 0) -> None:
    rng = random.Random(seed)
    left = ["worker"] * workers + ["parent"] * parents
    rng.shuffle(left)
    with tempfile.TemporaryDirectory() as folder:
        broken, whole = Path(folder, "broken"), Path(folder, "whole")
        noted: dict[Path, bytes] = {}
        runs = 0
        while True:
            process = start(broken)
            runs += 1
            while process.poll() is None:
                time.sleep(rng.uniform(0.2, 2.5))
                note(broken, noted)
                victims = [process.pid] if left[-1:] == ["parent"] else children(process.pid)
                if left and victims and process.poll() is None:
                    os.kill(rng.choice(victims), 9)
                    left.pop()
            if process.returncode == 0:
                break
            assert process.returncode in (1, -9), process.returncode
        note(broken, noted)
        assert start(whole).wait() == 0
        one, two = results(whole), results(broken)
        assert one == two, [key for key in one if one[key] != two.get(key)]
        leftovers = list(upkeep.examine(Store(broken)))
        assert all(one.remedy == "removed" for one in leftovers), leftovers
        print(
            f"{workers - left.count('worker')} workers and {parents - left.count('parent')} "
            f"parents killed over {runs} runs: {len(two)} records, none lost, none changed, none "
            f"twice, equal to those of an unbroken run; {len(leftovers)} half-written files"
        )


def start(store: Path) -> subprocess.Popen:
    return subprocess.Popen([str(RLID), *RUN, "--store", str(store)], stdout=subprocess.DEVNULL)


def note(store: Path, noted: dict[Path, bytes]) -> None:
    """Hold what stands in the store against what stood there, except trials that had failed."""
    for path, data in noted.items():
        assert path.read_bytes() == data, path
    for path in store.glob("trials/*/*.json"):
        data = path.read_bytes()
        if path not in noted and b'"status": "error"' not in data:
            noted[path] = data


def children(pid: int) -> list[int]:
    found = subprocess.run(["pgrep", "-P", str(pid), "-f", "spawn_main"], capture_output=True)
    return [int(word) for word in found.stdout.split()]


def results(store: Path) -> dict:
    return {one.key: one.model_dump(exclude={"seconds"}) for one in Store(store).records()}


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
