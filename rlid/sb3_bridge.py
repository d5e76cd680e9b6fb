"""Stable-baselines3 algorithms inside a subspace: theta = theta0 + P z, z in their optimizer."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, cast

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.type_aliases import Schedule
from stable_baselines3.common.utils import set_random_seed
from stable_baselines3.common.vec_env import VecEnv
from torch import nn

from rlid.agent import Progress, Search
from rlid.problem import Problem
from rlid.rollout import check_finite
from rlid.simulator import make_world
from rlid.task import Simulator

RAW_BOUND = 10.0
"""Where squashed actions are cut before tanh, which is 1 there to float32's last digit or two."""
EPISODE_SEEDS = 2**31


class SimulatorVecEnv(VecEnv):
    """A task's simulator behind SB3's interface: same-step autoreset, terminal observation kept.

    SB3 sees the network's raw outputs as continuous actions; the task's own rule (clip or squash)
    is applied here, so that training and evaluation act alike.
    """

    def __init__(self, problem: Problem, n_envs: int, rng: np.random.Generator) -> None:
        """Make n_envs slots of the problem's task; episode seeds are drawn from rng."""
        self._problem = problem
        self._rng = rng
        self._simulator = cast(Simulator, make_world(problem.task))
        self._decode = problem.decode
        self.finished_returns: list[float] = []
        observation_space = spaces.Box(-np.inf, np.inf, (self._simulator.observation_size,))
        super().__init__(n_envs, observation_space, self._seen_action_space())

    def _seen_action_space(self) -> spaces.Space[Any]:
        space = self._simulator.action_space
        if isinstance(space, spaces.Discrete):
            return spaces.Discrete(space.n)
        if isinstance(space, spaces.MultiDiscrete):
            return spaces.MultiDiscrete(space.nvec)
        if isinstance(space, spaces.Box):
            bound = RAW_BOUND
            if self._problem.task.action == "clip":
                ends = np.abs(np.concatenate([space.low.ravel(), space.high.ravel()]))
                bound = float(np.where(np.isfinite(ends), ends, 1e6).max())
            return spaces.Box(-bound, bound, (self._problem.network.outputs,))
        seen: spaces.Space[Any] = space
        return seen

    def reset(self) -> NDArray[np.float32]:
        """Begin a new episode in every slot."""
        self._returns = np.zeros(self.num_envs)
        self._lengths = np.zeros(self.num_envs, np.int64)
        self._all = np.ones(self.num_envs, bool)
        observations = self._simulator.start(self._draw(self.num_envs))
        check_finite(observations)
        return observations

    def _draw(self, n: int) -> list[int]:
        seeds: list[int] = self._rng.integers(0, EPISODE_SEEDS, n).tolist()
        return seeds

    def step_async(self, actions: NDArray[Any]) -> None:
        """Take the actions for the next step."""
        space = self._simulator.action_space
        if isinstance(space, spaces.Box):
            self._actions = self._decode(actions.astype(np.float32))
        elif isinstance(space, spaces.Discrete | spaces.MultiDiscrete):
            self._actions = actions + space.start
        else:
            self._actions = actions.astype(space.dtype)

    def step_wait(self) -> Any:
        """Step every slot, and begin a new episode where one ended."""
        self._problem.beat()
        observations, rewards, terminated, truncated = self._simulator.step(
            self._actions, self._all
        )
        check_finite(rewards)
        check_finite(observations)
        self._problem.search_steps += self.num_envs
        self._returns += rewards
        self._lengths += 1
        dones = terminated | truncated
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        if dones.any():
            ended = np.flatnonzero(dones)
            for slot in ended:
                self.finished_returns.append(float(self._returns[slot]))
                infos[slot] = {
                    "terminal_observation": observations[slot].copy(),
                    "TimeLimit.truncated": bool(truncated[slot] and not terminated[slot]),
                }
            observations = observations.copy()
            observations[ended] = self._simulator.restart(ended, self._draw(len(ended)))
            check_finite(observations)
            self._returns[ended] = 0.0
            self._lengths[ended] = 0
        return observations, rewards.astype(np.float32), dones, infos

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


