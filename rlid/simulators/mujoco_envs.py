"""Gymnasium's planar MuJoCo tasks stepped directly: one model, the state of every slot its own.

Episodes begin by the call `gymnasium.make(env).reset(seed=seed)`. Each step calls `mujoco.mj_step`
for one slot after the other, and then computes observations, rewards and ends as the environment's
class does, for all slots at once. They are the same within rounding. That saves what gymnasium
spends around the physics: a third of the time on a pendulum, more than half on a reacher.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import mujoco  # type: ignore[import-untyped]
import numpy as np
from numpy.typing import NDArray

from rlid.errors import EnvironmentFault, InputError
from rlid.simulators.gymnasium_envs import make_env
from rlid.world import Simulator, Steps

MAX_SLOTS = 256
"""Episodes held at once: each touches up to half a megabyte, and more would not run faster."""
ARENA = 2**20
"""Bytes of working memory for each state: random motion takes up to 12,000. MuJoCo's default of 4
to 14 million would take gigabytes for hundreds of states."""

Floats = NDArray[np.float64]
StepOutcome = tuple[Floats, Floats, NDArray[np.bool_]]


@dataclass(frozen=True)
class _Step:
    """One step of n slots: what an environment's class would have read from its state.

    Attributes:
        env: gymnasium's environment, whose settings count.
        x_before: position along x before the step (n,).
        qpos, qvel: generalised positions and velocities, (n, ...).
        watched: what else the environment reads of the state, (n, ...).
        actions: (n, *action shape).
    """

    env: Any
    x_before: Floats
    qpos: Floats
    qvel: Floats
    watched: Floats
    actions: NDArray[Any]

    @property
    def forward(self) -> Floats:
        """The velocity along x (n,), averaged over the step."""
        speed: Floats = (self.qpos[:, 0] - self.x_before) / self.env.dt
        return speed

    @property
    def effort(self) -> NDArray[Any]:
        """The sum of the squared actions (n,), in their own precision as gymnasium takes it."""
        squares: NDArray[Any] = np.square(self.actions).sum(1)
        return squares


def _inverted_pendulum(step: _Step) -> StepOutcome:
    observations = np.hstack([step.qpos, step.qvel])
    is_over = ~np.isfinite(observations).all(1) | (np.abs(observations[:, 1]) > 0.2)
    return observations, (~is_over).astype(float), is_over


def _inverted_double_pendulum(step: _Step) -> StepOutcome:
    tip, force = step.watched[:, :3], step.watched[:, 3:]
    angles = step.qpos[:, 1:]
    velocities, forces = np.clip(step.qvel, -10, 10), np.clip(force, -10, 10)
    observations = np.hstack([step.qpos[:, :1], np.sin(angles), np.cos(angles), velocities, forces])
    is_over = tip[:, 2] <= 1
    distance = 0.01 * tip[:, 0] ** 2 + (tip[:, 2] - 2) ** 2
    velocity = 1e-3 * step.qvel[:, 1] ** 2 + 5e-3 * step.qvel[:, 2] ** 2
    return observations, step.env._healthy_reward * ~is_over - distance - velocity, is_over


def _reacher(step: _Step) -> StepOutcome:
    angles, gap = step.qpos[:, :2], step.watched[:, :3] - step.watched[:, 3:]
    observations = np.hstack(
        [np.cos(angles), np.sin(angles), step.qpos[:, 2:], step.qvel[:, :2], gap[:, :2]]
    )
    distance = np.linalg.norm(gap, axis=1) * step.env._reward_dist_weight
    rewards = -distance - step.effort * step.env._reward_control_weight
    return observations, rewards, np.zeros(len(gap), bool)


def _swimmer(step: _Step) -> StepOutcome:
    return _gait(step, step.qpos, step.qvel, places=2)


def _half_cheetah(step: _Step) -> StepOutcome:
    return _gait(step, step.qpos, step.qvel)


def _hopper(step: _Step) -> StepOutcome:
    low, high = step.env._healthy_state_range
    state = np.hstack([step.qpos[:, 2:], step.qvel])
    is_healthy = _is_upright(step) & ((low < state) & (state < high)).all(1)
    return _gait(step, step.qpos, np.clip(step.qvel, -10, 10), is_healthy)


def _walker2d(step: _Step) -> StepOutcome:
    return _gait(step, step.qpos, np.clip(step.qvel, -10, 10), _is_upright(step))


def _is_upright(step: _Step) -> NDArray[np.bool_]:
    (low, high), (left, right) = step.env._healthy_z_range, step.env._healthy_angle_range
    z, angle = step.qpos[:, 1], step.qpos[:, 2]
    upright: NDArray[np.bool_] = (low < z) & (z < high) & (left < angle) & (angle < right)
    return upright


def _gait(
    step: _Step,
    positions: Floats,
    velocities: Floats,
    is_healthy: NDArray[np.bool_] | None = None,
    places: int = 1,
) -> StepOutcome:
    """Return the outcome for what earns by moving forward, and by health where it can fall.

    The first `places` positions say where it is: an observation has them only where asked for.
    """
    env, rewards = step.env, step.env._forward_reward_weight * step.forward
    is_over = np.zeros(len(rewards), bool)
    if is_healthy is not None:
        rewards = rewards + is_healthy * env._healthy_reward
        is_over = ~is_healthy & bool(env._terminate_when_unhealthy)
    rewards = rewards - env._ctrl_cost_weight * step.effort
    if env._exclude_current_positions_from_observation:
        positions = positions[:, places:]
    return np.hstack([positions, velocities]), rewards, is_over


@dataclass(frozen=True)
class Planar:
    """How one environment is stepped directly.

    Attributes:
        outcome: what the environment's class makes of a step.
        watched: what the outcome needs of a state besides positions and velocities, as views.
        is_in_envpool: whether EnvPool's copy of it is the same.
    """

    outcome: Callable[[_Step], StepOutcome]
    watched: Callable[[Any], list[Floats]] = lambda _: []
    is_in_envpool: bool = True


OUTCOMES = {
    "InvertedPendulum-v5": Planar(_inverted_pendulum),
    "InvertedDoublePendulum-v5": Planar(
        _inverted_double_pendulum, lambda data: [data.site_xpos[0], data.qfrc_constraint[:1]]
    ),
    "Reacher-v5": Planar(
        _reacher, lambda data: [data.body("fingertip").xpos, data.body("target").xpos]
    ),
    "Swimmer-v5": Planar(_swimmer),
    "HalfCheetah-v5": Planar(_half_cheetah),
    "Hopper-v5": Planar(_hopper),
    "Walker2d-v5": Planar(_walker2d),
}
"""The one place that says which environments have a fast way, here and in EnvPool."""


class _MujocoSlot:
    """The state of one episode, with views of what is read and written at each step."""

    def __init__(self, model: Any, planar: Planar) -> None:
        self.data: Any = mujoco.MjData(model)
        self.ctrl, self.qpos, self.qvel = self.data.ctrl, self.data.qpos, self.data.qvel
        self.watched = planar.watched(self.data)
        self.steps = 0


class MujocoSimulator(Simulator):
    """Steps the environments of OUTCOMES, all slots of one in one model."""

    merges = True
    max_slots = MAX_SLOTS

    def __init__(self, env: str, options: Mapping[str, Any], episode_cap: int) -> None:
        """Make one environment of gymnasium's, whose model steps and whose resets start all slots.

        Raises:
            InputError: it cannot be made, or is not one of OUTCOMES.
        """
        if env not in OUTCOMES:
            raise InputError(
                f"back end 'mujoco' steps {', '.join(sorted(OUTCOMES))}, not {env}; "
                "use the back end 'gymnasium'"
            )
        self._make_arguments = (env, options, episode_cap)
        self._env = self.plain().unwrapped
        if "xml_file" not in options:
            # A model of the user's own keeps the memory that its file asks for.
            self._env.model = _lean(self._env)
            self._env.data = mujoco.MjData(self._env.model)
        self._planar, self._cap = OUTCOMES[env], episode_cap
        self.action_space = self._env.action_space
        self.observation_size = self._env.observation_space.shape[0]
        self._pool: list[_MujocoSlot] = []
        self._slots: list[_MujocoSlot] = []

    def plain(self) -> Any:
        """Return gymnasium's own environment."""
        return make_env(*self._make_arguments)

    def start(self, seeds: Sequence[int]) -> NDArray[np.float32]:
        """Begin one episode per seed; return observations (n, size)."""
        while len(self._pool) < len(seeds):
            self._pool.append(_MujocoSlot(self._env.model, self._planar))
        self._slots = self._pool[: len(seeds)]
        return self.restart(np.arange(len(seeds)), seeds)

    def restart(self, slots: NDArray[np.intp], seeds: Sequence[int]) -> NDArray[np.float32]:
        """Begin new episodes in some slots; return their observations."""
        observations = np.zeros((len(slots), self.observation_size), np.float32)
        for row, (slot, seed) in enumerate(zip(slots, seeds, strict=True)):
            observations[row], _ = self._env.reset(seed=int(seed))
            mujoco.mj_copyData(self._slots[slot].data, self._env.model, self._env.data)
            self._slots[slot].steps = 0
        return observations

    def step(self, actions: NDArray[Any], active: NDArray[np.bool_]) -> Steps:
        """Step the active slots, one after the other; what is made of their states is one batch."""
        model, frames = self._env.model, self._env.frame_skip
        rows = active.nonzero()[0]
        slots = [self._slots[row] for row in rows]
        x_before = np.array([slot.qpos[0] for slot in slots])
        for slot, action in zip(slots, actions[rows], strict=True):
            slot.ctrl[:] = action
            slot.steps += 1
            try:
                mujoco.mj_step(model, slot.data, nstep=frames)
            except mujoco.FatalError as error:
                raise EnvironmentFault(f"step raised {error}") from error
        step = _Step(
            self._env,
            x_before,
            np.array([slot.qpos for slot in slots]),
            np.array([slot.qvel for slot in slots]),
            np.array([np.concatenate(slot.watched) for slot in slots if slot.watched]),
            actions[rows],
        )
        n = len(self._slots)
        observations, rewards = np.zeros((n, self.observation_size), np.float32), np.zeros(n)
        terminated, truncated = np.zeros(n, bool), np.zeros(n, bool)
        observations[rows], rewards[rows], terminated[rows] = self._planar.outcome(step)
        truncated[rows] = [slot.steps >= self._cap for slot in slots]
        return observations, rewards, terminated, truncated

    def close(self) -> None:
        """Close the environment, and release all states: their memory is outside Python."""
        self._env.close()
        self._pool, self._slots = [], []


def _lean(env: Any) -> Any:
    """Return the environment's own model, compiled anew with an ARENA for each state."""
    spec = mujoco.MjSpec.from_file(env.fullpath)
    spec.memory = ARENA
    with warnings.catch_warnings():
        # The environment's file, which is not ours to change, has deprecated settings.
        warnings.simplefilter("ignore")
        return spec.compile()
