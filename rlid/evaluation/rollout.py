"""Episodes of many policies at once: one simulator, batched networks, finished ones replaced."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from rlid.errors import EnvironmentFault
from rlid.evaluation.policies import make_policies
from rlid.evaluation.rows import EvaluationJob, Group, Row
from rlid.evaluation.slots import Slots
from rlid.networks import Network
from rlid.simulators import sample
from rlid.task import Task
from rlid.world import Simulator, no_beat

DUE_AT, IDLE_AT = 0.125, 0.5
"""Shares of rows that are over when they make room, though no question is answered: where others
wait for their slots, and where none do and room only spares the policies some idle rows."""
SPARE = 1.5
"""Where slots share the cost of a step, so many times as many are there as are wanted at first."""
GROW_AT = 2
"""So many times the slots that there are must be wanted before the simulator starts with more."""


@dataclass(frozen=True)
class JobResult:
    """The answer to a question: returns (n, E) and steps (n,) of its policies, or a fault."""

    key: int
    values: NDArray[np.float64]
    steps: NDArray[np.int64]
    fault: EnvironmentFault | None = None


class Rollouts:
    """Runs the episodes of several questions side by side, and answers each as it ends.

    A row of a question depends on that row alone: its episodes begin from its own seeds, and its
    batched product has a shape of its own. A row whose episodes have all ended makes room for one
    that waits; until then the slots of its ended episodes idle.
    """

    def __init__(
        self,
        task: Task,
        network: Network,
        simulator: Simulator,
        beat: Callable[[], None] = no_beat,
    ) -> None:
        """Nothing starts before there is a question."""
        self._task, self._network, self._simulator, self._beat = task, network, simulator, beat
        self._waiting: deque[tuple[EvaluationJob, int]] = deque()
        self._groups: list[Group] = []
        self._over: list[Row] = []
        self._under_way = 0
        self._open(0)

    def add(self, key: int, Theta: torch.Tensor, seeds: NDArray[np.int64]) -> None:  # noqa: N803
        """Put a question: weights Theta (n, D), to be run through episodes `seeds` (n, E)."""
        question = EvaluationJob(key, Theta, seeds)
        self._waiting.extend((question, index) for index in range(len(seeds)))

    @torch.inference_mode()
    def run(self) -> list[JobResult]:
        """Step until at least one question is answered; return those that are."""
        try:
            # What is not finite is seen to by check_finite, and by policies that compare.
            with np.errstate(all="ignore"):
                return self._until_answered()
        except EnvironmentFault as fault:
            return self._apart(fault)

    def _until_answered(self) -> list[JobResult]:
        self._arrange()
        while True:
            is_answered = self._step()
            due = DUE_AT if self._waiting else IDLE_AT
            if is_answered or len(self._over) >= due * self._under_way:
                found = self._collect()
                if found:
                    return found
                self._arrange()

    def _step(self) -> bool:
        """Step until an episode ends; return whether a question is answered by it."""
        slots, groups = self._slots, self._groups
        active, has_ended = slots.active, False
        while not has_ended:
            self._beat()
            for group in groups:
                slots.actions = group.act(slots.observations, active, slots.actions)
            found = self._simulator.step(slots.actions, active)
            slots.observations, rewards, terminated, truncated = found
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
        slots.end(ended)
        is_answered = False
        for row in slots.rows[ended]:
            row.left -= 1
            if row.left == 0:
                self._over.append(row)
                row.question.left -= 1
                is_answered |= row.question.left == 0
        return is_answered

    def _collect(self) -> list[JobResult]:
        """Write down what came of the rows that are over; return the questions that end there."""
        ended: dict[int, EvaluationJob] = {}
        for row in self._over:
            question = row.question
            question.values[row.index] = self._slots.totals[row.slots]
            question.steps[row.index] = self._slots.steps[row.slots].sum()
            if question.left == 0:
                ended[question.key] = question
        return [JobResult(key, item.values, item.steps) for key, item in ended.items()]

    def _arrange(self) -> None:
        """Give the slots of rows that are over to rows that wait, in their order."""
        self._slots.release([slot for row in self._over for slot in row.slots.tolist()])
        self._over = []
        self._close_ranks()
        wanted = sum(question.seeds.shape[1] for question, _ in self._waiting)
        slots = len(self._slots)
        busy, may_grow = slots - len(self._slots.free), slots < self._simulator.max_slots
        is_fresh = busy == 0 and wanted > slots and (may_grow or slots == 0)
        if is_fresh:
            self._begin(wanted)
        admitted = []
        if is_fresh or not may_grow or wanted + busy <= GROW_AT * slots:
            admitted = self._admit()
        self._seat(admitted)
        if admitted:
            self._start(admitted, is_fresh)

    def _seat(self, admitted: list[Row]) -> None:
        """Have rows of one group act together, and those that are over no more."""
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
        """Have what is under way stand side by side, where that spares the simulator something."""
        order = self._slots.closer() if hasattr(self._simulator, "reorder") else None
        if order is None:
            return
        self._simulator.reorder(order)  # type: ignore[attr-defined]
        place = self._slots.reorder(order)
        for group in self._groups:
            group.move(place)

    def _begin(self, wanted: int) -> None:
        """Make room for what is wanted, or for as much as there may be."""
        first = self._waiting[0][0].seeds.shape[1]
        most = int(wanted * SPARE) if self._simulator.merges else wanted
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
        """Take rows that wait into free slots, as far as these go."""
        admitted = []
        while self._waiting:
            question, index = self._waiting[0]
            episodes = question.seeds.shape[1]
            if episodes > len(self._slots.free):
                break
            self._waiting.popleft()
            admitted.append(Row(question, index, self._slots.take(episodes)))
        return admitted

    def _apart(self, fault: EnvironmentFault) -> list[JobResult]:
        """Ask each question that was under way again, alone, to see whose the fault was."""
        questions = {row.question.key: row.question for group in self._groups for row in group.rows}
        waiting = [pair for pair in self._waiting if pair[0].key not in questions]
        self._groups, self._waiting = [], deque(waiting)
        self._open(0)
        if len(questions) == 1:
            (question,) = questions.values()
            return [JobResult(question.key, question.values, question.steps, fault)]
        found = []
        for question in questions.values():
            alone = Rollouts(self._task, self._network, self._simulator, self._beat)
            alone.add(question.key, question.Theta, question.seeds)
            found += alone.run()
        return found


def seems_finite(values: NDArray[Any]) -> bool:
    """Whether no value is NaN or infinite; what is too large to be squared may be called so."""
    # One product is cheaper than a test of every entry.
    return values.dtype.kind != "f" or isfinite(np.vdot(values, values))


def check_finite(values: NDArray[np.floating], active: NDArray[np.bool_] | None = None) -> None:
    """Refuse NaN and infinity in the active slots of rewards (n,) or observations (n, size).

    Raises:
        EnvironmentFault: with status "nonfinite".
    """
    if np.isfinite(values.sum()):
        return
    wrong = ~np.isfinite(values if active is None else values[active])
    if wrong.any():
        what = "a reward" if values.ndim == 1 else "an observation"
        raise EnvironmentFault(f"the environment gave {what} that is not finite", "nonfinite")


def random_returns(
    task: Task,
    simulator: Simulator,
    seeds: Sequence[int],
    rng: np.random.Generator,
    beat: Callable[[], None] = no_beat,
) -> NDArray[np.float64]:
    """Return the returns (n,) of uniformly random actions in one episode per seed.

    Raises:
        EnvironmentFault: the environment failed.
    """
    totals: list[NDArray[np.float64]] = []
    for at in range(0, len(seeds), simulator.max_slots):
        part = seeds[at : at + simulator.max_slots]
        simulator.start(part)
        active, returns = np.ones(len(part), bool), np.zeros(len(part))
        for _ in range(task.episode_cap):
            beat()
            actions = sample(simulator.action_space, rng, len(part))
            _, rewards, terminated, truncated = simulator.step(actions, active)
            check_finite(rewards, active)
            returns += rewards * active
            active &= ~(terminated | truncated)
            if not active.any():
                break
        totals.append(returns)
    return np.concatenate(totals)
