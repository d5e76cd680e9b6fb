"""Atari games from pixels, by the Arcade Learning Environment (Bellemare et al. 2013).

The preprocessing is that of Mnih et al. (2015), done by ale-py's C++ environments. ROMs are in the
ale-py package. A step is one choice of the policy: `frameskip` frames.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlid.errors import InputError, fault, first_line
from rlid.task import TASKS, Scalar, Task, unknown
from rlid.world import DrawSeeds, Simulator, Steps

PROTOCOL: dict[str, Scalar] = {
    "img_height": 84,
    "img_width": 84,
    "grayscale": True,
    "stack_num": 4,
    "frameskip": 4,
    "maxpool": True,
    # The library draws from 0 to one less: up to 30 no-ops.
    "noop_max": 31,
    "use_fire_reset": False,
    "repeat_action_probability": 0.0,
    "full_action_space": False,
    "episodic_life": False,
    "reward_clipping": False,
    "max_num_frames_per_episode": 108_000,
}
"""Keyword arguments of ale-py's AtariVectorEnv: all that an episode depends on besides its seed."""
STICKY = 0.25
"""Probability of repeating the last action (Machado et al. 2018)."""
TWO_PLAYERS = ("combat", "joust", "maze_craze", "warlords")
"""Games of ale-py's list whose start ends the process: its C++ code calls exit(1) (ale-py 0.12)."""
CAP = 27_000
"""Steps of an episode: 108,000 frames, half an hour of play."""
PPO: dict[str, Scalar] = {
    "n_envs": 8,
    "n_steps": 128,
    "batch_size": 32,
    "n_epochs": 3,
    # Direct training of Pong, one seed: training returns are at -6 by 510,000 steps; with half of
    # both, as is usual, at -15 by 390,000.
    "lr": 5e-4,
    "clip_range": 0.2,
    "ent_coef": 0.01,
    "critic": "shared",
    "advantages": "rollout",
    "anneal_lr": True,
    "precision": "bfloat16",
    "checkpoint": 50_000,
}
"""Many small minibatches; one network for policy and value, as in Mnih et al. (2016)."""


@TASKS.add("atari", "images")
def pong() -> Task:
    """Pong from pixels, as in Li et al. (2018): no sticky actions, up to 30 no-ops.

    Without sticky actions the no-ops are all that is random: there are few different episodes.
    """
    return _task("pong", PROTOCOL)


@TASKS.add("atari", "images", "slow")
def pong_sticky() -> Task:
    """Pong from pixels with sticky actions (probability 0.25), as in Machado et al. (2018)."""
    return _task("pong", {**PROTOCOL, "repeat_action_probability": STICKY})


@TASKS.add("atari", "images", "slow")
def pong_42() -> Task:
    """Pong from pixels of twice the size, 42x42, else as pong: a task of its own, for few cores."""
    return _task("pong", {**PROTOCOL, "img_height": 42, "img_width": 42})


@TASKS.add("atari", "images", "any", "slow", example="breakout")
def atari(game: str) -> Task:
    """Any Atari game by its name in ale-py: atari:breakout, under the protocol of pong."""
    known = games()
    if game in TWO_PLAYERS:
        raise InputError(
            f"Atari game {game!r} needs two players: the Arcade Learning Environment's vector "
            "environment plays games for one"
        )
    if game not in known:
        raise InputError(unknown("Atari game", game, known))
    return _task(game, PROTOCOL)


def games() -> list[str]:
    """Return the names of the games that one player can play.

    Raises:
        InputError: ale-py is missing.
    """
    try:
        from ale_py import roms
    except ImportError as error:
        raise InputError(f"Atari games need the package ale-py: {error}") from error
    return [game for game in roms.get_all_rom_ids() if game not in TWO_PLAYERS]


def _task(game: str, options: Mapping[str, Scalar]) -> Task:
    is_pong = game == "pong"
    return Task(
        version=2,
        env=game,
        options=options,
        episode_cap=CAP,
        observation="pixels",
        activation="relu",
        network="conv:16-32-256",
        agent="ppo",
        # With half of it direct training of Pong ended at 3.5 of 21.
        budget=2_000_000,
        dmax=100_000,
        search_episodes=1,
        # An episode takes thousands of frames: fewer than elsewhere. 30 are the paper's scoring.
        validation_episodes=10,
        scoring_episodes=30,
        ceiling=21.0 if is_pong else None,
        floor=16.8 if is_pong else None,
        floor_source="nine tenths of the way from losing every point to winning every one"
        if is_pong
        else "",
        recipes={"ppo": PPO},
        patience=300.0,
        backend="ale-py",
        world=partial(AtariSimulator, game, options),
    )