class _ActorCritic(nn.Module):
    """The actor as a function of z, and the critic, an ordinary network beside it.

    The trained tensor is w = z / sqrt(D/d). Adam steps w by about lr per entry, so that theta moves
    as it would in direct training; and the gradient's norm, about that of direct training, meets
    the same clipping.
    """

    def __init__(self, problem: Problem, scale: float) -> None:
        super().__init__()
        self.network, self.subspace, self.scale = problem.network, problem.subspace, scale
        self.w = nn.Parameter(torch.zeros(problem.dim))
        hidden = problem.network.architecture.hidden or (64, 64)
        widths = [problem.network.inputs, *hidden]
        layers: list[nn.Module] = []
        for inputs, outputs in zip(widths[:-1], widths[1:], strict=True):
            layers += [nn.Linear(inputs, outputs), nn.Tanh()]
        self.critic = nn.Sequential(*layers)
        self.latent_dim_pi, self.latent_dim_vf = problem.network.outputs, widths[-1]
        self._theta: tuple[int, torch.Tensor] | None = None

    def z(self) -> NDArray[np.float32]:
        return (self.w.detach() * self.scale).numpy().copy()

    def theta(self) -> torch.Tensor:
        if torch.is_grad_enabled():
            return self.subspace.theta(self.w * self.scale)
        # While experience is collected w stands still, so P is applied once and not every step.
        version = self.w._version
        if self._theta is None or self._theta[0] != version:
            self._theta = (version, self.subspace.theta(self.w * self.scale))
        return self._theta[1]

    def forward(self, features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self.forward_actor(features), self.forward_critic(features)

    def forward_actor(self, features: torch.Tensor) -> torch.Tensor:
        return self.network.outputs_of(self.theta(), features)

    def forward_critic(self, features: torch.Tensor) -> torch.Tensor:
        latent: torch.Tensor = self.critic(features)
        return latent


class SubspacePolicy(ActorCriticPolicy):
    """SB3's actor-critic policy whose actor is theta0 + P z; z and the critic are all it trains.

    The standard deviation of continuous actions is fixed at exp(log_std): were it trained, it
    would be a parameter that d does not count.
    """

    def __init__(self, *args: Any, problem: Problem, scale: float, log_std: float, **kwargs: Any):
        """`scale` is the factor between the trained tensor and z."""
        self._subspace_arguments = (problem, scale, log_std)
        super().__init__(*args, **kwargs)

    def _build(self, lr_schedule: Schedule) -> None:
        problem, scale, log_std = self._subspace_arguments
        both = self._both = _ActorCritic(problem, scale)
        self.mlp_extractor = both  # type: ignore[assignment]
        self.action_net = nn.Identity()
        self.value_net = nn.Linear(both.latent_dim_vf, 1)
        # SB3's own start of a critic: orthogonal, with these gains.
        both.critic.apply(partial(self.init_weights, gain=math.sqrt(2)))
        self.value_net.apply(partial(self.init_weights, gain=1.0))
        self.log_std = nn.Parameter(
            torch.full((problem.network.outputs,), log_std), requires_grad=False
        )
        trained = [parameter for parameter in self.parameters() if parameter.requires_grad]
        self.optimizer = self.optimizer_class(
            trained,
            lr=lr_schedule(1),  # type: ignore[call-arg]
            **self.optimizer_kwargs,
        )

    def z(self) -> NDArray[np.float32]:
        """Return where the actor stands in the subspace, z (d,)."""
        return self._both.z()


class GlobalGenerators:
    """The states of Python's, numpy's and torch's global generators for one trial.

    SB3 draws from them. Inside `installed` they are the trial's own; outside, those of whoever
    runs it, untouched.
    """

    def __init__(self, seed: int) -> None:
        """Seed the trial's own states."""
        with self._restored():
            set_random_seed(seed)
            self._own = self._states()

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Run a block with the trial's own generators."""
        with self._restored():
            self._install(self._own)
            yield
            self._own = self._states()

    @contextmanager
    def _restored(self) -> Iterator[None]:
        outer = self._states()
        try:
            yield
        finally:
            self._install(outer)

    @staticmethod
    def _states() -> tuple[Any, Any, torch.Tensor]:
        return random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002

    @staticmethod
    def _install(states: tuple[Any, Any, torch.Tensor]) -> None:
        random.setstate(states[0])
        np.random.set_state(states[1])  # noqa: NPY002
        torch.set_rng_state(states[2])


def search_on_policy(
    algorithm: type[OnPolicyAlgorithm],
    problem: Problem,
    rng: np.random.Generator,
    *,
    n_envs: int,
    budget: int,
    scale: float,
    log_std: float,
    **settings: Any,
) -> Search:
    """Train an SB3 on-policy algorithm in the problem's subspace; report after every update.

    Schedules run over the whole `budget` (environment steps), however the training is cut up.
    """
    env_rng, optimizer_rng = rng.spawn(2)
    env = SimulatorVecEnv(problem, n_envs, env_rng)
    generators = GlobalGenerators(int(optimizer_rng.integers(0, EPISODE_SEEDS)))
    with generators.installed():
        model = algorithm(
            SubspacePolicy,
            env,
            device="cpu",
            policy_kwargs={"problem": problem, "scale": scale, "log_std": log_std},
            **settings,
        )
        model.set_logger(Logger(folder=None, output_formats=[]))
        total, callback = model._setup_learn(budget)
    try:
        while True:
            with generators.installed():
                model.collect_rollouts(env, callback, model.rollout_buffer, model.n_steps)
                model._update_current_progress_remaining(model.num_timesteps, total)
                model.train()
            yield Progress(cast(SubspacePolicy, model.policy).z(), _mean(env.finished_returns))
            env.finished_returns.clear()
    finally:
        env.close()


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None
