"""Times PPO in a subspace against SB3's own PPO, in turns, on the same cores.

python tests/benchmarks/policy_gradient.py [--only cartpole,pong] [--rounds 5] [--cores 1]

A round is one rollout and the updates on it. `cartpole` and `pong` run the same PPO on the same
environments, with the policy of the bridge and with SB3's. `default` compares pong in a subspace
with SB3's complete pipeline: make_atari_env, VecFrameStack and CnnPolicy with the same network.
`default-float32` does the same with precision=float32 in the subspace instead of the recipe's.
`rounding` prints how far bfloat16 moves a gradient, and how far two minibatches differ.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import nn

from rlid.measurement.plan import plan
from rlid.problem import Problem, make_problem
from rlid.sb3_bridge import SimulatorVecEnv, SubspacePolicy
from rlid.simulators.make import make_world

TARGETS = {"cartpole": 1.10, "pong": 1.05, "default": 0.5, "default-float32": 0.5}
"""The largest allowed ratio of the seconds of a round to those of SB3."""
CARTPOLE_D, PONG_D = 10, 6000


class PaperNetwork(BaseFeaturesExtractor):
    """conv 16-32-256 of Li et al. (2018) as torch layers; flat bytes are scaled here."""

    def __init__(self, space: Any) -> None:
        """Build the layers; `space` holds images (4, 84, 84) or flat bytes."""
        super().__init__(space, 256)
        self.is_flat = len(space.shape) == 1
        self.layers = nn.Sequential(
            nn.ZeroPad2d((2, 2, 2, 2)),
            nn.Conv2d(4, 16, 8, 4),
            nn.ReLU(),
            nn.ZeroPad2d((1, 2, 1, 2)),
            nn.Conv2d(16, 32, 4, 2),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(32 * 11 * 11, 256),
            nn.ReLU(),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map observations to features (m, 256)."""
        if self.is_flat:
            x = x.view(-1, 4, 84, 84) / 255
        features: torch.Tensor = self.layers(x)
        return features


def problem_of(task: str, d: int) -> Problem:
    """Return a problem of the task with its default network, as `rlid run` makes it."""
    planned = plan(task, agent="ppo", dmax=d)
    world = make_world(planned.task)
    return make_problem(planned.task, planned.network, "onehot", d, 0, world)


def settings_of(task: str, d: int) -> dict[str, Any]:
    """Return SB3's arguments for the task's recipe."""
    agent: Any = plan(task, agent="ppo", dmax=d).agent
    names = [
        "n_steps",
        "batch_size",
        "n_epochs",
        "gamma",
        "gae_lambda",
        "clip_range",
        "ent_coef",
        "vf_coef",
    ]
    shared = {name: getattr(agent, name) for name in [*names, "max_grad_norm"]}
    return {**shared, "learning_rate": agent.lr, "device": "cpu", "seed": 0}


def in_subspace(task: str, d: int, precision: str | None = None) -> PPO:
    """Return PPO with the bridge's policy; a `precision` of None means the recipe's."""
    problem = problem_of(task, d)
    agent: Any = plan(task, agent="ppo", dmax=d).agent
    env = SimulatorVecEnv(problem, agent.n_envs, np.random.default_rng(0))
    policy = {
        "problem": problem,
        "scale": problem.subspace.scale,
        "log_std": agent.log_std,
        "critic": agent.critic,
        "precision": precision or agent.precision,
    }
    return PPO(SubspacePolicy, env, policy_kwargs=policy, **settings_of(task, d))


def without(task: str, d: int) -> PPO:
    """Return SB3's PPO with its own policy, with an equal network, on the same environments."""
    agent: Any = plan(task, agent="ppo", dmax=d).agent
    env = SimulatorVecEnv(problem_of(task, d), agent.n_envs, np.random.default_rng(0), is_cut=False)
    policy: dict[str, Any] = {"net_arch": {"pi": [20, 20], "vf": [20, 20]}}
    if task == "pong":
        policy = {"features_extractor_class": PaperNetwork, "net_arch": []}
    return PPO("MlpPolicy", env, policy_kwargs=policy, **settings_of(task, d))


def default_pipeline(task: str, d: int) -> PPO:
    """Return SB3's PPO as its documentation builds it for Atari, with an equal network."""
    import ale_py
    import gymnasium
    from stable_baselines3.common.env_util import make_atari_env
    from stable_baselines3.common.vec_env import VecFrameStack

    gymnasium.register_envs(ale_py)
    agent: Any = plan(task, agent="ppo", dmax=d).agent
    env = VecFrameStack(make_atari_env("PongNoFrameskip-v4", agent.n_envs, seed=0), 4)
    policy = {"features_extractor_class": PaperNetwork, "net_arch": []}
    return PPO("CnnPolicy", env, policy_kwargs=policy, **settings_of(task, d))


