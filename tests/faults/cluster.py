"""Kills a node of a two-node Ray cluster in the middle: python tests/faults/cluster.py.

The cluster is a real one, on this machine, in a network of its own where that is allowed. The
records must equal those of the local engine with one and with two workers, but for timings.
"""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time

from rlid.engine import Place, make_engine
from rlid.engine.agenda import Agenda, Cell
from rlid.measurement.plan import plan
from rlid.records.judgement import Judgement
from rlid.store.leases import Leases
from rlid.store.store import Store

INSIDE = "RLID_INSIDE_NETWORK"
os.environ.setdefault("RAY_worker_niceness", "0")  # as the local workers have
HOME = "127.0.0.1"
SEEDS = 8


def run(place, folder, on_record=lambda record: None):
    """Run the trials in an engine; return what they came to, by key, without timings."""
    wanted = plan("cartpole", dmax=4, budget=20_000)
    cells = [
        Cell("cartpole", (), tuple(wanted.spec(4, s, None) for s in pair), Judgement(), folder)
        for pair in zip(range(0, SEEDS, 2), range(1, SEEDS, 2), strict=True)
    ]
    store, leases, engine = Store(folder), Leases(folder), make_engine(place, 60.0)
    try:
        engine.run(Agenda(cells, store, leases, lambda spec: wanted.network.D, on_record))
    finally:
        engine.close()
        leases.close()
    return {one.key: one.model_dump(exclude={"seconds"}) for one in store.records()}


def main() -> None:
    import ray
    from ray.cluster_utils import Cluster

    with contextlib.redirect_stdout(sys.stderr):
        cluster = Cluster()
        cluster.add_node(num_cpus=0, include_dashboard=False, node_ip_address=HOME)
        nodes = [cluster.add_node(num_cpus=1, node_ip_address=HOME) for _ in range(2)]
        cluster.wait_for_nodes()
    heard = []

    def on_record(record):
        heard.append(time.monotonic())
        if len(heard) == 1:
            cluster.remove_node(nodes[1], allow_graceful=False)

    with tempfile.TemporaryDirectory() as folder:
        started = time.monotonic()
        far = run(Place("ray", address=cluster.address), f"{folder}/ray", on_record)
        seconds = time.monotonic() - started
        ray.shutdown()
        cluster.shutdown()
        one, two = (run(Place(jobs=n), f"{folder}/local{n}") for n in (1, 2))
    assert len(heard) == SEEDS
    assert len(far) == len(one) == len(two) == SEEDS
    assert not any(record["reason"] for record in far.values())
    assert far == one == two
    print(
        f"{SEEDS} records, a node killed after the first of them, the rest {seconds:.0f} s later: "
        "equal to those of --jobs 1 and --jobs 2"
    )


def enter_network() -> None:
    """Start this again in a network of its own, where only this machine is seen."""
    if INSIDE in os.environ or not shutil.which("unshare") or not shutil.which("ip"):
        return
    if subprocess.run(["unshare", "-n", "true"], capture_output=True).returncode:
        return
    os.environ[INSIDE] = "1"
    script = ['ip link set lo up && exec "$@"', "sh", sys.executable, *sys.argv]
    os.execvp("unshare", ["unshare", "-n", "sh", "-c", *script])


if __name__ == "__main__":
    enter_network()
    main()
