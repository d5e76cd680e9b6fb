"""What runs inside a worker process: one cell of trials, each stored as soon as it ends."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rlid.record import Judgement, Spec

BEAT_INTERVAL = 0.5
"""Seconds between two signs of life on disk."""
PARENT_INTERVAL = 1.0
"""Seconds between two looks at whether the parent still lives."""


@dataclass(frozen=True)
class Cell:
    """Trials of one task and network that run side by side in one process."""

    task: str
    imports: tuple[str, ...]
    specs: tuple[Spec, ...]
    judgement: Judgement
    store: str


def start(parent: int) -> None:
    """Prepare a new worker: leave interrupts to the parent, and do not outlive it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(PARENT_INTERVAL)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def run_cell(cell: Cell, pulse: str) -> None:
    """Run a cell's trials and add their records to the store.

    Raises:
        StoreError: the store cannot be written.
        ValueError: the task is not what it was when the cell was made.
    """
    import torch

    from rlid.checkpoint import Checkpoints
    from rlid.journal import Journals
    from rlid.store import Store
    from rlid.task import adapt, import_packages, resolve
    from rlid.trial import run_trials

    # More threads than one would change results, and trials run in parallel already.
    torch.set_num_threads(1)
    import_packages(cell.imports)
    spec = cell.specs[0]
    observation = str(spec.protocol["observation"])
    task = adapt(resolve(cell.task), observation=observation, backend=spec.backend)
    store = Store(cell.store)
    run_trials(
        cell.specs,
        cell.judgement,
        task,
        lambda *found: _add(store, *found),
        beat_to(pulse),
        Journals(store),
        Checkpoints(store),
    )


def _add(store: object, record: object, z: object) -> None:
    store.add(record, z)  # type: ignore[attr-defined]


def random_scores(
    task: str, imports: tuple[str, ...], seed: int, episodes: int, part: range, pulse: str
) -> list[float]:
    """Return the scores of uniformly random actions, or of an objective's own chance level.

    `part` says which of the `episodes` to run. One in which the environment fails is left out.

    Raises:
        EnvironmentFault: the environment failed in all of them.
    """
    from typing import cast

    import numpy as np

    from rlid.course import draw_seeds
    from rlid.rollout import random_returns
    from rlid.simulator import make_world
    from rlid.stream import role_seed
    from rlid.task import EnvironmentFault, Objective, Simulator, import_packages, resolve

    import_packages(imports)
    found = resolve(task)
    drawn = draw_seeds(np.random.default_rng(role_seed(seed, "scoring")), episodes)
    seeds = drawn[part.start : part.stop]
    world, beat = make_world(found), beat_to(pulse)
    if found.kind != "rl":
        return [float(value) for value in cast(Objective, world).chance(seeds)]

    def returns_of(some: Sequence[int], first: int) -> list[float]:
        key = role_seed(seed, "optimizer")
        rng = np.random.default_rng([key, first] if first else key)
        returns = random_returns(found, cast(Simulator, world), some, rng, beat)
        return [float(value) for value in returns]

    try:
        return returns_of(seeds, part.start)
    except EnvironmentFault as fault:
        last = fault
    scores: list[float] = []
    for index, one in enumerate(seeds):
        try:
            scores += returns_of([one], part.start + index)
        except EnvironmentFault as fault:
            last = fault
    if not scores:
        raise last
    return scores


def beat_to(pulse: str) -> Callable[[], None]:
    """Return a function that touches the file `pulse`, at most every BEAT_INTERVAL seconds."""
    path = Path(pulse)
    last = 0.0

    def beat() -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= BEAT_INTERVAL:
            last = now
            path.touch()

    return beat


def split(specs: Sequence[Spec], parts: int) -> list[list[Spec]]:
    """Deal specs out into at most `parts` lists of nearly equal length."""
    dealt = [list(specs[part::parts]) for part in range(parts)]
    return [part for part in dealt if part]