def compare(
    name: str,
    ours: Callable[[], PPO],
    theirs: Callable[[], PPO],
    rounds: int,
    clock: Callable[[], float],
) -> None:
    """Run rounds of both in turns; print steps per second and the ratio of their times."""
    models = [ours(), theirs()]
    seconds: list[list[float]] = [[], []]
    for model in models:
        model.set_logger(Logger(folder=None, output_formats=[]))
        _round(model, clock)
    for _ in range(rounds):
        for model, times in zip(models, seconds, strict=True):
            times.append(_round(model, clock))
    ratios = [a / b for a, b in zip(*seconds, strict=True)]
    steps = models[0].n_steps * models[0].n_envs
    middle = [steps / statistics.median(times) for times in seconds]
    ratio = statistics.median(ratios)
    verdict = "met" if ratio <= TARGETS[name] else "MISSED"
    print(
        f"{name}: {middle[0]:.0f} steps/s in the subspace, {middle[1]:.0f} by SB3 alone; "
        f"time ratio {ratio:.3f} (from {min(ratios):.3f} to {max(ratios):.3f}, "
        f"target {TARGETS[name]:g}: {verdict})",
        flush=True,
    )


def rounding(d: int, minibatches: int = 8) -> None:
    """Print relative distances of gradients of z on pong, by precision and by minibatch."""
    models = [in_subspace("pong", d, precision) for precision in ("float32", "bfloat16")]
    models[0].set_logger(Logger(folder=None, output_formats=[]))
    _round(models[0], time.process_time)
    models[1].policy.load_state_dict(models[0].policy.state_dict())
    buffer, size = models[0].rollout_buffer, models[0].batch_size
    order = np.random.default_rng(0).permutation(buffer.buffer_size * buffer.n_envs)
    full, half = (
        [
            gradient(model, buffer._get_samples(order[i * size : (i + 1) * size]))
            for i in range(minibatches)
        ]
        for model in models
    )
    for name, pairs in (
        ("float32 and bfloat16", list(zip(full, half, strict=True))),
        ("two minibatches", list(pairwise(full))),
    ):
        distances = [float((a - b).norm() / a.norm()) for a, b in pairs]
        print(
            f"rounding: {name} differ by {min(distances):.3f} to {max(distances):.3f} of a gradient"
        )


def gradient(model: PPO, batch: Any) -> torch.Tensor:
    """Return the gradient of PPO's first loss of an update in the trained tensor, (d,)."""
    policy: Any = model.policy
    policy.optimizer.zero_grad()
    values, log_probs, entropy = policy.evaluate_actions(
        batch.observations, batch.actions.long().flatten()
    )
    gain = (batch.advantages * (log_probs - batch.old_log_prob).exp()).mean()
    error = (batch.returns - values.flatten()).square().mean()
    (model.vf_coef * error - gain - model.ent_coef * entropy.mean()).backward()
    gradient_of_z: torch.Tensor = policy.actor.w.grad.clone()
    return gradient_of_z


def _round(model: PPO, clock: Callable[[], float]) -> float:
    """Return the seconds of one rollout and its updates."""
    started = clock()
    model.learn(model.n_steps * model.n_envs, reset_num_timesteps=False)
    return clock() - started


def main() -> None:
    """Run the comparisons that --only names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default=",".join([*TARGETS, "rounding"]))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cores", type=int, default=1)
    arguments = parser.parse_args()
    os.sched_setaffinity(0, set(range(arguments.cores)))
    torch.set_num_threads(arguments.cores)
    # On one core, CPU time measures a round whatever else runs on the machine.
    clock = time.process_time if arguments.cores == 1 else time.perf_counter
    cases = {
        "cartpole": ("cartpole", CARTPOLE_D, without),
        "pong": ("pong", PONG_D, without),
        "default": ("pong", PONG_D, default_pipeline),
        "default-float32": ("pong", PONG_D, default_pipeline),
    }
    for name in arguments.only.split(","):
        if name == "rounding":
            rounding(PONG_D)
            continue
        task, d, theirs = cases[name]
        compare(
            name,
            partial(in_subspace, task, d, "float32" if "float32" in name else None),
            partial(theirs, task, d),
            arguments.rounds,
            clock,
        )


if __name__ == "__main__":
    main()
