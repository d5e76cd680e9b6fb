"""Measures steps per second of each back end on the planar MuJoCo tasks, on one thread.

python tests/benchmarks/simulators.py [--slots 64] [--seconds 1.0]

Actions are random. An ended episode is restarted, which counts as part of the time. "pole held" is
inverted_pendulum under a hand-written controller, which keeps episodes long.
"""

import argparse
import time

import numpy as np

from rlid.simulators.actions import sample
from rlid.simulators.make import make_world
from rlid.task import BACKENDS, TASKS, adapt, resolve

HOLDS = np.array([[1.0], [10.0], [1.0], [1.0]])


def steps_per_second(task, slots, seconds, controller=None):
    """Return steps per CPU second; EnvPool's own thread is included."""
    simulator, rng = make_world(task), np.random.default_rng(0)
    observations, active = simulator.start(range(slots)), np.ones(slots, bool)
    steps, seed, started = 0, slots, time.process_time()
    while time.process_time() - started < seconds:
        if controller is None:
            actions = sample(simulator.action_space, rng, slots)
        else:
            actions = (observations @ controller).clip(-3, 3).astype(np.float32)
        observations, _, terminated, truncated = simulator.step(actions, active)
        steps += slots
        ended = np.flatnonzero(terminated | truncated)
        if len(ended):
            observations[ended] = simulator.restart(ended, range(seed, seed + len(ended)))
            seed += len(ended)
    rate = steps / (time.process_time() - started)
    simulator.close()
    return rate


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--slots", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=1.0)
    arguments = parser.parse_args()
    tasks = [resolve(entry.name) for entry in TASKS.entries() if "mujoco" in entry.tags]
    rows = [(task.name, task, None) for task in tasks if task.backend == "mujoco"]
    rows.append(("pole held", resolve("inverted_pendulum"), HOLDS))
    print(f"{'steps per second':26}" + "".join(f"{name:>12}" for name in BACKENDS))
    for title, task, controller in rows:
        rates = []
        for backend in BACKENDS:
            try:
                adapted = adapt(task, backend=backend)
                rate = steps_per_second(adapted, arguments.slots, arguments.seconds, controller)
                rates.append(f"{rate:12,.0f}")
            except ValueError:
                rates.append(f"{'none':>12}")
        print(f"{title:26}" + "".join(rates), flush=True)


if __name__ == "__main__":
    main()
