"""What the local engine costs beyond its trials: python tests/faults/cost.py [TRIALS].

The time per trial is that of the clock, with one worker that has loaded what it needs, less the
seconds in the records; where others use the machine too, the processor time says more. That,
memory and file descriptors are those of this process and of its worker together.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

from rlid.engine.agenda import Agenda, Cell
from rlid.engine.local import LocalEngine
from rlid.measurement.plan import plan
from rlid.records.judgement import Judgement
from rlid.store.leases import Leases
from rlid.store.store import Store


def state(pids):
    """Return the megabytes, the open files and the seconds of processor time of some processes."""
    pages = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in pids)
    files = sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in pids)
    stats = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in pids]
    ticks = sum(int(fields[11]) + int(fields[12]) for fields in stats)
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20, files, ticks / os.sysconf("SC_CLK_TCK")


def main(trials: int = 2000) -> None:
    wanted = plan("sum_constraints:2", agent="random", dmax=2, seeds=trials, budget=20)
    with tempfile.TemporaryDirectory() as folder, LocalEngine(1, 60.0) as engine:
        store, leases = Store(folder), Leases(folder)

        def run(seeds):
            heard = []
            specs = [wanted.spec(2, seed, None) for seed in seeds]
            cells = [Cell(wanted.task.name, (), (one,), Judgement(), folder) for one in specs]
            started = time.perf_counter()
            engine.run(Agenda(cells, store, leases, lambda _: 1000, heard.append))
            return time.perf_counter() - started, sum(one.seconds for one in heard)

        run(range(20))
        pids = [os.getpid(), *(one.process.pid for one in engine._workers)]
        before = state(pids)
        wall, inside = run(range(20, trials))
        after = state(pids)
        leases.close()
    count = trials - 20
    print(
        f"{count} trials: {1000 * (wall - inside) / count:.1f} ms each beyond their own "
        f"{1000 * inside / count:.1f} ms; {1000 * (after[2] - before[2]) / count:.1f} ms each of "
        f"processor time, the trial's own included; memory {after[0] - before[0]:+.0f} MB, "
        f"files {after[1] - before[1]:+d}"
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
