"""A Ray cluster: cells run on its nodes and send their records here, where they are stored.

Each cell is one Ray task, a generator of the messages that a local worker sends through its pipe.
Ray retries no task: the trials that a lost node left undone go back to the agenda.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rlid.engine import worker
from rlid.engine.agenda import Agenda, Cell, End
from rlid.engine.engines import Place
from rlid.engine.messages import (
    Begun,
    Failed,
    Finished,
    Message,
    Refused,
    Report,
    StoreUnwritable,
    TrialSent,
    TrialsStand,
)
from rlid.engine.process import THREADS
from rlid.engine.silence import POLL, Looks, Silence
from rlid.errors import (
    DamagedRecord,
    EngineError,
    InputError,
    TaskChanged,
    first_line,
    named_line,
)
from rlid.records import Record, parse_record, written

RESOURCE_INTERVAL = 2.0
"""Seconds between two looks at the size of the cluster: nodes come and go."""
JOIN_PATIENCE = 300.0
"""Seconds after which a run gives up where no node has room for a cell."""


@dataclass
class _Task:
    """One task on the cluster: a cell, or a function that was called.

    `silence` is None while it waits for its place on the cluster; `began` is when it got one.
    """

    stream: Any
    cell: Cell | None
    began: float = 0.0
    silence: Silence | None = None
    result: Any = None

    @property
    def seconds(self) -> float:
        """How long it has run."""
        return 0.0 if self.silence is None else time.monotonic() - self.began


class RayEngine:
    """Runs cells on a Ray cluster, as many at once as its resources allow."""

    def __init__(self, place: Place, patience: float) -> None:
        """Connect to the cluster, or start one on this machine.

        Raises:
            InputError: ray is not installed.
            EngineError: there is no such cluster.
        """
        try:
            ray: Any = importlib.import_module("ray")
        except ImportError:
            raise InputError("--engine ray needs ray: pip install 'rlid[ray]'") from None
        self._ray = ray
        self.place = place
        self.patience = patience
        self._size, self._sized = 0, -RESOURCE_INTERVAL
        quiet: dict[str, Any] = {"log_to_driver": False, "configure_logging": False}
        try:
            if place.address is not None:
                ray.init(address=place.address, **quiet)
            else:
                ray.init(
                    address="local",
                    num_cpus=place.jobs,
                    include_dashboard=False,
                    _node_ip_address="127.0.0.1",
                    **quiet,
                )
        except Exception as error:
            # Ray raises a plain Exception where a node does not start in time.
            where = place.address or "local"
            raise EngineError(f"no Ray cluster at {where}: {first_line(error)}") from None
        self._remote = ray.remote(num_returns="streaming", **_options(place))(_stream)

    @property
    def capacity(self) -> int:
        """How many cells the cluster can run at once; 0 while there is no node that fits."""
        if time.monotonic() - self._sized >= RESOURCE_INTERVAL:
            self._sized = time.monotonic()
            self._size = sum(_slots(node, self.place) for node in self._ray.nodes())
        return min(self._size, self.place.jobs or self._size)

    def close(self) -> None:
        """Leave the cluster, which ends what still runs there for this process."""
        with contextlib.suppress(Exception):
            self._ray.shutdown()

    def run(self, agenda: Agenda) -> None:
        """Run the cells that the agenda hands out, until every trial has its record.

        Raises:
            StoreError: the store cannot be written.
            TaskChanged: the task is another one on a node.
            EngineError: the cluster has no node that fits, and none has come for a while.
        """
        running: list[_Task] = []
        looks, idle_since = Looks(), time.monotonic()
        while not agenda.is_done:
            while len(running) < self.capacity and (cell := agenda.next()) is not None:
                running.append(self._start(_run_cell, [cell], cell))
            now = time.monotonic()
            if running or self.capacity:
                idle_since = now
            elif now - idle_since > JOIN_PATIENCE:
                raise EngineError(f"no node of the Ray cluster has {self.place.cpus:g} CPUs free")
            for task, end in self._look(running, looks, agenda):
                running.remove(task)
                if task.cell is not None:
                    agenda.end(task.cell, end)

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Run one function, which takes a `report` last, on a node; return its result.

        Raises:
            EngineError: it raised, died, or gave no sign of life for the engine's patience.
        """
        task = self._start(function, arguments, None)
        looks = Looks()
        while True:
            for _, end in self._look([task], looks, None):
                if end.kind != "done":
                    raise EngineError(end.reason)
                return task.result

    def _start(
        self, function: Callable[..., Any], arguments: Sequence[Any], cell: Cell | None
    ) -> _Task:
        variables = {name: os.environ[name] for name in os.environ if name.startswith("RLID_")}
        return _Task(self._remote.remote(function, tuple(arguments), variables), cell)

    def _look(
        self, tasks: Sequence[_Task], looks: Looks, agenda: Agenda | None
    ) -> list[tuple[_Task, End]]:
        """Wait for news of tasks, store their records; return those that ended, and how."""
        if not tasks:
            time.sleep(POLL)
            return []
        streams = {id(task.stream): task for task in tasks}
        ready, _ = self._ray.wait(
            [task.stream for task in tasks], num_returns=len(tasks), timeout=0
        )
        if not ready:
            ready, _ = self._ray.wait([task.stream for task in tasks], timeout=POLL)
        ended = []
        for stream in ready:
            task = streams[id(stream)]
            end = self._hear(task, agenda)
            if end is not None:
                ended.append((task, end))
        step = looks.step()
        for task in tasks:
            if task.silence is not None and all(task is not other for other, _ in ended):
                task.silence.seconds += step
                if task.silence.is_too_long:
                    self._ray.cancel(task.stream, force=True)
                    ended.append((task, End("timeout", task.silence.reason, task.seconds)))
        return ended

    def _hear(self, task: _Task, agenda: Agenda | None) -> End | None:
        """Take in the next message of a task; return how the task ended, if it did."""
        errors = self._ray.exceptions
        try:
            message: Message = self._ray.get(next(task.stream))
        except StopIteration:
            return End("done", "", task.seconds)
        except errors.RayTaskError as error:
            return End("raised", named_line(error.cause or error), task.seconds)
        except (errors.NodeDiedError, errors.ObjectLostError, errors.OwnerDiedError) as error:
            return End("lost", f"its node was lost: {named_line(error)}", task.seconds)
        except errors.RayError as error:
            return End("died", f"the worker died: {named_line(error)}", task.seconds)
        if task.silence is None:
            task.began, task.silence = time.monotonic(), Silence(self.patience)
        else:
            task.silence.end(self.patience)
        match message:
            case TrialSent() if agenda is not None:
                try:
                    agenda.add(*_unpack(message))
                except DamagedRecord as error:
                    return End("raised", f"a record from a node is damaged: {error}", task.seconds)
            case TrialsStand(standings) if agenda is not None:
                agenda.stand(standings)
            case Refused(reason):
                raise TaskChanged(reason)
            case Failed(reason) | StoreUnwritable(reason):
                return End("raised", reason, task.seconds)
            case Finished(result):
                task.result = result
        return None


