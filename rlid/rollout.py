"""Episodes of many policies at once: one simulator, batched networks, finished ones replaced."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from rlid.actions import decoder, sample
from rlid.networks import Network
from rlid.task import EnvironmentFault, Simulator, Task

COMPACT_AT = 0.25
"""Share of rows, or of questions, that are over when the batch is made up anew."""
GROW_AT = 2
"""So many times the slots that there are must be wanted before the simulator starts with more."""


def no_beat() -> None:
    """Give no sign of life: the default where nobody watches."""


@dataclass
class _Question:
    """Weights Theta (n, D) to be run through episodes `seeds` (n, E), and what came out so far."""

    key: int
    Theta: torch.Tensor
    seeds: NDArray[np.int64]
    values: NDArray[np.float64] = field(init=False)
    steps: NDArray[np.int64] = field(init=False)
    left: int = field(init=False)

    def __post_init__(self) -> None:
        self.values, self.left = np.zeros(self.seeds.shape), len(self.seeds)
        self.steps = np.zeros(len(self.seeds), np.int64)


@dataclass
class _Row:
    """One policy under way: row `index` of its question, in slots (E,) of the simulator."""

    question: _Question
    index: int
    slots: NDArray[np.intp]


@dataclass
class _Group:
    """The rows with equally many episodes, whose slots (n, E) one batched network acts in."""

    policy: Callable[[torch.Tensor], torch.Tensor]
    slots: NDArray[np.intp]


@dataclass(frozen=True)
class Outcome:
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
        self._decode = decoder(simulator.action_space, task.action)[1]
        self._waiting: deque[tuple[_Question, int]] = deque()
        self._rows: list[_Row] = []
        self._groups: list[_Group] = []
        self._observations: NDArray[Any] = np.empty(0)
        self._actions: NDArray[Any] = np.empty(0)
        self._open(0)

    def add(self, key: int, Theta: torch.Tensor, seeds: NDArray[np.int64]) -> None:  # noqa: N803
        """Put a question: weights Theta (n, D), to be run through episodes `seeds` (n, E)."""
        question = _Question(key, Theta, seeds)
        self._waiting.extend((question, index) for index in range(len(seeds)))

    @torch.inference_mode()
    def run(self) -> list[Outcome]:
        """Step until at least one question is answered; return those that are."""
        try:
            self._arrange()
            while True:
                self._step()
                over = [row for row in self._rows if not self._active[row.slots].any()]
                if self._is_due(over):
                    found = self._collect(over)
                    if found:
                        return found
                    self._arrange()
        except EnvironmentFault as fault:
            return self._apart(fault)

    def _step(self) -> None:
        """Step until an episode ends."""
        has_ended = False
        while not has_ended:
            self._beat()
            for group in self._groups:
                n, episodes = group.slots.shape
                x = torch.from_numpy(self._observations[group.slots])
                outputs = group.policy(x).view(n * episodes, -1).numpy()
                self._act(group.slots, self._decode(outputs))
            active = self._active
            found = self._simulator.step(self._actions, active)
            self._observations, rewards, terminated, truncated = found
            check_finite(rewards, active)
            check_finite(self._observations, active)
            self._totals += rewards * active
            self._steps += active
            ended = active & (terminated | truncated | (self._steps >= self._task.episode_cap))
            has_ended = bool(ended.any())
            active ^= ended

    def _act(self, slots: NDArray[np.intp], actions: NDArray[Any]) -> None:
        if len(self._actions) < len(self._active):
            # Slots that idle are given actions too, of which nothing follows.
            self._actions = np.empty((len(self._active), *actions.shape[1:]), actions.dtype)
            self._actions[:] = actions[0]
        self._actions[slots.ravel()] = actions

    def _is_due(self, over: list[_Row]) -> bool:
        """Whether enough is over for the batch to be made up anew."""
        if len(over) >= COMPACT_AT * len(self._rows):
            return True
        ended: dict[int, int] = {}
        for row in over:
            ended[row.question.key] = ended.get(row.question.key, 0) + 1
        questions = {row.question.key: row.question for row in self._rows}
        answered = sum(questions[key].left == count for key, count in ended.items())
        return answered > 0 and answered >= COMPACT_AT * len(questions)

    def _collect(self, over: list[_Row]) -> list[Outcome]:
        """Take rows that are over out of their slots; return the questions that end with them."""
        found = []
        for row in over:
            question = row.question
            question.values[row.index] = self._totals[row.slots]
            question.steps[row.index] = self._steps[row.slots].sum()
            question.left -= 1
            self._free.extend(row.slots.tolist())
            if question.left == 0:
                found.append(Outcome(question.key, question.values, question.steps))
        gone = {id(row) for row in over}
        self._rows = [row for row in self._rows if id(row) not in gone]
        return found

    def _arrange(self) -> None:
        """Give free slots to rows that wait, in their order, and bind the networks anew."""
        wanted = sum(question.seeds.shape[1] for question, _ in self._waiting)
        slots = len(self._active)
        is_small = len(self._active) < self._simulator.max_slots and (
            wanted + slots - len(self._free) > GROW_AT * slots
        )
        if not self._rows:
            self._begin(wanted)
        elif not is_small:
            admitted = list(self._admit())
            if admitted:
                taken = np.concatenate([row.slots for row in admitted])
                seeds = np.concatenate([row.question.seeds[row.index] for row in admitted])
                self._observations[taken] = self._simulator.restart(taken, seeds.tolist())
                check_finite(self._observations[taken])
                self._active[taken] = True
                self._totals[taken], self._steps[taken] = 0.0, 0
        self._group()

    def _begin(self, wanted: int) -> None:
        """Start the simulator with as many slots as are wanted, or as there may be."""
        first = self._waiting[0][0].seeds.shape[1]
        self._open(max(first, min(wanted, self._simulator.max_slots)))
        admitted = list(self._admit())
        seeds = np.concatenate([row.question.seeds[row.index] for row in admitted])
        self._open(len(seeds))
        for row in admitted:
            del self._free[: len(row.slots)]
        self._observations = self._simulator.start(seeds.tolist())
        check_finite(self._observations)
        self._active[:] = True

    def _open(self, slots: int) -> None:
        self._active = np.zeros(slots, bool)
        self._totals, self._steps = np.zeros(slots), np.zeros(slots, np.int64)
        self._actions = np.empty(0)
        self._free = list(range(slots))

    def _admit(self) -> Iterator[_Row]:
        """Take rows that wait into free slots, as far as these go."""
        while self._waiting and self._waiting[0][0].seeds.shape[1] <= len(self._free):
            question, index = self._waiting.popleft()
            episodes = question.seeds.shape[1]
            row = _Row(question, index, np.array(self._free[:episodes], np.intp))
            del self._free[:episodes]
            self._rows.append(row)
            yield row

    def _group(self) -> None:
        by_episodes: dict[int, list[_Row]] = {}
        for row in self._rows:
            by_episodes.setdefault(len(row.slots), []).append(row)
        self._groups = [
            _Group(
                self._network.bind(torch.stack([row.question.Theta[row.index] for row in rows])),
                np.stack([row.slots for row in rows]),
            )
            for rows in by_episodes.values()
        ]

    def _apart(self, fault: EnvironmentFault) -> list[Outcome]:
        """Ask each question that was under way again, alone, to see whose the fault was."""
        questions = {row.question.key: row.question for row in self._rows}
        waiting = [pair for pair in self._waiting if pair[0].key not in questions]
        self._rows, self._waiting = [], deque(waiting)
        self._open(0)
        if len(questions) == 1:
            (question,) = questions.values()
            return [Outcome(question.key, question.values, question.steps, fault)]
        found = []
        for question in questions.values():
            alone = Rollouts(self._task, self._network, self._simulator, self._beat)
            alone.add(question.key, question.Theta, question.seeds)
            found += alone.run()
        return found


def check_finite(values: NDArray[np.floating], active: NDArray[np.bool_] | None = None) -> None:
    """Refuse NaN and infinity in the active slots of rewards (n,) or observations (n, size).

    Raises:
        EnvironmentFault: with status "nonfinite".
    """
    # One sum is cheaper than a test of every entry, and finite unless something is amiss.
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
