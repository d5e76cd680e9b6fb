"""A long trial of a gradient agent, killed after its first checkpoint, and resumed.

python tests/faults/resume.py [pong] [--agent ppo] [--d 1000] [--budget 4096]
                              [--set checkpoint=2048]

Both records, that of the killed and resumed trial and that of an unbroken one, must be equal.
"""

import argparse
import dataclasses
import os
import signal
import subprocess
import sys
import tempfile

import torch

from rlid.measurement.plan import plan
from rlid.records.judgement import Judgement
from rlid.store.store import Store
from rlid.training.cell import run_trials
from rlid.training.checkpoint import Checkpoints

EPISODES = 2
"""Of a validation and of the scoring: what is looked at is the training."""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("task", nargs="?", default="pong")
    parser.add_argument("--agent", default="ppo")
    parser.add_argument("--d", type=int, default=1000)
    parser.add_argument("--budget", type=int, default=4096)
    parser.add_argument("--set", action="append", dest="settings")
    parser.add_argument("--store", help="of the process that is to be killed")
    given = parser.parse_args()
    torch.set_num_threads(1)
    settings = given.settings or ["checkpoint=2048"]
    wanted = plan(
        given.task, agent=given.agent, dmax=given.d, budget=given.budget, settings=settings
    )
    short = {"validation_episodes": EPISODES, "scoring_episodes": EPISODES}
    task, spec = dataclasses.replace(wanted.task, **short), wanted.spec(given.d, 0, None)

    def run(checkpoints=None, beat=lambda: None):
        found = []
        run_trials(
            [spec],
            Judgement(),
            task,
            lambda record, z: found.append(record.model_copy(update={"seconds": 0.0})),
            beat,
            checkpoints=checkpoints,
        )
        return found[0]

    if given.store:
        checkpoints = Checkpoints(Store(given.store))

        def beat():
            if checkpoints.path(spec).exists():
                os.kill(os.getpid(), signal.SIGKILL)

        run(checkpoints, beat)
        raise SystemExit("ended before a checkpoint was written: use a smaller --set checkpoint")
    with tempfile.TemporaryDirectory() as folder:
        killed = subprocess.run([sys.executable, *sys.argv, "--store", folder], check=False)
        assert killed.returncode == -signal.SIGKILL, killed.returncode
        checkpoints = Checkpoints(Store(folder))
        size = checkpoints.path(spec).stat().st_size
        at = checkpoints.load(spec).part("course").plain["search_steps"]
        resumed = run(checkpoints)
    unbroken = run()
    assert resumed == unbroken
    print(
        f"{wanted.title}, d = {given.d}: killed after {at} of {unbroken.search_steps} steps, "
        f"checkpoint of {size:,} bytes; resumed and unbroken records are equal "
        f"(theta {unbroken.theta_sha256[:12]}, {len(unbroken.curve)} validations)"
    )


if __name__ == "__main__":
    main()
