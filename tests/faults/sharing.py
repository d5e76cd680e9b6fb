"""Four processes measure on one store: python tests/faults/sharing.py [PROCESSES [TRIALS]]."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from rlid.store import maintenance as upkeep
from rlid.store.store import Store

RLID = Path(sys.executable).parent / "rlid"


def main(processes: int = 4, trials: int = 400) -> None:
    """Start them at once on the same trials; each must be done once, by one of them."""
    with tempfile.TemporaryDirectory() as folder:
        command = [str(RLID), "run", "sum_constraints:4", "--dims", "2,3,4,5", "--search", "grid"]
        command += ["--agent", "adam", "--budget", "500", "--jobs", "1", "--quiet", "--json"]
        # However busy the machine is: no trial is to count as hung.
        command += ["--seeds", str(trials // 4), "--timeout", "600", "--store", folder]
        prepare = [str(RLID), "reference", "sum_constraints:4", "--agent", "adam", "--seeds", "5"]
        prepare += ["--jobs", "1", "--quiet", "--store", folder]
        subprocess.run(prepare, check=True, stdout=subprocess.DEVNULL)
        before = len(list(Store(folder).records()))
        running = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(processes)]
        said = [json.loads(one.communicate()[0]) for one in running]
        assert [one.returncode for one in running] == [0] * processes
        shares = [one["trials_run"] for one in said]
        assert [one["trials"] for one in said] == [trials] * processes
        assert len({one["d_int90"] for one in said}) == 1
        assert len(list(Store(folder).records())) == before + trials
        assert sum(shares) == trials, shares
        assert list(upkeep.examine(Store(folder))) == []
        assert list(Path(folder, "leases").iterdir()) == []
        print(f"{processes} processes, {trials} trials: {trials} records, shares {shares}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
