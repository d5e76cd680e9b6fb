"""Processes that share a store while it is repaired, and without hard links.

    python tests/faults/together.py [WRITES [PAIRS]]

Four processes write WRITES records (2,000) while a fifth repairs the store in a loop: none may be
lost, and no writer may see an error. Then two processes write PAIRS records (300) of the same specs
at once, each with results of its own, under a preloaded library that refuses every hard link: one
record of each spec stands, and both processes were told which.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "fixtures"))

import numpy as np
from records import a_record, a_spec

from rlid.store import Leases, Store, maintenance

WRITERS = 4
SHIM = """
#include <errno.h>
int link(const char *a, const char *b) { errno = EPERM; return -1; }
int linkat(int i, const char *a, int j, const char *b, int f) { errno = EPERM; return -1; }
"""


def write(folder, first, count):
    """Write records with z, each under a lease, as workers do."""
    store, leases = Store(folder), Leases(folder)
    for seed in range(first, first + count):
        spec = a_spec(seed=seed)
        assert leases.take(spec.key)
        store.add(a_record(spec=spec), np.full(3, seed, np.float32))
        leases.release(spec.key, done=True)
    leases.close()


def claim(folder, score, count):
    """Add a record of every spec with a score of one's own; print the scores that stand."""
    store, stand = Store(folder), []
    try:
        os.link(__file__, Path(folder, "linked"))
    except PermissionError:
        pass
    else:
        raise SystemExit("the library that refuses links is not loaded")
    for seed in range(count):
        while time.time() * 50 % 1 > 0.1:  # both begin a spec at nearly the same time
            time.sleep(0.0002)
        record = a_record(spec=a_spec(seed=seed), score=score)
        stand.append(store.add(record, np.full(3, score, np.float32)).score)
    print(json.dumps(stand))


def start(*words, **environment):
    """Start this script as one of the processes."""
    command = [sys.executable, __file__, *map(str, words)]
    variables = {**os.environ, **environment}
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=variables)


def repaired(writes):
    """Repair in a loop beside writers; return how often."""
    with tempfile.TemporaryDirectory() as folder:
        store, share = Store(folder), writes // WRITERS
        store.check_writable()
        running = [start("write", folder, n * share, share) for n in range(WRITERS)]
        rounds = 0
        while any(process.poll() is None for process in running):
            for defect in maintenance.examine(store):
                maintenance.repair(store, defect)
            rounds += 1
        for process in running:
            process.communicate()
        assert [process.returncode for process in running] == [0] * WRITERS
        records = list(store.records())
        assert len(records) == share * WRITERS, f"{share * WRITERS - len(records)} records lost"
        assert all(store.z(record)[0] == record.spec.seed for record in records)
        assert list(maintenance.examine(store)) == []
        return rounds


def without_links(pairs):
    """Let two processes add the same specs; return how many records each of them wrote."""
    with tempfile.TemporaryDirectory() as folder:
        source, library = Path(folder, "shim.c"), Path(folder, "shim.so")
        source.write_text(SHIM)
        subprocess.run(["gcc", "-shared", "-fPIC", "-o", library, source], check=True)
        place = Path(folder, "store")
        Store(place).check_writable()
        running = [start("claim", place, score, pairs, LD_PRELOAD=str(library)) for score in (1, 2)]
        told = [json.loads(process.communicate()[0]) for process in running]
        store = Store(place)
        stand = [store.get(a_spec(seed=seed)) for seed in range(pairs)]
        assert told[0] == told[1] == [record.score for record in stand]
        assert all(store.z(record)[0] == record.score for record in stand)
        assert not list(place.rglob("*.claim"))
        return [told[0].count(score) for score in (1.0, 2.0)]


def main(writes=2000, pairs=300):
    """Print what came of both."""
    rounds = repaired(writes)
    print(f"{writes} records by {WRITERS} writers beside {rounds} repairs: none lost, no error")
    print(f"{pairs} specs by two processes without links: {without_links(pairs)} records of each")


if __name__ == "__main__":
    if sys.argv[1:2] == ["write"]:
        write(sys.argv[2], *map(int, sys.argv[3:]))
    elif sys.argv[1:2] == ["claim"]:
        claim(sys.argv[2], *map(int, sys.argv[3:]))
    else:
        main(*map(int, sys.argv[1:]))
