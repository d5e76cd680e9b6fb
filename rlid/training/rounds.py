"""Rounds of training for several trials at once, and whose fault it is when one fails."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Generic, NamedTuple, TypeVar

from rlid.agent import Learner, TrainingBatch
from rlid.errors import AgentFault, EnvironmentFault, SharedFault, named_line

T = TypeVar("T")
Fault = EnvironmentFault | AgentFault


class Trained(NamedTuple, Generic[T]):
    """A trial that was trained, its share of the seconds, and what went wrong, if anything."""

    trial: T
    seconds: float
    fault: Fault | None


class Rounds(Generic[T]):
    """The trials of a cell that wait for a round of training, and the batches that they are in."""

    def __init__(self) -> None:
        """Start with nobody waiting."""
        self._waiting: list[tuple[Learner, T]] = []
        self._batches: list[TrainingBatch] = []

    def add(self, learner: Learner, trial: T) -> None:
        """Let a trial wait for its learner's next round."""
        self._waiting.append((learner, trial))

    def round(self) -> list[Trained[T]]:
        """Train every learner that waits, those of a batch together; return them in their order.

        Raises:
            SharedFault: training failed in a batch of several: each is to be trained alone.
        """
        waiting, self._waiting = self._waiting, []
        fresh = [learner for learner, _ in waiting if learner.batch is None]
        faults: dict[int, Fault | None] = {}
        seconds: dict[int, float] = {}
        if fresh:
            try:
                fault, _ = self._run(lambda: fresh[0].begin_batches(fresh), len(fresh))
            finally:
                # Where one could not be made, those before it hold environments all the same.
                self._hold(fresh)
            faults |= dict.fromkeys(map(id, fresh), fault)
        for batch in {id(learner.batch): learner.batch for learner, _ in waiting}.values():
            if batch is None:
                continue
            members = [id(learner) for learner, _ in waiting if learner.batch is batch]
            fault, taken = self._run(batch.round, len(members))
            faults |= dict.fromkeys(members, fault)
            seconds |= dict.fromkeys(members, taken / len(members))
        return [
            Trained(trial, seconds.get(id(learner), 0.0), faults.get(id(learner)))
            for learner, trial in waiting
        ]

    def _run(self, work: Callable[[], None], trials: int) -> tuple[Fault | None, float]:
        """Do work for so many trials; return its fault and its seconds."""
        started = time.perf_counter()
        fault: Fault | None = None
        try:
            work()
        except EnvironmentFault as error:
            fault = error
        except (Exception, SystemExit) as error:
            fault = AgentFault(f"training raised {named_line(error)}")
        if fault is not None and trials > 1:
            raise SharedFault(f"{trials} trials trained together: {fault}") from fault
        return fault, time.perf_counter() - started

    def _hold(self, learners: Sequence[Learner]) -> None:
        """Note the batches of learners, which are to be closed."""
        for learner in learners:
            if learner.batch is not None and learner.batch not in self._batches:
                self._batches.append(learner.batch)

    def close(self) -> None:
        """Release what the batches hold."""
        for batch in self._batches:
            batch.close()
