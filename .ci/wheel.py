"""Tries an installed wheel: compiled parts, the command line, a short measurement, `rlid.wrap`.

    pip install rlid-*.whl && python .ci/wheel.py

It imports nothing of the repository, and works in a temporary folder.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

RLID = Path(sys.executable).parent / "rlid"


def output(*arguments: str) -> str:
    """Return what `rlid` prints.

    Raises:
        CalledProcessError: it ended with another exit code than 0.
    """
    return subprocess.run([RLID, *arguments], check=True, capture_output=True, text=True).stdout


def main() -> None:
    """Try the wheel, and say what was tried."""
    os.chdir(tempfile.mkdtemp())
    import torch

    import rlid
    from rlid.evaluation import _two_actions
    from rlid.projections import _kernels

    for part in (_two_actions, _kernels):
        assert part.__file__.rpartition(".")[0].endswith(".abi3"), part.__file__
    assert "cartpole" in output("list", "tasks")
    output("doctor")
    arguments = ("--dmax", "3", "--seeds", "1", "--budget", "2000", "--jobs", "1")
    answer = json.loads(output("run", "cartpole", *arguments, "--json", "--quiet"))
    assert answer["D"] == 562
    assert answer["trials"] >= 1
    Path("results").mkdir()
    output("leaderboard", "--out", "results")
    assert (Path("results") / "leaderboard.md").exists()
    model = rlid.wrap(torch.nn.Linear(4, 2), d=3)
    model(torch.ones(1, 4)).sum().backward()
    assert model.z.grad.shape == (3,)
    print(f"rlid {rlid.__version__}: command line, measurement, leaderboard and wrap work")


if __name__ == "__main__":
    main()
