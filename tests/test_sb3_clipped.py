"""Off-policy agents on tasks that clip actions: they train as the policy is evaluated."""

import numpy as np
import pytest
import torch
from problems import problem_of
from stable_baselines3.common.logger import Logger

from rlid.agent import configure
from rlid.sb3_bridge import (
    SimulatorVecEnv,
    SubspaceSACPolicy,
    SubspaceTD3Policy,
    off_policy,
    subspace_policy,
)
from rlid.sb3_bridge.algorithms import algorithm_of
from rlid.sb3_bridge.bounded import Bounds, CutGaussian, cut
from rlid.sb3_bridge.policies import acting_network

FEW = ["learning_starts=64", "batch_size=16", "train_freq=10"]


def test_a_gradient_passes_the_bounds_only_where_it_leads_back_inside():
    values = torch.tensor([-2.0, -2.0, 0.5, 2.0, 2.0], requires_grad=True)
    cut(values).backward(torch.tensor([1.0, -1.0, 1.0, 1.0, -1.0]))
    assert cut(values).tolist() == [-1.0, -1.0, 0.5, 1.0, 1.0]
    assert values.grad.tolist() == [0.0, -1.0, 1.0, 1.0, 0.0]


def test_descent_brings_back_an_output_that_has_left_its_bounds():
    value = torch.tensor([5.0], requires_grad=True)
    optimizer = torch.optim.SGD([value], lr=0.5)
    for _ in range(30):
        optimizer.zero_grad()
        (cut(value) - 0.25).square().sum().backward()
        optimizer.step()
    assert value.item() == pytest.approx(0.25, abs=1e-3)


@pytest.mark.parametrize("task", ["half_cheetah", "humanoid", "inverted_pendulum"])
def test_outputs_become_the_actions_that_an_evaluation_takes(task):
    problem = problem_of(task)
    bounds, space = Bounds(problem), problem.simulator.action_space
    generator = torch.Generator().manual_seed(0)
    outputs = 4 * torch.randn(40, problem.network.outputs, generator=generator)
    seen = bounds(outputs).numpy()
    own = space.low + (seen + 1) / 2 * (space.high - space.low)
    assert np.allclose(own, problem.decode(outputs.numpy()), atol=1e-5)
    assert bounds.is_clipped is (task != "inverted_pendulum")
    assert (np.abs(seen) == 1).any() == bounds.is_clipped


def test_samples_are_a_gaussian_around_the_outputs_that_is_cut():
    problem = problem_of("half_cheetah")
    noise = CutGaussian(Bounds(problem), 6)
    means = torch.full((2000, 6), 0.9)
    torch.manual_seed(0)
    actions, log_prob = noise.log_prob_from_params(means, torch.full_like(means, -1.0))
    assert actions.max() == 1
    assert float((actions == 1).float().mean()) == pytest.approx(0.39, abs=0.02)
    below = actions[actions < 1]
    assert float(below.median()) == pytest.approx(0.9 - 0.27, abs=0.1)
    assert not log_prob.any()
    assert log_prob.shape == (2000,)
    assert torch.equal(noise.actions_from_params(means, means, deterministic=True), means)


@pytest.mark.parametrize("agent", ["tqc", "crossq", "sac", "td3"])
def test_training_on_clipped_actions_moves_z_and_equal_seeds_move_it_equally(agent, monkeypatch):
    monkeypatch.setattr(off_policy, "REPORT_STEPS", 150)
    if agent in ("tqc", "crossq"):
        pytest.importorskip("sb3_contrib")
    points = []
    for _ in range(2):
        problem = problem_of("half_cheetah")
        search = configure(agent, FEW).search(problem, np.random.default_rng(3))
        points.append(next(search).z)
        search.close()
    assert points[0].any()
    assert np.isfinite(points[0]).all()
    assert np.array_equal(*points)


@pytest.mark.parametrize("name", ["SAC", "TD3", "DDPG", "TQC", "CrossQ"])
def test_the_trained_policy_acts_as_the_evaluated_one(name):
    own = {"SAC": SubspaceSACPolicy, "TD3": SubspaceTD3Policy}
    package = "sb3_contrib" if name in ("TQC", "CrossQ") else "stable_baselines3"
    if package == "sb3_contrib":
        pytest.importorskip("sb3_contrib")
    algorithm, problem = algorithm_of(f"{package}:{name}"), problem_of("half_cheetah")
    env = SimulatorVecEnv(problem, 1, np.random.default_rng(0), continuous="own")
    kwargs = {"problem": problem, "scale": 2.0, "net_arch": [16]}
    if name not in ("TD3", "DDPG"):
        kwargs["log_std"] = -1.0
    model = algorithm(
        own.get(name) or subspace_policy(algorithm), env, device="cpu", seed=0, buffer_size=500,
        learning_starts=50, batch_size=16, policy_kwargs=kwargs,
    )  # fmt: skip
    model.set_logger(Logger(folder=None, output_formats=[]))
    model.learn(80)
    actor = acting_network(model.policy)
    assert actor.w.abs().max() > 0
    x = torch.randn(50, 17, generator=torch.Generator().manual_seed(1))
    actions, _ = model.predict(x.numpy(), deterministic=True)
    theta = problem.subspace.theta(torch.from_numpy(actor.z()))
    outputs = problem.network.bind(theta[None])(x[None])[0].detach().numpy()
    assert np.allclose(actions, problem.decode(outputs), atol=1e-5)
