"""How long it takes to open a store of 10,000 records: python tests/faults/opening.py."""

import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "fixtures"))

from records import a_record, a_spec

from rlid.records.record import written
from rlid.store.store import Store

CURVE = [(2000 * i, 500 / (i + 3)) for i in range(50)]


def measure(count: int) -> tuple[float, float]:
    """Return the seconds of the clock and of the processor that reading `count` records takes."""
    with tempfile.TemporaryDirectory() as folder:
        store = Store(folder)
        for number in range(count):
            spec = a_spec(d=1 + number // 100, seed=number % 100)
            path = store.path(spec)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(written(a_record(spec=spec, curve=CURVE)))
        wall, cpu = time.perf_counter(), time.process_time()
        assert sum(1 for _ in store.records()) == count
        return time.perf_counter() - wall, time.process_time() - cpu


if __name__ == "__main__":
    wall, cpu = measure(10_000)
    print(f"10,000 records read in {wall:.2f} s ({cpu:.2f} s of processor time)")
