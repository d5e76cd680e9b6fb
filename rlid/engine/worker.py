"""What runs inside a worker process: one cell of trials, each stored as soon as it ends."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from multiprocessing.connection import Connection
from typing import Any

from rlid.engine.agenda import Cell
from rlid.engine.messages import (
    Failed,
    Finished,
    Message,
    Refused,
    Report,
    StoreUnwritable,
    TrialAdded,
    TrialsStand,
    beats,
)
from rlid.engine.process import settle
from rlid.errors import (
    EnvironmentFault,
    EnvironmentWarning,
    InputError,
    StoreError,
    TaskChanged,
    first_line,
    named_line,
)
from rlid.records import Record, TrialSpec
from rlid.store import Store, maintenance
from rlid.task import Task
from rlid.world import Simulator


def serve(pipe: Connection, parent: int, output: str, memory: int | None) -> None:
    """Run what comes through the pipe, one job after another, until it is closed.

    A job is (function, arguments). The function also gets a `report(message)` that sends to the
    other end. The last message of a job is Finished, Failed, Refused or StoreUnwritable.
    """
    settle(parent, output, memory)
    while True:
        try:
            function, arguments = pipe.recv()
        except EOFError:
            return
        os.truncate(output, 0)
        pipe.send(outcome(function, arguments, pipe.send))


def outcome(function: Callable[..., Any], arguments: Sequence[Any], report: Report) -> Message:
    """Run a job and return its last message. Code of a user that exits has failed, too."""
    try:
        return Finished(function(*arguments, report))
    except StoreError as error:
        return StoreUnwritable(str(error))
    except TaskChanged as error:
        return Refused(str(error))
    except BaseException as error:
        return Failed(named_line(error))


def run_cell(cell: Cell, report: Report) -> None:
    """Run a cell's trials and add their records to the store, reporting each as TrialAdded.

    Raises:
        StoreError: the store cannot be written.
        TaskChanged: the task is not what it was when the cell was made.
    """
    store = Store(cell.store)
    store.check_there(must_exist=True)
    maintenance.clear_finished(store)

    def deliver(record: Record, z: Any) -> None:
        store.add(record, z)
        report(TrialAdded(record.spec))

    train(cell, deliver, report, store)


def train(
    cell: Cell,
    deliver: Callable[[Record, Any], None],
    report: Report,
    store: Store | None = None,
) -> None:
    """Run a cell's trials; `deliver` gets the record and z of each trial as it ends.

    `report` hears signs of life, and where trials that take long stand.

    With `store`, a trial that a killed worker had begun resumes from what the store has of it.

    Raises:
        TaskChanged: the task is not what it was when the cell was made.
    """
    import torch

    from rlid.registry import import_packages
    from rlid.training import Checkpoints, Journals, run_trials

    # More threads than one would change results, and trials run in parallel already.
    torch.set_num_threads(1)
    import_packages(cell.imports)
    run_trials(
        cell.specs,
        cell.judgement,
        _task_of(cell),
        deliver,
        beats(report),
        None if store is None else Journals(store),
        None if store is None else Checkpoints(store),
        cell.tensorboard,
        lambda standings: report(TrialsStand(standings)),
    )


def _task_of(cell: Cell) -> Task:
    """Make the task of a cell again.

    A file of data or of code may have been edited since the trials were planned, or may be another
    one on this node: what came out would stand under the key of the old one.

    Raises:
        TaskChanged: it is another task now, or there is none.
    """
    from rlid.task import adapt, resolve

    spec = cell.specs[0]
    try:
        observation = str(spec.protocol["observation"])
        task = adapt(resolve(cell.task), observation=observation, backend=spec.backend)
    except InputError as error:
        raise TaskChanged(
            f"task {cell.task!r} can no longer be made: {first_line(error)}; put it right, then "
            "repeat the command, which keeps every finished trial"
        ) from error
    now, planned = task.protocol(), spec.protocol
    changed = sorted(
        name for name in now.keys() | planned.keys() if now.get(name) != planned.get(name)
    )
    if task.version != spec.task_version:
        changed.insert(0, "version")
    if changed:
        raise TaskChanged(
            f"task {cell.task!r} is not what it was when its trials were planned "
            f"({', '.join(changed)}): its code or data changed meanwhile; repeat the command to "
            "measure it as it is now"
        )
    return task


def probe(
    name: str, imports: tuple[str, ...], observation: str, backend: str, report: Report
) -> tuple[str, list[str]]:
    """Run some episodes of an environment before any trial, to see what its episodes depend on.

    Args:
        name: the task's, of kind "rl".
        imports: packages that register it.
        observation: the task's observation rule.
        backend: what steps it.
        report: hears signs of life.

    Returns:
        What `rlid.simulators.dependence` says, and the warnings that the environment gave reason
        for meanwhile.
    """
    from typing import cast

    from rlid.registry import import_packages
    from rlid.simulators import dependence, make_world
    from rlid.task import adapt, resolve

    import_packages(imports)
    task = adapt(resolve(name), observation=observation, backend=backend)
    if task.observation == "frozen":
        # Statistics change no episode, and would take instances beside those that are probed.
        task = replace(task, observation="raw")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", EnvironmentWarning)
        beat = beats(report)
        simulator = cast(Simulator, make_world(task, beat))
        try:
            problem = dependence(task, simulator, beat)
        finally:
            simulator.close()
    return problem, [str(w.message) for w in caught if w.category is EnvironmentWarning]


def random_scores(
    task: str, imports: tuple[str, ...], seed: int, episodes: int, part: range, report: Report
) -> list[float]:
    """Return the scores of uniformly random actions, or of an objective's own chance level.

    `part` says which of the `episodes` to run. Episodes in which the environment fails are left
    out.

    Raises:
        EnvironmentFault: the environment failed in all of them.
    """
    from typing import cast

    import numpy as np

    from rlid.random_stream import role_seed
    from rlid.registry import import_packages
    from rlid.simulators import make_world
    from rlid.task import resolve
    from rlid.training import draw_seeds
    from rlid.world import Objective

    import_packages(imports)
    resolved = resolve(task)
    drawn = draw_seeds(np.random.default_rng(role_seed(seed, "scoring")), episodes)
    beat = beats(report)
    world = make_world(resolved, beat)
    beat()
    try:
        if resolved.kind != "rl":
            seeds = drawn[part.start : part.stop]
            return [float(score) for score in cast(Objective, world).chance(seeds)]
        return _random_returns(resolved, cast(Simulator, world), drawn, part, seed, beat)
    finally:
        world.close()


def _random_returns(
    task: Task,
    simulator: Simulator,
    drawn: Sequence[int],
    part: range,
    seed: int,
    beat: Callable[[], None],
) -> list[float]:
    """Return the returns of random actions, all episodes together or, after a fault, one by one."""
    import numpy as np

    from rlid.evaluation import random_returns
    from rlid.random_stream import role_seed

    def returns_of(numbers: range) -> list[float]:
        key = role_seed(seed, "optimizer")
        rng = np.random.default_rng([key, numbers.start] if numbers.start else key)
        seeds = drawn[numbers.start : numbers.stop]
        return [float(score) for score in random_returns(task, simulator, seeds, rng, beat)]

    try:
        return returns_of(part)
    except EnvironmentFault as fault:
        last = fault
    scores: list[float] = []
    for number in part:
        try:
            scores += returns_of(range(number, number + 1))
        except EnvironmentFault as fault:
            last = fault
    if not scores:
        raise last
    return scores


def split(specs: Sequence[TrialSpec], parts: int) -> list[list[TrialSpec]]:
    """Deal specs out into at most `parts` lists of nearly equal length."""
    dealt = [list(specs[part::parts]) for part in range(parts)]
    return [part for part in dealt if part]
