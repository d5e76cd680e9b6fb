"""Environments that go wrong in every way: python tests/faults/strangers.py [TIMEOUT].

Each is run beside a sound one. It must end with the status and the words that stand here, and each
try within TIMEOUT + 5 s; the sound one must not notice. At last the exit code must say so.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "fixtures"))

from rlid.engine.agenda import Agenda, Cell
from rlid.engine.local import LocalEngine
from rlid.measurement.plan import plan
from rlid.records.judgement import Judgement
from rlid.store.leases import Leases
from rlid.store.store import Store

GRACE = 5.0
"""Seconds that a trial may take to fail beyond its time-out."""
MEMORY = 3 * 2**29
BAD = {
    "Hangs": ("timeout", "no sign of life", "hostile.py"),
    "HangsInC": ("timeout", "no sign of life", "hostile.py"),
    "Raises": ("error", "step raised RuntimeError: the pole fell off"),
    "Exits": ("error", "step raised SystemExit: 3"),
    "NanObservation": ("nonfinite", "observation"),
    "NanReward": ("nonfinite", "reward"),
    "InfiniteReward": ("nonfinite", "reward"),
    "WrongShape": ("error", "shape (5,), not (2,)"),
    "NoReward": ("nonfinite", "reward"),
    "Dies": ("error", "the worker died (exit code 9)", "the pole broke"),
    "Segfaults": ("error", "SIGSEGV", "Segmentation fault", "hostile.py"),
    "Allocates": ("error", "MemoryError"),
}
ODD = ("Prints", "StartsProcesses", "ChangesFolder", "RaisesOnClosing")
"""What these do is no reason for a trial to fail."""


def main(timeout: float = 20.0) -> None:
    with tempfile.TemporaryDirectory() as folder, LocalEngine(2, timeout, MEMORY) as engine:
        store, leases = Store(folder), Leases(folder)

        def run(*tasks):
            cells, found = [], []
            for task in tasks:
                wanted = plan(
                    f"gym:{task}-v0", agent="random", dmax=4, network="mlp:4", budget=500,
                    imports=["hostile"],
                )  # fmt: skip
                spec = wanted.spec(4, len(list(store.records())) + len(cells), None)
                cells.append(Cell(spec.task, ("hostile",), (spec,), Judgement(5.1), folder))
            engine.run(Agenda(cells, store, leases, lambda _: 22, found.append))
            return {record.spec.task[4:-3]: record for record in found}

        for task in (*BAD, *ODD):
            run("Quick", "Slow")  # so that both workers have loaded what they need
            started = time.monotonic()
            found = run(task, "Quick")
            seconds = time.monotonic() - started
            record, sound = found[task], found["Quick"]
            status, *words = BAD.get(task, ("unsolved",))
            assert record.status == status, record
            assert all(word in record.reason for word in words), record
            # A worker that died is replaced by one that imports everything anew.
            assert "worker died" in record.reason or record.seconds < timeout + GRACE, record
            assert sound.status == "unsolved", sound
            reason = (record.reason.splitlines() or ["nothing wrong with it"])[0]
            print(
                f"{task:16} {record.status:9} {record.seconds:5.1f} s ({seconds:.0f} s): {reason}"
            )
        leases.close()
    exit_code()


def exit_code() -> None:
    """Some trials of a measurement fail: the others finish, and exit code 1 says so."""
    with tempfile.TemporaryDirectory() as folder:
        rlid = Path(sys.executable).parent / "rlid"
        command = (
            f"{rlid} run gym:RaisesOften-v0 --import hostile --network mlp:4 --agent random "
            f"--budget 1000 --dims 4 --search grid --seeds 6 --full --quiet --store {folder}"
        )
        done = subprocess.run(command.split(), capture_output=True, text=True)
        assert done.returncode == 1, done
        found = list(Store(folder).records())
        failed = sum(record.is_missing for record in found)
        print(f"exit code {done.returncode}: {failed} of {len(found)} trials failed: {done.stderr}")


if __name__ == "__main__":
    os.environ["PYTHONPATH"] = sys.path[0]
    main(*map(float, sys.argv[1:]))
