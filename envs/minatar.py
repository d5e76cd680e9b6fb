"""MinAtar (Young and Tian 2019): five Atari games on boards of 10x10, between CartPole and Pong."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlid.errors import InputError, fault
from rlid.task import TASKS, Scalar, Task, unknown
from rlid.world import Simulator, Steps

GAMES = ("asterix", "breakout", "freeway", "seaquest", "space_invaders")
SIDE = 10
CAP = 1000
"""Steps of an episode. The package ends Freeway after 2,500, and the others not at all."""
PROTOCOL: dict[str, Scalar] = {
    "sticky_action_prob": 0.1,
    "difficulty_ramping": True,
    "minimal_actions": True,
}
"""The package's own defaults, with the actions that do something (its versions 1)."""
PPO: dict[str, Scalar] = {"n_epochs": 4, "ent_coef": 0.01, "critic": "shared"}


@TASKS.add("minatar", "images", example="breakout")
def minatar(game: str) -> Task:
    """A MinAtar game: asterix, breakout, freeway, seaquest or space_invaders, as minatar:breakout.

    The board is shown as (channels, 10, 10) zeros and ones.
    """
    if game not in GAMES:
        raise InputError(unknown("MinAtar game", game, list(GAMES)))
    return Task(
        version=1,
        env=game,
        options=PROTOCOL,
        episode_cap=CAP,
        activation="relu",
        network="conv:16-128",
        agent="ppo",
        budget=500_000,
        dmax=200_000,
        search_episodes=2,
        validation_episodes=10,
        recipes={"ppo": PPO},
        backend="minatar",
        world=partial(MinAtarSimulator, game, PROTOCOL),
    )


class MinAtarSimulator(Simulator):
    """The package's games, one object per slot, each with a generator of its own."""

    merges = False
    max_slots = 128
    observation_shape: tuple[int, int, int]

    def __init__(self, game: str, options: Mapping[str, Scalar]) -> None:
        """Make one game, to learn its shape and actions.

        Raises:
            InputError: the package is missing.
        """
        from gymnasium.spaces import Discrete

        self._sticky = float(options["sticky_action_prob"] or 0)
        self._ramping = bool(options["difficulty_ramping"])
        self._module = _load(game)
        self._pool = [self._make()]
        self._slots: list[_Board] = []
        channels = self._pool[0].env.state_shape()[2]
        self._actions = self._pool[0].env.minimal_action_set()
        self.action_space = Discrete(len(self._actions))
        self.observation_shape = (channels, SIDE, SIDE)
        self.observation_size = channels * SIDE * SIDE

    def _make(self) -> _Board:
        return _Board(self._module.Env(ramping=self._ramping), self._sticky)

    def prepare(self, observation: Any) -> NDArray[np.float32]:
        """Return a board (10, 10, channels), as the package gives it, as inputs (size,)."""
        board = np.asarray(observation)
        if board.shape == (SIDE, SIDE, self.observation_shape[0]):
            board = board.transpose(2, 0, 1)
        return board.astype(np.float32).ravel()

    def plain(self) -> Any:
        """Return the package's own game, with gymnasium's `reset` and `step`."""
        return _PlainBoard(self._module.Env(ramping=self._ramping), self._sticky, self._actions)

    def start(self, seeds: Sequence[int]) -> NDArray[np.float32]:
        """Begin one episode per seed; return boards (n, size)."""
        while len(self._pool) < len(seeds):
            self._pool.append(self._make())
        n = len(seeds)
        self._slots = self._pool[:n]
        self._observations = np.zeros((n, self.observation_size), np.float32)
        self._rewards, self._terminated = np.zeros(n), np.zeros(n, bool)
        return self.restart(np.arange(n), seeds)

    def restart(self, slots: NDArray[np.intp], seeds: Sequence[int]) -> NDArray[np.float32]:
        """Begin new episodes in some slots; return their boards (len(slots), size)."""
        for slot, seed in zip(slots, seeds, strict=True):
            self._slots[slot].reset(int(seed))
            self._observations[slot] = self._slots[slot].board()
        return self._observations[slots]

    def step(self, actions: NDArray[Any], active: NDArray[np.bool_]) -> Steps:
        """Step the active slots, one after the other; nothing is ever truncated here."""
        for index in active.nonzero()[0]:
            slot = self._slots[index]
            try:
                reward, self._terminated[index] = slot.step(self._actions[actions[index]])
                self._rewards[index] = reward
                self._observations[index] = slot.board()
            except BaseException as error:
                raise fault("step", error) from error
        truncated = np.zeros(len(self._slots), bool)
        return (
            self._observations.copy(),
            self._rewards.copy(),
            self._terminated.copy(),
            truncated,
        )

    def close(self) -> None:
        """Nothing is held outside Python."""


class _Board:
    """One game with sticky actions, as the package's Environment has them.

    There the last action of an episode may stick in the next episode. Here an episode begins with
    no last action, so that its course depends on its own seed.
    """

    def __init__(self, env: Any, sticky: float) -> None:
        self.env, self._sticky = env, sticky

    def reset(self, seed: int) -> None:
        self._random = self.env.random = np.random.RandomState(seed)  # noqa: NPY002
        self._last = 0
        self.env.reset()

    def step(self, action: int) -> tuple[float, bool]:
        if self._random.rand() >= self._sticky:
            self._last = action
        reward, is_over = self.env.act(self._last)
        return float(reward), bool(is_over)

    def board(self) -> NDArray[np.float32]:
        state: NDArray[np.bool_] = self.env.state()
        return state.transpose(2, 0, 1).astype(np.float32).ravel()


class _PlainBoard:
    """A game with gymnasium's `reset` and `step`: boards (10, 10, channels), actions by number."""

    def __init__(self, env: Any, sticky: float, actions: Sequence[int]) -> None:
        self._board, self._actions = _Board(env, sticky), actions

    def reset(self, *, seed: int) -> tuple[Any, dict[str, Any]]:
        self._board.reset(seed)
        return self._board.env.state(), {}

    def step(self, action: int) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        reward, is_over = self._board.step(self._actions[action])
        return self._board.env.state(), reward, is_over, False, {}

    def close(self) -> None:
        """Nothing is held outside Python."""


def _load(game: str) -> ModuleType:
    """Load a game's module from its file: the package itself imports pyplot and seaborn.

    Raises:
        InputError: the package is missing.
    """
    package = importlib.util.find_spec("minatar")
    if package is None or not package.submodule_search_locations:
        raise InputError("MinAtar games need the package minatar: pip install 'rlid[minatar]'")
    path = Path(package.submodule_search_locations[0]) / "environments" / f"{game}.py"
    spec = importlib.util.spec_from_file_location(f"_minatar_{game}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
