"""A Ray cluster: cells run on its nodes and send their records here, where they are stored.

Each cell is one Ray task, a generator of what a local worker reports through its pipe. Ray does not
retry any of them itself: what a lost node left undone goes back to the agenda, and so elsewhere.
"""

from __future__ import annotations

import contextlib
import importlib
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rlid.engine import worker
from rlid.engine.agenda import Agenda, Cell, End
from rlid.engine.engines import Place
from rlid.engine.worker import Report
from rlid.errors import DamagedRecord, EngineError, InputError, first_line, named_line
from rlid.records import Record, parse_record, written

POLL = 0.5
"""Seconds between two looks at silent cells."""
LONGEST_STEP = 2.0
"""Seconds that one look may add to a silence: more means that this process itself stood still."""
START_GRACE = 60.0
"""Seconds a cell may take to import what it needs, on top of the task's patience."""
RESOURCE_INTERVAL = 2.0
"""Seconds between two looks at how large the cluster is: nodes come and go."""
JOIN_PATIENCE = 300.0
"""Seconds without any node that fits, after which a run gives up."""


@dataclass
class _Task:
    """One task on the cluster: a cell, or a function that was called."""

    stream: Any
    cell: Cell | None
    began: float | None = None
    silence: float = 0.0
    limit: float = 0.0
    result: Any = None


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
        except (ConnectionError, ValueError, RuntimeError) as error:
            where = place.address or "local"
            raise EngineError(f"no Ray cluster at {where}: {first_line(error)}") from None
        options = {"num_cpus": place.cpus, "num_gpus": place.gpus, "max_retries": 0}
        self._remote = ray.remote(num_returns="streaming", **options)(_stream)

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
        """Run what the agenda hands out, until every trial on it has its record.

        Raises:
            StoreError: the store cannot be written.
            EngineError: the cluster has no node that fits, and none has come for a while.
        """
        running: list[_Task] = []
        looked = idle_since = time.monotonic()
        while not agenda.is_done:
            while len(running) < self.capacity and (cell := agenda.next()) is not None:
                running.append(self._start(_run_cell, [cell], cell))
            now = time.monotonic()
            if running or self.capacity:
                idle_since = now
            elif now - idle_since > JOIN_PATIENCE:
                raise EngineError(f"no node of the Ray cluster has {self.place.cpus:g} CPUs free")
            for task, end in self._look(running, now - looked, agenda):
                running.remove(task)
                if task.cell is not None:
                    agenda.end(task.cell, end)
            looked = now

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Run one function, which takes a `report` last, on a node; return its result.

        Raises:
            EngineError: it raised, died, or gave no sign of life for the engine's patience.
        """
        task = self._start(function, arguments, None)
        looked = time.monotonic()
        while True:
            now = time.monotonic()
            for _, end in self._look([task], now - looked, None):
                if end.kind != "done":
                    raise EngineError(end.reason)
                return task.result
            looked = now

    def _start(
        self, function: Callable[..., Any], arguments: Sequence[Any], cell: Cell | None
    ) -> _Task:
        return _Task(self._remote.remote(function, tuple(arguments)), cell)

    def _look(
        self, tasks: Sequence[_Task], step: float, agenda: Agenda | None
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
        for task in tasks:
            # One that has not begun waits for its place on the cluster.
            if task.began is not None and all(task is not other for other, _ in ended):
                task.silence += min(step, LONGEST_STEP)
                if task.silence > task.limit:
                    self._ray.cancel(task.stream, force=True)
                    reason = f"no sign of life for {task.limit:g} s"
                    ended.append((task, End("timeout", reason, _since(task))))
        return ended

    def _hear(self, task: _Task, agenda: Agenda | None) -> End | None:
        """Take in the next thing that a task reports; return how it ended, if it did."""
        errors = self._ray.exceptions
        try:
            kind, value = self._ray.get(next(task.stream))
        except StopIteration:
            return End("done", "", _since(task))
        except errors.RayTaskError as error:
            return End("raised", named_line(error.cause or error), _since(task))
        except (errors.NodeDiedError, errors.ObjectLostError, errors.OwnerDiedError) as error:
            return End("lost", f"its node was lost: {named_line(error)}", _since(task))
        except errors.RayError as error:
            return End("died", f"the worker died: {named_line(error)}", _since(task))
        if task.began is None:
            task.began, task.limit = time.monotonic(), self.patience + START_GRACE
        else:
            task.limit = self.patience
        task.silence = 0.0
        if kind == "record" and agenda is not None:
            try:
                agenda.add(*_unpack(*value))
            except DamagedRecord as error:
                return End("raised", f"a record from a node is damaged: {error}", _since(task))
        elif kind == "done":
            task.result = value
        return None


def _stream(function: Callable[..., Any], arguments: Sequence[Any]) -> Iterator[tuple[str, Any]]:
    """Run a function on a node; yield what it reports, and at last its result."""
    said: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()

    def run() -> None:
        try:
            said.put(("done", function(*arguments, lambda kind, value: said.put((kind, value)))))
        except BaseException as error:
            said.put(("raised", error))

    yield "began", None
    threading.Thread(target=run, daemon=True).start()
    while True:
        kind, value = said.get()
        if kind == "raised":
            raise value
        yield kind, value
        if kind == "done":
            return


def _run_cell(cell: Cell, report: Report) -> None:
    """Run a cell's trials on a node, reporting each one's record and z as plain data."""

    def deliver(record: Record, z: Any) -> None:
        data = None if z is None else np.ascontiguousarray(z, dtype="<f4").tobytes()
        report("record", (written(record), data))

    worker.train(cell, deliver, worker.beats(report))


def _unpack(text: str, data: bytes | None) -> tuple[Record, Any]:
    """Return the record and z (d,) that a node sent.

    Raises:
        DamagedRecord: it is none.
    """
    record = parse_record(text)
    if data is None:
        return record, None
    if len(data) != 4 * record.spec.d:
        raise DamagedRecord(f"{len(data)} bytes of z for d = {record.spec.d}")
    return record, np.frombuffer(data, dtype="<f4").astype(np.float32)


def _slots(node: dict[str, Any], place: Place) -> int:
    """Return how many cells fit on a node."""
    if not node["Alive"]:
        return 0
    has = node["Resources"]
    asked = {"CPU": place.cpus, "GPU": place.gpus}
    fits = [int(has.get(name, 0) / count + 1e-9) for name, count in asked.items() if count]
    return min(fits, default=int(has.get("CPU", 0)))


def _since(task: _Task) -> float:
    return 0.0 if task.began is None else time.monotonic() - task.began