def _options(place: Place) -> dict[str, Any]:
    """Return what each task asks of the cluster.

    Ray lets a task of several CPUs have as many threads. numpy's would then sum in another order,
    and the trial would have other bits than on one CPU.
    """
    return {
        "num_cpus": place.cpus,
        "num_gpus": place.gpus,
        "max_retries": 0,
        "runtime_env": {"env_vars": dict.fromkeys(THREADS, "1")},
    }


def _stream(
    function: Callable[..., Any], arguments: Sequence[Any], variables: Mapping[str, str]
) -> Iterator[Message]:
    """Run a function on a node; yield its messages, the last of which says how it ended.

    `variables` of the environment are set first: the user's folder of data sets, among them.
    """
    os.environ.update(variables)
    said: queue.SimpleQueue[Message] = queue.SimpleQueue()

    def run() -> None:
        said.put(worker.outcome(function, arguments, said.put))

    yield Begun()
    threading.Thread(target=run, daemon=True).start()
    message: Message = Begun()
    while not isinstance(message, Finished | Failed | Refused | StoreUnwritable):
        message = said.get()
        yield message


def _run_cell(cell: Cell, report: Report) -> None:
    """Run a cell's trials on a node, reporting each one's record and z as plain data."""

    def deliver(record: Record, z: Any) -> None:
        data = None if z is None else np.ascontiguousarray(z, dtype="<f4").tobytes()
        report(TrialSent(written(record), data))

    worker.train(cell, deliver, report)


def _unpack(message: TrialSent) -> tuple[Record, Any]:
    """Return the record and z (d,) that a node sent.

    Raises:
        DamagedRecord: the message holds no valid record, or a z of another length.
    """
    record = parse_record(message.record)
    if message.z is None:
        return record, None
    if len(message.z) != 4 * record.spec.d:
        raise DamagedRecord(f"{len(message.z)} bytes of z for d = {record.spec.d}")
    return record, np.frombuffer(message.z, dtype="<f4").astype(np.float32)


def _slots(node: dict[str, Any], place: Place) -> int:
    """Return how many cells fit on a node."""
    if not node["Alive"]:
        return 0
    has = node["Resources"]
    asked = {"CPU": place.cpus, "GPU": place.gpus}
    fits = [int(has.get(name, 0) / count + 1e-9) for name, count in asked.items() if count]
    return min(fits, default=int(has.get("CPU", 0)))
