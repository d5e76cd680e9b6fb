"""One trial's part in a batch of PPO trials: its generators, and where it stands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rlid.problem import Problem
from rlid.records import State, generator_state, joined, restore_generator

if TYPE_CHECKING:
    from rlid.batched.ppo import PPOBatch
    from rlid.batched.settings import PPOSettings

GENERATORS = ("episodes", "noise", "order", "start")


@cache
def keeps_bits() -> bool:
    """Return whether a trial gets the bits in a batch that it gets alone, on this machine."""
    from rlid.batched.self_test import differing_batches

    return not differing_batches()


@dataclass(eq=False)
class PPOLearner:
    """One trial's part in a batch: its problem, generators, and where it stands after a round.

    Attributes:
        settings: the same for all trials of a batch.
        scale: z over the trained tensor.
        rng: what all its randomness comes from; each use has a generator of its own.
        z: where it stands in the subspace, (d,).
        returns: what its training episodes earned in the last round.
        scalars: numbers of its last update to watch it by; empty where it is not watched.
        has_left: whether its trial is over, so that the next round goes on without it.
    """

    problem: Problem
    settings: PPOSettings
    scale: float
    rng: np.random.Generator
    returns: list[float] = field(default_factory=list)
    scalars: dict[str, float] = field(default_factory=dict)
    has_left: bool = False

    def __post_init__(self) -> None:
        """Give each use of randomness a generator of its own; go on from a saved state."""
        self.episodes, self.noise, self.order, self.start = self.rng.spawn(4)
        self.z: NDArray[np.float32] = np.zeros(self.problem.dim, np.float32)
        self.optimizer: dict[str, NDArray[np.floating]] | None = None
        self._batch: PPOBatch | None = None
        if self.problem.saved is not None:
            self._restore(self.problem.saved)

    @property
    def batch(self) -> PPOBatch | None:
        """The batch that it is in, once it has begun."""
        return self._batch

    def begin_batches(self, learners: Sequence[PPOLearner]) -> None:
        """Give learners that begin together their batches, as many in each as have room.

        Where a batch would change the bits of a trial, each has one of its own.
        """
        from rlid.batched.ppo import PPOBatch

        # The cell sees to the limit on instances; how many fit into one simulator is asked here.
        simulator = self.problem.simulator
        slots = simulator.own_slots or simulator.max_slots
        room = max(1, slots // self.settings.n_envs)
        if self.problem.device == "cpu" and not keeps_bits():
            room = 1
        for first in range(0, len(learners), room):
            batch = PPOBatch(learners[first : first + room])
            for learner in batch.learners:
                learner._batch = batch

    def begin_anew(self) -> None:
        """Begin new episodes in its environments, as a resumed trial does."""
        if self._batch is not None:
            self._batch.begin_anew(self)

    def saver(self) -> Callable[[], State]:
        """Return the function that gives the state of now; it is called before the next round."""
        return self._state

    def _state(self) -> State:
        assert self._batch is not None
        plain = {name: generator_state(getattr(self, name)) for name in GENERATORS}
        return joined({"generators": State(plain), "optimizer": State({}, self._batch.row(self))})

    def _restore(self, state: State) -> None:
        generators = state.part("generators").plain
        self.optimizer = dict(state.part("optimizer").arrays)
        for name in GENERATORS:
            restore_generator(getattr(self, name), generators[name])
