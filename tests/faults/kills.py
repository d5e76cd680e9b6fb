"""Kills workers and whole runs at random instants: python tests/faults/kills.py 200 100.

The numbers are how many workers and how many parents are killed by SIGKILL. Most are killed soon
after a record was added, so that every one has done some work; the others at any time. Whenever a
run ends, the next one measures further seeds. The records that stand are noted before each kill:
none may be lost or changed later, and at the end the store must equal that of unbroken runs, but
for timings.
"""

import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rlid.records.record import MISSING
from rlid.store import maintenance as upkeep
from rlid.store.store import Store

RLID = Path(sys.executable).parent / "rlid"
SEEDS, DIMS = 20, (2, 3, 4, 6)
"""Of one run, which thus has SEEDS * len(DIMS) trials."""
RUN = (
    f"run cartpole --dims {','.join(map(str, DIMS))} --search grid --seeds {SEEDS} --budget 20000 "
    "--jobs 2 --quiet --retry --timeout 600"
).split()
LONGEST_WAIT = 60.0
"""Seconds for a record to appear before the next kill."""


def main(workers: int, parents: int, seed: int = 0) -> None:
    rng = random.Random(seed)
    left = ["worker"] * workers + ["parent"] * parents
    rng.shuffle(left)
    folder = tempfile.mkdtemp(prefix="kills-")
    try:
        broken, whole = Path(folder, "broken"), Path(folder, "whole")
        noted: dict[Path, bytes] = {}
        runs = measured = 0
        while True:
            process = start(broken, measured)
            runs += 1
            while process.poll() is None:
                wait(process, broken, rng)
                note(broken, noted)
                victims = [process.pid] if left[-1:] == ["parent"] else workers_of(process.pid)
                if left and victims and process.poll() is None:
                    os.kill(rng.choice(victims), 9)
                    left.pop()
            assert process.returncode in (0, 1, -9), process.returncode
            measured += process.returncode == 0
            print(f"{len(left)} kills left, {measured} runs ended", file=sys.stderr, flush=True)
            if process.returncode == 0 and not left:
                break
        note(broken, noted)
        for number in range(measured):
            assert start(whole, number).wait() == 0
        expected, seen = results(whole), results(broken)
        assert seen == expected, [key for key in expected if expected[key] != seen.get(key)]
        assert len(expected) == measured * SEEDS * len(DIMS)
        leftovers = list(upkeep.examine(Store(broken)))
        assert all(each.remedy == "removed" for each in leftovers), leftovers
        print(
            f"{workers} workers and {parents} parents killed over {runs} runs: {len(seen)} "
            "records, none lost, none changed, none twice, equal to those of unbroken runs; "
            f"{len(leftovers)} half-written files"
        )
    except BaseException:
        print(f"the stores are in {folder}", file=sys.stderr)
        raise
    shutil.rmtree(folder)


def start(store: Path, number: int) -> subprocess.Popen:
    """Start the run that measures the `number`-th lot of seeds."""
    where = ["--seed", str(number * SEEDS), "--store", str(store)]
    return subprocess.Popen([str(RLID), *RUN, *where], stdout=subprocess.DEVNULL)


def wait(process: subprocess.Popen, store: Path, rng: random.Random) -> None:
    """Wait for a random instant, mostly one soon after a record was added."""
    if rng.random() < 0.3:
        time.sleep(rng.uniform(0, 2.5))
        return
    before, deadline = count(store), time.monotonic() + LONGEST_WAIT
    while process.poll() is None and count(store) == before and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(rng.uniform(0, 0.3))


def count(store: Path) -> int:
    return sum(1 for _ in store.glob("trials/*/*.json"))


def note(store: Path, noted: dict[Path, bytes]) -> None:
    """Hold what stands in the store against what stood there, except trials that had failed."""
    for path, data in noted.items():
        assert path.read_bytes() == data, path
    for path in store.glob("trials/*/*.json"):
        data = path.read_bytes()
        if path not in noted and not any(
            f'"status": "{status}"'.encode() in data for status in MISSING
        ):
            noted[path] = data


def workers_of(pid: int) -> list[int]:
    """Return the workers of a run: children of the child in which the command runs."""
    commands = pids(["-P", str(pid)])
    return pids(["-P", ",".join(map(str, commands)), "-f", "spawn_main"]) if commands else []


def pids(options: list[str]) -> list[int]:
    listed = subprocess.run(["pgrep", *options], capture_output=True)
    return [int(word) for word in listed.stdout.split()]


def results(store: Path) -> dict:
    return {each.key: each.model_dump(exclude={"seconds"}) for each in Store(store).records()}


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
