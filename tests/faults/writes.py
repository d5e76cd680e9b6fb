"""Kills real trials at every write: python tests/faults/writes.py [AGENT ...].

A cell of CMA-ES, of PPO (Stable-Baselines3) or of batched PPO runs in a child that is killed at its
n-th call of open, write, fsync, link and the like, for every n until it ends. A second cell then
runs the same trials on the same store: its records must be those of an unbroken cell.
"""

import os
import signal
import sys
import tempfile
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).parents[1] / "fixtures"))

import storage
import torch

from rlid.measurement.plan import plan
from rlid.records import Judgement
from rlid.store import Store, maintenance
from rlid.training import Checkpoints, Journals, journal, run_trials

SETTINGS = ["n_envs=2", "n_steps=32", "batch_size=32", "n_epochs=1", "checkpoint=128"]
AGENTS = {"cmaes": [], "ppo": SETTINGS, "batched_ppo": SETTINGS}
TRIALS, BUDGET = 2, 400


def question(agent):
    """Return the task and the specs of a cell."""
    wanted = plan("cartpole", agent=agent, dmax=3, network="mlp:4", budget=BUDGET,
                  settings=AGENTS[agent])  # fmt: skip
    return wanted.task, [wanted.spec(3, seed, None) for seed in range(TRIALS)]


def run(agent, folder):
    """Run the trials that have no record yet, as a worker does."""
    task, specs = question(agent)
    store = Store(folder)
    left = [spec for spec in specs if not store.has(spec)]
    if left:
        run_trials(left, Judgement(), task, store.add, journals=Journals(store),
                   checkpoints=Checkpoints(store))  # fmt: skip


def records(folder):
    """Return the records by seed, without their seconds."""
    stored = Store(folder).records()
    return {record.spec.seed: record.model_copy(update={"seconds": 0.0}) for record in stored}


def killed(agent, folder, n):
    """Run the cell in a child that is killed at its n-th call; return whether it was."""
    child = os.fork()
    if child == 0:
        countdown = storage.Countdown(n, True)
        try:
            with storage.struck(countdown), mock.patch.object(journal, "FLUSH_SECONDS", 0.0):
                run(agent, folder)
            os._exit(0)
        except BaseException:
            os._exit(1)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, -signal.SIGKILL), code
    return code != 0


def strike(agent, step=1):
    """Kill at every step-th call; return how many kills there were."""
    with tempfile.TemporaryDirectory() as folder:
        run(agent, folder)
        unbroken = records(folder)
    assert len(unbroken) == TRIALS
    n = 1
    while True:
        with tempfile.TemporaryDirectory() as folder:
            was_killed = killed(agent, folder, n)
            before = records(folder)
            assert all(unbroken[seed] == record for seed, record in before.items())
            run(agent, folder)
            assert records(folder) == unbroken, (agent, n)
            maintenance.clear_finished(Store(folder))
            assert all(
                "left from a crash" in each.what for each in maintenance.examine(Store(folder))
            )
            assert not list(Path(folder).glob("checkpoints/*.safetensors"))
            assert not list(Path(folder).glob("journals/*/*.journal"))
        if not was_killed:
            return (n - 1) // step
        n += step


if __name__ == "__main__":
    torch.set_num_threads(1)
    for name in sys.argv[1:] or AGENTS:
        print(f"{name}: {strike(name)} calls at which a cell was killed: records as if unbroken")
