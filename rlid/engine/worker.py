"""What runs inside a worker process: one cell of trials, each stored as soon as it ends."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from typing import Any

from rlid.engine.agenda import Cell
from rlid.engine.process import settle
from rlid.errors import StoreError, named_line
from rlid.records import Record, TrialSpec
from rlid.store import Store

BEAT_INTERVAL = 0.5
"""Seconds between two signs of life."""

Report = Callable[[str, Any], None]


def serve(pipe: Connection, parent: int, output: str, memory: int | None) -> None:
    """Run what comes through the pipe, one job after another, until it is closed.

    A job is (function, arguments); the function also gets a `report(kind, value)` that sends to
    the other end. Each job ends with a report of kind "done", "store" or "raised".
    """
    settle(parent, output, memory)
    while True:
        try:
            function, arguments = pipe.recv()
        except EOFError:
            return
        os.truncate(output, 0)
        pipe.send(_outcome(function, arguments, lambda kind, value: pipe.send((kind, value))))


def _outcome(
    function: Callable[..., Any], arguments: Sequence[Any], report: Report
) -> tuple[str, Any]:
    try:
        return "done", function(*arguments, report)
    except StoreError as error:
        return "store", str(error)
    except Exception as error:
        return "raised", named_line(error)


def run_cell(cell: Cell, report: Report) -> None:
    """Run a cell's trials and add their records to the store, reporting each as "stored".

    Raises:
        StoreError: the store cannot be written.
        ValueError: the task is not what it was when the cell was made.
    """
    store = Store(cell.store)

    def deliver(record: Record, z: Any) -> None:
        store.add(record, z)
        report("stored", record.spec)

    train(cell, deliver, beats(report), store)


def train(
    cell: Cell,
    deliver: Callable[[Record, Any], None],
    beat: Callable[[], None],
    store: Store | None = None,
) -> None:
    """Run a cell's trials; `deliver` gets each one's record and z as it ends.

    With `store`, what a killed worker had begun is gone on with from what lies there.

    Raises:
        ValueError: the task is not what it was when the cell was made.
    """
    import torch

    from rlid.registry import import_packages
    from rlid.task import adapt, resolve
    from rlid.training import Checkpoints, Journals, run_trials

    # More threads than one would change results, and trials run in parallel already.
    torch.set_num_threads(1)
    import_packages(cell.imports)
    spec = cell.specs[0]
    observation = str(spec.protocol["observation"])
    task = adapt(resolve(cell.task), observation=observation, backend=spec.backend)
    run_trials(
        cell.specs,
        cell.judgement,
        task,
        deliver,
        beat,
        None if store is None else Journals(store),
        None if store is None else Checkpoints(store),
        cell.tensorboard,
    )


def random_scores(
    task: str, imports: tuple[str, ...], seed: int, episodes: int, part: range, report: Report
) -> list[float]:
    """Return the scores of uniformly random actions, or of an objective's own chance level.

    `part` says which of the `episodes` to run. One in which the environment fails is left out.

    Raises:
        EnvironmentFault: the environment failed in all of them.
    """
    from typing import cast

    import numpy as np

    from rlid.errors import EnvironmentFault
    from rlid.evaluation import random_returns
    from rlid.random_stream import role_seed
    from rlid.registry import import_packages
    from rlid.simulators import make_world
    from rlid.task import resolve
    from rlid.training import draw_seeds
    from rlid.world import Objective, Simulator

    import_packages(imports)
    found = resolve(task)
    drawn = draw_seeds(np.random.default_rng(role_seed(seed, "scoring")), episodes)
    seeds = drawn[part.start : part.stop]
    beat = beats(report)
    world = make_world(found, beat)
    beat()
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


def beats(report: Report) -> Callable[[], None]:
    """Return a function that reports a sign of life, at most every BEAT_INTERVAL seconds."""
    last = 0.0

    def beat() -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= BEAT_INTERVAL:
            last = now
            report("beat", None)

    return beat


def split(specs: Sequence[TrialSpec], parts: int) -> list[list[TrialSpec]]:
    """Deal specs out into at most `parts` lists of nearly equal length."""
    dealt = [list(specs[part::parts]) for part in range(parts)]
    return [part for part in dealt if part]
