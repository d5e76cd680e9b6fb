"""What a task is solved in: a simulator of episodes, or an objective that is scored and followed.

These are protocols with defaults: a class derives from one, and writes the methods that have none.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Part = Literal["search", "validation", "scoring"]
"""What a score is for; an objective may keep data of its own for each."""
Shape = tuple[int, int, int]
"""Of an image: channels, height, width."""
Steps = tuple[NDArray[Any], NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_]]
"""One step of n slots: observations (n, size), rewards (n,), terminated (n,), truncated (n,)."""
DrawSeeds = Callable[[int], list[int]]
"""Draws the seeds of so many episodes."""
Beat = Callable[[], None]
"""Is called now and then by what takes long, as a sign of life."""
SECONDS_BETWEEN_BEATS = 1.0
"""Between two signs of life of one long computation."""


def no_beat() -> None:
    """Give no sign of life: nobody waits for one."""


@contextmanager
def beating(beat: Beat) -> Iterator[None]:
    """Give signs of life from a thread while one call computes for long.

    It is for computations that always end, such as the factorisation of a large P: on a busy
    machine it takes minutes. Code of an environment may hang, and gives its own signs.
    """
    is_done = threading.Event()

    def give() -> None:
        while not is_done.wait(SECONDS_BETWEEN_BEATS):
            beat()

    thread = threading.Thread(target=give, daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_done.set()
        thread.join()


@runtime_checkable
class Simulator(Protocol):
    """Independent episodes of one environment, side by side in slots.

    An episode's course depends on its seed and its actions alone, never on the other slots.
    Observations are flat, of float32 or uint8. Every array that a simulator returns is the
    caller's own; the actions stay the caller's, which writes the next ones into the same array, so
    that a simulator copies what it keeps or hands to code that may keep it.

    Attributes:
        observation_size: numbers in an observation.
        observation_shape: (channels, height, width) of an observation, where it is an image;
            convolutions need it.
        observation_type: of the numbers in an observation, float32 or uint8.
        action_space: gymnasium's space of one action.
        merges: whether many slots cost about as much as few, so that trials gain from a shared
            batch.
        max_slots: the most episodes that it can hold at once.
        reorders: whether it has `reorder`, since its step costs more, the further its last active
            slot is.
        own_slots: `max_slots` before the limits of the task and the user, as `make_world` sets it.
            Random actions are drawn for so many episodes at once, whatever those limits are.
    """

    observation_size: int
    observation_shape: Shape | None = None
    observation_type: Any = np.float32
    action_space: Any
    merges: bool
    max_slots: int
    reorders: bool = False
    own_slots: int | None = None

    def start(self, seeds: Sequence[int]) -> NDArray[Any]:
        """Begin one episode for each seed, in slots 0, 1, ...; return observations (n, size)."""
        raise NotImplementedError

    def restart(self, slots: NDArray[np.intp], seeds: Sequence[int]) -> NDArray[Any]:
        """Begin new episodes in slots (k,), by seeds (k,); return their observations (k, size)."""
        raise NotImplementedError

    def step(self, actions: NDArray[Any], active: NDArray[np.bool_]) -> Steps:
        """Step the active slots.

        Args:
            actions: an action for each slot, (n, *action shape), of the type of `action_space`.
            active: which slots to step, (n,).

        Returns:
            Observations (n, size), rewards (n,) of float64, and which episodes terminated (n,) or
            were truncated (n,). The rows of inactive slots mean nothing.

        Raises:
            EnvironmentFault: the environment raised or broke its interface.
        """
        raise NotImplementedError

    def close(self) -> None:
        """Release what the environments hold."""
        raise NotImplementedError

    def prepare(self, observation: Any) -> NDArray[Any]:
        """Return an observation, as the environment gives it, as a network's inputs (size,).

        The rows of `start`, `restart` and `step` are what this returns, to the last bit.
        """
        inputs: NDArray[Any] = np.ravel(observation)
        return inputs

    def plain(self) -> Any:
        """Return the environment as anyone would make it, with gymnasium's `reset` and `step`.

        Its episode with a seed is the episode of this simulator with that seed, but for the cap,
        at which the caller cuts it. The default returns None: there is no such environment.
        """
        return None

    def follow(self, slots: NDArray[np.intp], draw: DrawSeeds) -> NDArray[Any]:
        """Begin new episodes in slots (k,) for training; return their observations (k, size).

        The default restarts them by drawn seeds. A simulator that is slow to seed may continue with
        generators that `start` has seeded, and draw none.
        """
        return self.restart(slots, draw(len(slots)))

    def reorder(self, order: NDArray[np.intp]) -> None:
        """Let slot i hold what slot order[i] held, order (n,); called only where it `reorders`."""
        raise TypeError(f"the slots of {type(self).__name__} keep their order")


@runtime_checkable
class Objective(Protocol):
    """The objective of a task without an environment: a score of theta, and a loss for gradients.

    An "episode" of it is one evaluation, and a step as well.

    Attributes:
        inputs, outputs: numbers that a network takes and gives.
        observation_shape: (channels, height, width) of an input, where it is an image;
            convolutions need it.
        merges: whether many evaluations cost about as much as few.
    """

    inputs: int
    outputs: int
    observation_shape: Shape | None = None
    merges: bool

    def check(self, network: Any) -> None:
        """Refuse a network that cannot be scored.

        Raises:
            InputError: in one line, what would be right.
        """
        raise NotImplementedError

    def scores(
        self,
        network: Any,
        Theta: Any,  # noqa: N803
        seeds: NDArray[np.int64],
        part: Part,
    ) -> NDArray[np.float64]:
        """Score weights Theta (n, D), a torch tensor, in evaluations `seeds` (n, E): (n, E).

        Row i depends on row i alone.
        """
        raise NotImplementedError

    def loss(self, network: Any, theta: Any, rng: np.random.Generator) -> Any:
        """Return the loss of theta (D,), a torch tensor, differentiable."""
        raise NotImplementedError

    def chance(self, seeds: Sequence[int]) -> NDArray[np.float64]:
        """Return the scores (n,) of guesses that do not use the inputs, one for each seed."""
        raise NotImplementedError

    def close(self) -> None:
        """Release what is held."""
        raise NotImplementedError


World = Simulator | Objective
