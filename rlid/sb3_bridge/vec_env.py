"""A task's simulator behind SB3's interface of vector environments."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv

from rlid.errors import Diverged, EnvironmentFault, InputError
from rlid.evaluation import check_finite, check_returns
from rlid.problem import Problem
from rlid.simulators import is_bounded, make_training_world

RAW_BOUND = 10.0
"""Where squashed actions are cut before tanh, which is 1 there to float32's last digit or two."""
UNBOUNDED = 1e6
"""Where clipped actions end for SB3, in entries that have no range."""
EPISODE_SEEDS = 2**31


class SimulatorVecEnv(VecEnv):
    """A task's simulator behind SB3's interface: same-step autoreset, terminal observation kept.

    An episode ends at the task's cap, as in every evaluation. With continuous actions "raw", SB3
    sees the network's raw outputs, and the task's own rule (clip or squash) is applied here, so
    that training and evaluation act alike; with "own" it sees the task's bounded actions and
    squashes by itself. Choices of several dimensions are flat for SB3. Bytes stay bytes: the
    network converts them. Images for convolutions are cut into blocks as the policies of this
    bridge take them, here once and not in every epoch, unless `is_cut` is false.
    """

    def __init__(
        self,
        problem: Problem,
        n_envs: int,
        rng: np.random.Generator,
        continuous: Literal["raw", "own"] = "raw",
        is_cut: bool = True,
        reward_scale: float = 1.0,
    ) -> None:
        """Make n_envs slots of the problem's task; episode seeds are drawn from rng.

        SB3 sees rewards times `reward_scale`; `finished_returns` are the task's own.
        """
        self.rng = rng
        self._reward_scale = reward_scale
        self._problem = problem
        self._simulator = make_training_world(problem.task, n_envs, problem.beat)
        self._is_raw = continuous == "raw"
        self._decode = problem.decode
        self.finished_returns: list[float] = []
        self._blocks = problem.network.in_blocks().blocks if is_cut else None
        size = self._blocks.size if self._blocks else self._simulator.observation_size
        super().__init__(
            n_envs,
            spaces.Box(0, 255, (size,), np.uint8)
            if self._simulator.observation_type is np.uint8
            else spaces.Box(-np.inf, np.inf, (size,)),
            self._seen_action_space(),
        )

    def _seen_action_space(self) -> spaces.Space[Any]:
        space = self._simulator.action_space
        if isinstance(space, spaces.Discrete):
            return spaces.Discrete(space.n)
        if isinstance(space, spaces.MultiDiscrete):
            return spaces.MultiDiscrete(space.nvec.ravel())
        if isinstance(space, spaces.MultiBinary):
            return spaces.MultiBinary(math.prod(space.shape))
        if isinstance(space, spaces.Box):
            if not self._is_raw:
                low, high = (end.ravel().astype(np.float32) for end in (space.low, space.high))
                # SB3 divides by high - low. What it sends is cut to the task's own bounds, so that
                # an entry of one value may have any range here.
                is_fixed = low == high
                low, high = np.where(is_fixed, -1, low), np.where(is_fixed, 1, high)
                return spaces.Box(low, high, dtype=np.float32)
            bound = RAW_BOUND
            if self._problem.task.action == "clip":
                far = np.maximum(np.abs(space.low), np.abs(space.high))
                bound = float(np.where(is_bounded(space), far, UNBOUNDED).max())
            return spaces.Box(-bound, bound, (self._problem.network.outputs,))
        raise InputError(f"actions of kind {space} are not supported")

    def reset(self) -> NDArray[Any]:
        """Begin a new episode in every slot."""
        self._returns = np.zeros(self.num_envs)
        self._lengths = np.zeros(self.num_envs, np.int64)
        self._all = np.ones(self.num_envs, bool)
        return self._seen(self._simulator.start(self._draw(self.num_envs)))

    def _seen(self, observations: NDArray[Any]) -> NDArray[Any]:
        """Check observations (n, size), and return them as SB3 sees them."""
        check_finite(observations)
        return observations if self._blocks is None else self._blocks.cut(observations)

    def _begin(self, slots: NDArray[np.intp]) -> NDArray[Any]:
        """Begin new episodes in some slots; `reset` alone begins all by seeds, in any case."""
        self._returns[slots], self._lengths[slots] = 0.0, 0
        return self._simulator.follow(slots, self._draw)

    def _draw(self, n: int) -> list[int]:
        seeds: list[int] = self.rng.integers(0, EPISODE_SEEDS, n).tolist()
        return seeds

    def step_async(self, actions: NDArray[Any]) -> None:
        """Take SB3's actions (n, ...) for the next step.

        Raises:
            Diverged: an action is not finite.
        """
        space = self._simulator.action_space
        if not np.isfinite(actions).all():
            raise Diverged("an action is not finite: the training diverged")
        if isinstance(space, spaces.Box):
            floats = actions.astype(np.float32)
            if self._is_raw:
                self._actions = self._decode(floats)
            else:
                own = floats.reshape(-1, *space.shape).clip(space.low, space.high)
                self._actions = own.astype(space.dtype, copy=False)
            return
        chosen = actions.reshape(-1, *space.shape)
        if isinstance(space, spaces.Discrete | spaces.MultiDiscrete):
            chosen = chosen + space.start
        self._actions = chosen.astype(space.dtype, copy=False)

    def step_wait(self) -> Any:
        """Step every slot, and begin a new episode where one ended."""
        self._problem.beat()
        observations, rewards, terminated, truncated = self._simulator.step(
            self._actions, self._all
        )
        check_finite(rewards)
        with np.errstate(over="ignore"):
            scaled = (rewards * self._reward_scale).astype(np.float32)
            self._returns += rewards
        if not np.isfinite(scaled).all():
            too_large = rewards[~np.isfinite(scaled)][0]
            raise EnvironmentFault(
                f"a reward of {too_large:g}, and SB3 trains in float32, which cannot hold it: "
                "use --set reward_scale where the agent has it",
                "nonfinite",
            )
        observations = self._seen(observations)
        self._problem.search_steps += self.num_envs
        self._lengths += 1
        truncated = truncated | (self._lengths >= self._problem.task.episode_cap)
        dones = terminated | truncated
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        if dones.any():
            ended = np.flatnonzero(dones)
            check_returns(self._returns[ended])
            for slot in ended:
                self.finished_returns.append(float(self._returns[slot]))
                infos[slot] = {
                    "terminal_observation": observations[slot].copy(),
                    "TimeLimit.truncated": bool(truncated[slot] and not terminated[slot]),
                }
            observations = observations.copy()
            observations[ended] = self._seen(self._begin(ended))
        return observations, scaled, dones, infos

    def close(self) -> None:
        """Close the simulator."""
        self._simulator.close()

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """Return an attribute for each slot; SB3 asks for render_mode alone."""
        return [getattr(self, attr_name, None)] * self.num_envs

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Refuse: slots have no attributes."""
        raise NotImplementedError("slots have no attributes of their own")

    def env_method(self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any) -> Any:
        """Refuse: slots have no methods."""
        raise NotImplementedError("slots have no methods of their own")

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
        """Return False for every slot: no gymnasium wrapper is in between."""
        return [False] * self.num_envs
