"""Off-policy algorithms: z in their optimizer, and targets with a z of their own."""

import numpy as np
import pytest
import torch
from problems import problem_of, trained
from stable_baselines3 import DQN, SAC, TD3
from stable_baselines3.common.logger import Logger

from rlid.agent import AGENTS
from rlid.measurement.plan import plan
from rlid.sb3_bridge import (
    SimulatorVecEnv,
    SubspaceDQNPolicy,
    SubspaceSACPolicy,
    SubspaceTD3Policy,
    off_policy,
    search_off_policy,
)
from rlid.sb3_bridge.generators import GlobalGenerators

SMALL = {"buffer_size": 2000, "learning_starts": 64, "batch_size": 16}
CASES = {
    "dqn": (DQN, SubspaceDQNPolicy, "cartpole", {}),
    "sac": (SAC, SubspaceSACPolicy, "pendulum", {"log_std": -1.0, "net_arch": [16]}),
    "td3": (TD3, SubspaceTD3Policy, "pendulum", {"net_arch": [16]}),
}
SPARSE = {
    "dqn": {"train_freq": 8, "gradient_steps": 2, "target_update_interval": 100},
    "sac": {"train_freq": 10, "gradient_steps": 1, "ent_coef": 0.1},
    "td3": {"train_freq": 10, "gradient_steps": 2},
}


def model_of(name, **settings):
    algorithm, policy, task, extra = CASES[name]
    problem = problem_of(task)
    env = SimulatorVecEnv(problem, 1, np.random.default_rng(0), continuous="own")
    kwargs = {"problem": problem, "scale": problem.subspace.scale, **extra}
    arguments = {**SMALL, **SPARSE[name], **settings}
    model = algorithm(policy, env, policy_kwargs=kwargs, device="cpu", seed=0, **arguments)
    model.set_logger(Logger(folder=None, output_formats=[]))
    return problem, model


def test_z_is_all_that_dqn_trains():
    problem, model = model_of("dqn")
    assert [tuple(p.shape) for p in trained(model)] == [(problem.dim,)]
    model.learn(200)
    theta = model.policy.actor.theta().detach()
    z = torch.from_numpy(model.policy.actor.z())
    assert z.abs().max() > 0
    offset = theta - problem.subspace.theta0
    assert torch.allclose(offset, problem.subspace.P(z), atol=1e-6)


def test_dqns_target_has_a_z_of_its_own_that_is_copied_on_the_schedule():
    _, model = model_of("dqn", target_update_interval=150)
    target = model.q_net_target.actor
    first = target.theta().detach().clone()
    model.learn(140)
    assert not torch.equal(model.policy.actor.w, target.w), "it learns between two copies"
    assert torch.equal(target.theta(), first), "the target stands still until the first copy"
    model.learn(10, reset_num_timesteps=False)
    assert not torch.equal(target.theta(), first)
    assert torch.equal(model.policy.actor.w, target.w) or model._n_calls > 150


@pytest.mark.parametrize("name", ["sac", "td3"])
def test_z_is_all_of_a_continuous_actor_that_is_trained(name):
    problem, model = model_of(name)
    groups = model.actor.optimizer.param_groups
    assert [tuple(p.shape) for group in groups for p in group["params"]] == [(problem.dim,)]
    model.learn(128)
    assert np.abs(model.actor.actor.z()).max() > 0


@pytest.mark.parametrize("name", ["sac", "td3"])
def test_the_deterministic_action_is_the_one_that_evaluation_takes(name):
    problem, model = model_of(name)
    model.learn(128)
    x = torch.randn(50, 3, generator=torch.Generator().manual_seed(1))
    actions, _ = model.predict(x.numpy(), deterministic=True)
    theta = problem.subspace.theta(torch.from_numpy(model.actor.actor.z()))
    outputs = problem.network.bind(theta[None])(x[None])[0].detach().numpy()
    assert np.allclose(actions, problem.decode(outputs), atol=1e-5)


@pytest.mark.parametrize("name", list(CASES))
def test_training_in_reports_is_training_in_one_piece(name, monkeypatch):
    monkeypatch.setattr(off_policy, "REPORT_STEPS", 200)
    algorithm, policy, task, extra = CASES[name]
    settings = {**SMALL, **SPARSE[name], "learning_rate": lambda left: 1e-2 * left}
    problem = problem_of(task)
    search = search_off_policy(
        algorithm, policy, problem, np.random.default_rng(3), n_envs=1, budget=400,
        policy_settings={"scale": 2.0, **extra}, **settings,
    )  # fmt: skip
    reports = [next(search) for _ in range(2)]
    search.close()

    whole = problem_of(task)
    env_rng, rng = np.random.default_rng(3).spawn(2)
    env = SimulatorVecEnv(whole, 1, env_rng, continuous="own")
    with GlobalGenerators(int(rng.integers(0, 2**31))).installed():
        kwargs = {"problem": whole, "scale": 2.0, **extra}
        model = algorithm(policy, env, policy_kwargs=kwargs, device="cpu", **settings)
        model.set_logger(Logger(folder=None, output_formats=[]))
        model.action_space.seed(int(rng.integers(0, 2**31)))
        model.learn(400)
    assert reports[-1].z.any()
    assert problem.search_steps == whole.search_steps == 400
    actor = model.policy.actor if name == "dqn" else model.actor.actor
    assert np.array_equal(reports[-1].z, actor.z())


@pytest.mark.parametrize("agent", ["dqn", "sac", "td3"])
def test_an_algorithm_that_cannot_take_the_actions_is_refused_in_one_line(agent):
    task = "pendulum" if agent == "dqn" else "cartpole"
    with pytest.raises(ValueError, match=f"agent '{agent}' takes .* actions, but those of") as seen:
        plan(task, agent=agent, dmax=3)
    assert "\n" not in str(seen.value)


@pytest.mark.parametrize("name", ["a2c", "dqn", "sac", "td3"])
def test_settings_that_cannot_be_are_refused(name):
    with pytest.raises(ValueError, match=f"{name}: lr must be positive"):
        AGENTS[name](lr=0.0)
    with pytest.raises(ValueError, match=f"{name}: n_envs must be at least 1"):
        AGENTS[name](n_envs=0)
