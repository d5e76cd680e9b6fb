"""Episodes of many policies at once: one simulator, batched networks, ended ones replaced."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from rlid.errors import EnvironmentFault
from rlid.evaluation.finite import check_finite, check_returns, seems_finite
from rlid.evaluation.policies import make_policies
from rlid.evaluation.rows import EvaluationJob, Group, Row
from rlid.evaluation.slots import Slots
from rlid.networks import Network
from rlid.simulators import sample
from rlid.task import Task
from rlid.world import Beat, Simulator, no_beat

REFILL_SHARE = 0.125
"""Share of the rows under way that must have ended before waiting rows take their slots, where no
job is answered yet: each change costs as much as several steps."""
SHRINK_SHARE = 0.5
"""The same where no row waits: ended rows only make the policies compute what nothing reads."""
SPARE_SLOTS = 1.5
"""Slots to open for each episode wanted at first, where slots share the cost of a step: the jobs
that follow then find room without a new start."""
RESTART_FACTOR = 2
"""Episodes wanted for each slot at which the simulator waits for its slots to be free, and starts
anew with more."""


@dataclass(frozen=True)
class JobResult:
    """The answer to a job: returns (n, E) and steps (n,) of its policies, or a fault."""

    key: int
    values: NDArray[np.float64]
    steps: NDArray[np.int64]
    fault: EnvironmentFault | None = None


class Rollouts:
    """Runs the episodes of several jobs side by side, and answers each job as it ends.

    The result of a policy depends on that policy alone: its episodes begin from their own seeds,
    and its batched product has a shape of its own. A row whose episodes have all ended makes room
    for a waiting row; until then the slots of its ended episodes idle.
    """

    def __init__(
        self,
        task: Task,
        network: Network,
        simulator: Simulator,
        beat: Beat = no_beat,
    ) -> None:
        """Prepare; nothing starts before there is a job.

        Args:
            task: whose protocol holds.
            network: of all policies.
            simulator: of the task; it is used by nothing else meanwhile.
            beat: called at every step, as a sign of life.
        """
        self._task, self._network, self._simulator, self._beat = task, network, simulator, beat
        self._waiting: deque[Row] = deque()
        self._groups: list[Group] = []
        self._over: list[Row] = []
        self._under_way = 0
        self._open(0)

    def add(self, key: int, Theta: torch.Tensor, seeds: NDArray[np.int64]) -> None:  # noqa: N803
        """Take in a job: weights Theta (n, D), to be run through episodes `seeds` (n, E)."""
        self._waiting.extend(EvaluationJob(key, Theta, seeds).rows(self._simulator.max_slots))

    @torch.inference_mode()
    def run(self) -> list[JobResult]:
        """Step until at least one job is answered; return the results of answered jobs."""
        try:
            # Numbers that are not finite are found by check_finite, and by policies that compare.
            with np.errstate(all="ignore"):
                return self._until_answered()
        except EnvironmentFault as fault:
            return self._apart(fault)

    def _until_answered(self) -> list[JobResult]:
        self._arrange()
        while True:
            is_answered = self._step()
            share = REFILL_SHARE if self._waiting else SHRINK_SHARE
            if is_answered or len(self._over) >= share * self._under_way:
                results = self._collect()
                if results:
                    return results
                self._arrange()

    def _step(self) -> bool:
        """Step until an episode ends; return whether a job is answered by it."""
        slots, groups = self._slots, self._groups
        active, has_ended = slots.active, False
        while not has_ended:
            self._beat()
            for group in groups:
                slots.actions = group.act(slots.observations, active, slots.actions)
            slots.observations, rewards, terminated, truncated = self._simulator.step(
                slots.actions, active
            )
            if not (seems_finite(rewards) and seems_finite(slots.observations)):
                check_finite(rewards, active)
                check_finite(slots.observations, active)
            slots.totals += rewards * active
            slots.now += 1
            ended = terminated | truncated
            at_cap = slots.at_cap()
            if at_cap is not None:
                ended |= at_cap
            ended &= active
            has_ended = bool(np.count_nonzero(ended))
        check_returns(slots.totals[ended])
        slots.end(ended)
        is_answered = False
        for row in slots.rows[ended]:
            row.left -= 1
            if row.left == 0:
                self._over.append(row)
                row.job.left -= 1
                is_answered |= row.job.left == 0
        return is_answered

    def _collect(self) -> list[JobResult]:
        """Store the results of the rows that are over; return those of the jobs that end."""
        ended: dict[int, EvaluationJob] = {}
        for row in self._over:
            job = row.job
            job.values[row.index, row.episodes] = self._slots.totals[row.slots]
            job.steps[row.index] += self._slots.steps[row.slots].sum()
            if job.left == 0:
                ended[job.key] = job
        return [JobResult(key, job.values, job.steps) for key, job in ended.items()]

    def _arrange(self) -> None:
        """Give the slots of rows that are over to waiting rows, in their order."""
        self._slots.release([slot for row in self._over for slot in row.slots.tolist()])
        self._over = []
        self._close_ranks()
        wanted = sum(len(row) for row in self._waiting)
        slots = len(self._slots)
        busy, may_grow = slots - len(self._slots.free), slots < self._simulator.max_slots
        is_fresh = busy == 0 and wanted > slots and (may_grow or slots == 0)
        if is_fresh:
            self._begin(wanted)
        admitted = []
        if is_fresh or not may_grow or wanted + busy <= RESTART_FACTOR * slots:
            admitted = self._admit()
        self._seat(admitted)
        if admitted:
            self._start(admitted, is_fresh)

    def _seat(self, admitted: list[Row]) -> None:
        """Let admitted rows act in groups, and rows that are over no more."""
        fresh: dict[Group, list[Row]] = {group: [] for group in self._groups}
        for row in admitted:
            group = next((group for group in fresh if group.takes(row)), None)
            if group is None:
                space = self._simulator.action_space
                policies = make_policies(self._network, space, self._task.action)
                group = Group(policies, len(row.slots))
            fresh.setdefault(group, []).append(row)
        for group, rows in fresh.items():
            group.put(rows)
        self._groups = [group for group in fresh if group.rows]
        self._under_way = sum(len(group.rows) for group in self._groups)

    def _close_ranks(self) -> None:
        """Move active slots to the front, where the simulator gains from it."""
        order = self._slots.closer() if self._simulator.reorders else None
        if order is None:
            return
        self._simulator.reorder(order)
        slot_of = self._slots.reorder(order)
        for group in self._groups:
            group.move(slot_of)

    def _begin(self, wanted: int) -> None:
        """Open slots for the episodes wanted, or as many as the simulator can hold."""
        first = len(self._waiting[0])
        most = int(wanted * SPARE_SLOTS) if self._simulator.merges else wanted
        self._open(max(first, min(most, self._simulator.max_slots)))

    def _start(self, admitted: list[Row], is_fresh: bool) -> None:
        taken = np.concatenate([row.slots for row in admitted])
        seeds: list[int] = np.concatenate([row.seeds for row in admitted]).tolist()
        if is_fresh:
            spare = len(self._slots) - len(seeds)
            self._slots.observations = self._simulator.start(seeds + seeds[:1] * spare)
        else:
            self._slots.observations[taken] = self._simulator.restart(taken, seeds)
        check_finite(self._slots.observations[taken])
        for row in admitted:
            self._slots.rows[row.slots] = row
        self._slots.begin(taken)

    def _open(self, slots: int) -> None:
        self._slots = Slots(slots, self._task.episode_cap)
        self._over = []

    def _admit(self) -> list[Row]:
        """Take waiting rows into free slots, as many as fit."""
        admitted = []
        while self._waiting and len(self._waiting[0]) <= len(self._slots.free):
            row = self._waiting.popleft()
            row.slots = self._slots.take(len(row))
            admitted.append(row)
        return admitted

    def _apart(self, fault: EnvironmentFault) -> list[JobResult]:
        """Run each job that was under way again, alone, to see whose the fault was."""
        jobs = {row.job.key: row.job for group in self._groups for row in group.rows}
        self._groups = []
        self._waiting = deque(row for row in self._waiting if row.job.key not in jobs)
        self._open(0)
        if len(jobs) == 1:
            (job,) = jobs.values()
            return [JobResult(job.key, job.values, job.steps, fault)]
        results = []
        for job in jobs.values():
            alone = Rollouts(self._task, self._network, self._simulator, self._beat)
            alone.add(job.key, job.Theta, job.seeds)
            results += alone.run()
        return results


def random_returns(
    task: Task,
    simulator: Simulator,
    seeds: Sequence[int],
    rng: np.random.Generator,
    beat: Beat = no_beat,
) -> NDArray[np.float64]:
    """Return the returns (n,) of random actions in one episode per seed.

    They do not depend on how many episodes the task or the user lets the simulator hold at once.

    Raises:
        EnvironmentFault: the environment failed.
    """
    together = simulator.own_slots or simulator.max_slots
    totals: list[NDArray[np.float64]] = []
    for first in range(0, len(seeds), together):
        group = seeds[first : first + together]
        drawn: list[NDArray[Any]] = []
        for at in range(0, len(group), simulator.max_slots):
            part = slice(at, at + simulator.max_slots)
            simulator.start(group[part])
            returns = np.zeros(len(group[part]))
            active = np.ones(len(returns), bool)
            for step in range(task.episode_cap):
                beat()
                if step == len(drawn):
                    drawn.append(sample(simulator.action_space, rng, len(group)))
                _, rewards, terminated, truncated = simulator.step(drawn[step][part], active)
                check_finite(rewards, active)
                with np.errstate(over="ignore"):
                    returns += rewards * active
                active &= ~(terminated | truncated)
                if not active.any():
                    break
            check_returns(returns)
            totals.append(returns)
    return np.concatenate(totals)