class AtariSimulator(Simulator):
    """One of ale-py's C++ environments per slot: each seeded by itself, stepped side by side."""

    merges = False
    max_slots = 64
    observation_type = np.uint8

    def __init__(self, game: str, options: Mapping[str, Scalar]) -> None:
        """Make one environment, to learn its actions.

        Raises:
            InputError: ale-py is missing, or cannot make the game.
        """
        self._arguments: tuple[str, dict[str, Any]] = (game, dict(options))
        self._pool = [self._make()]
        self._envs: list[Any] = []
        self.action_space = self._pool[0].single_action_space
        shape = self._pool[0].single_observation_space.shape
        self.observation_shape = shape
        self.observation_size = int(np.prod(shape))

    def _make(self) -> Any:
        game, options = self._arguments
        try:
            from ale_py.vector_env import AtariVectorEnv

            return AtariVectorEnv(game, 1, num_threads=1, **options)
        except Exception as error:
            raise InputError(f"Atari game {game!r} cannot be made: {first_line(error)}") from error

    def plain(self) -> Any:
        """Return one of ale-py's environments, with gymnasium's `reset` and `step`."""
        return _PlainGame(self._make())

    def start(self, seeds: Sequence[int]) -> NDArray[Any]:
        """Begin one episode per seed; return bytes (n, size)."""
        while len(self._pool) < len(seeds):
            self._pool.append(self._make())
        n = len(seeds)
        self._envs = self._pool[:n]
        self._observations = np.zeros((n, self.observation_size), np.uint8)
        self._rewards, self._ended = np.zeros(n), np.zeros((2, n), bool)
        self.restart(np.arange(n), seeds)
        return self._observations.copy()

    def restart(self, slots: NDArray[np.intp], seeds: Sequence[int]) -> NDArray[Any]:
        """Begin new episodes in some slots; return their observations, bytes (len(slots), size)."""
        for slot, seed in zip(slots, seeds, strict=True):
            # With a seed the emulator is loaded anew: nothing is left of the last episode.
            self._begin(slot, np.array([seed]))
        return self._observations[slots]

    def follow(self, slots: NDArray[np.intp], draw: DrawSeeds) -> NDArray[Any]:
        """Begin new episodes by what the emulators draw: to load one takes as long as 300 steps."""
        for slot in slots:
            self._begin(slot, None)
        return self._observations[slots]

    def _begin(self, slot: int, seed: NDArray[np.int64] | None) -> None:
        try:
            observation, _ = self._envs[slot].reset(seed=seed)
        except BaseException as error:
            raise fault("reset", error) from error
        self._observations[slot] = observation.ravel()

    def step(self, actions: NDArray[Any], active: NDArray[np.bool_]) -> Steps:
        """Step the active slots, in threads of their own."""
        slots = active.nonzero()[0]
        try:
            for slot in slots:
                self._envs[slot].send(np.array([actions[slot]], np.int64))
            for slot in slots:
                observation, reward, terminated, truncated, _ = self._envs[slot].recv()
                self._observations[slot] = observation.ravel()
                self._rewards[slot] = reward[0]
                self._ended[:, slot] = terminated[0], truncated[0]
        except BaseException as error:
            raise fault("step", error) from error
        terminated, truncated = self._ended.copy()
        return self._observations.copy(), self._rewards.copy(), terminated, truncated

    def close(self) -> None:
        """Let go of every environment, which ends its thread."""
        self._pool, self._envs = [], []


class _PlainGame:
    """A vector environment of one, with gymnasium's `reset` and `step`: frames (stack, h, w)."""

    def __init__(self, env: Any) -> None:
        self._env = env

    def reset(self, *, seed: int) -> tuple[Any, dict[str, Any]]:
        observations, _ = self._env.reset(seed=np.array([seed]))
        return observations[0].copy(), {}

    def step(self, action: int) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        observations, rewards, terminated, truncated, _ = self._env.step(np.array([action]))
        is_over, is_cut = bool(terminated[0]), bool(truncated[0])
        return observations[0].copy(), float(rewards[0]), is_over, is_cut, {}

    def close(self) -> None:
        self._env = None
