"""The bridge: SB3's algorithm as it is, except that its actor is theta0 + P z."""

import numpy as np
import pytest
import torch
from gymnasium import spaces
from problems import problem_of, trained
from stable_baselines3 import PPO
from stable_baselines3.common.buffers import RolloutBuffer
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.logger import Logger

from rlid.measurement.plan import plan
from rlid.sb3_bridge import (
    SimulatorVecEnv,
    StandardisedRollouts,
    SubspacePolicy,
    on_policy,
    search_on_policy,
)
from rlid.sb3_bridge.generators import GlobalGenerators
from rlid.task import resolve


def model_of(problem, scale=None, n_envs=4):
    env = SimulatorVecEnv(problem, n_envs, np.random.default_rng(0))
    kwargs = {"problem": problem, "scale": scale or problem.subspace.scale, "log_std": -0.5}
    model = PPO(
        SubspacePolicy, env, n_steps=32, batch_size=64, policy_kwargs=kwargs, device="cpu", seed=0
    )
    model.set_logger(Logger(folder=None, output_formats=[]))
    return model


@pytest.mark.parametrize("name", ["cartpole", "pendulum"])
def test_z_is_all_of_the_actor_that_the_optimizer_sees(name):
    problem = problem_of(name)
    model = model_of(problem)
    critic = [*model.policy.mlp_extractor.critic.parameters()]
    critic += [*model.policy.value_net.parameters()]
    rest = [p for p in trained(model) if not any(p is one for one in critic)]
    assert [tuple(p.shape) for p in rest] == [(problem.dim,)]


def test_training_moves_theta_within_the_subspace_only():
    problem = problem_of()
    model = model_of(problem)
    model.learn(256)
    theta = model.policy.actor.theta().detach()
    offset = theta - problem.subspace.theta0
    z = torch.from_numpy(model.policy.z())
    assert z.abs().max() > 0
    assert torch.allclose(offset, problem.subspace.P(z), atol=1e-6)
    assert torch.allclose(problem.subspace.P(problem.subspace.P.T(offset)), offset, atol=1e-5)


def test_the_gradient_of_z_is_the_transposed_projection_of_thetas():
    problem = problem_of()
    model = model_of(problem, scale=1.0)
    x = torch.randn(7, 4, generator=torch.Generator().manual_seed(1))
    actor = model.policy.actor
    actor(x).square().sum().backward()
    theta = problem.subspace.theta0.clone().requires_grad_()
    problem.network.outputs_of(theta, x).square().sum().backward()
    assert torch.allclose(actor.w.grad, problem.subspace.P.T(theta.grad), atol=1e-4)


def test_the_deterministic_action_is_the_one_that_evaluation_takes():
    problem = problem_of()
    model = model_of(problem)
    model.learn(256)
    z = torch.from_numpy(model.policy.z())
    x = torch.randn(50, 4, generator=torch.Generator().manual_seed(1))
    actions, _ = model.predict(x.numpy(), deterministic=True)
    outputs = problem.network.bind(problem.subspace.theta(z)[None])(x[None])[0]
    assert np.array_equal(actions, problem.decode(outputs.detach().numpy()))


def test_in_the_whole_space_the_step_is_that_of_direct_training():
    """With P the identity the trained tensor is theta - theta0, and its step Adam's own."""
    problem = problem_of(projection="identity", d=problem_of().subspace.D)
    assert problem.subspace.scale == 1.0
    model = model_of(problem)
    model.policy.optimizer.param_groups[0]["lr"] = 0.5
    x = torch.randn(7, 4, generator=torch.Generator().manual_seed(1))
    actor = model.policy.actor
    theta = problem.subspace.theta0.clone().requires_grad_()
    adam = torch.optim.Adam([theta], lr=0.5, eps=1e-5)
    actor(x).square().sum().backward()
    problem.network.outputs_of(theta, x).square().sum().backward()
    model.policy.optimizer.step()
    adam.step()
    assert torch.allclose(actor.theta(), theta, atol=1e-5)


def test_adam_moves_the_weights_as_far_in_a_subspace_as_without_one():
    """The scale rule: z steps are sqrt(D/d) times as long, so theta steps have equal length."""
    lengths = []
    for d in (2, 20, problem_of().subspace.D):
        problem = problem_of(d=d, projection="onehot" if d < 100 else "identity")
        model = model_of(problem)
        model.policy.actor.w.grad = torch.ones(d)
        model.policy.optimizer.step()
        moved = model.policy.actor.theta() - problem.subspace.theta0
        lengths.append(float(moved.detach().norm()))
    assert np.allclose(lengths, lengths[-1], rtol=1e-3)


@pytest.mark.parametrize("name", ["cartpole", "acrobot"])
def test_the_adapter_steps_as_sb3s_own_environments_do(name):
    """Same seeds and actions: observations, rewards, ends and terminal observations agree."""
    task = resolve(name)
    n = 3
    ours = SimulatorVecEnv(problem_of(name), n, np.random.default_rng(5))
    seeds = iter(np.random.default_rng(5).integers(0, 2**31, (200, n)).tolist())
    theirs = make_vec_env(task.env, n_envs=n)
    for env, seed in zip(theirs.envs, next(seeds), strict=True):
        env.reset(seed=seed)
    first = ours.reset()
    assert first.shape == (n, ours.observation_space.shape[0])
    episodes = 0
    rng = np.random.default_rng(1)
    drawn = np.random.default_rng(5)
    theirs_obs = []
    for env, seed in zip(theirs.envs, drawn.integers(0, 2**31, n).tolist(), strict=True):
        theirs_obs.append(env.reset(seed=seed)[0])
    assert np.array_equal(first, np.array(theirs_obs, np.float32))
    for _ in range(700):
        actions = rng.integers(0, ours.action_space.n, n)
        ours.step_async(actions)
        observations, rewards, dones, infos = ours.step_wait()
        for slot in range(n):
            expected, reward, terminated, truncated, _ = theirs.envs[slot].step(actions[slot])
            assert rewards[slot] == np.float32(reward)
            assert dones[slot] == (terminated or truncated)
            if not dones[slot]:
                assert np.array_equal(observations[slot], np.float32(expected))
                continue
            episodes += 1
            assert np.array_equal(infos[slot]["terminal_observation"], np.float32(expected))
            assert infos[slot]["TimeLimit.truncated"] == (truncated and not terminated)
        ended = np.flatnonzero(dones)
        for slot, seed in zip(ended, drawn.integers(0, 2**31, len(ended)).tolist(), strict=True):
            restarted, _ = theirs.envs[slot].reset(seed=seed)
            assert np.array_equal(observations[slot], np.float32(restarted))
    assert episodes >= 3


def test_training_in_reports_is_training_in_one_piece():
    """Schedules run over the whole budget, however often the search reports."""
    problem = problem_of()
    settings = {"n_steps": 32, "batch_size": 64, "learning_rate": lambda left: 1e-2 * left}
    search = search_on_policy(
        PPO, problem, np.random.default_rng(3), n_envs=4, budget=512,
        scale=problem.subspace.scale, log_std=-0.5, **settings,
    )  # fmt: skip
    reports = [next(search) for _ in range(4)]
    search.close()

    whole = problem_of()
    env_rng, optimizer_rng = np.random.default_rng(3).spawn(2)
    env = SimulatorVecEnv(whole, 4, env_rng)
    with GlobalGenerators(int(optimizer_rng.integers(0, 2**31))).installed():
        kwargs = {"problem": whole, "scale": whole.subspace.scale, "log_std": -0.5}
        model = PPO(SubspacePolicy, env, policy_kwargs=kwargs, device="cpu", **settings)
        model.set_logger(Logger(folder=None, output_formats=[]))
        model.learn(512)
    assert np.array_equal(reports[-1].z, model.policy.z())
    assert problem.search_steps == whole.search_steps == 512


@pytest.mark.parametrize("is_annealed", [True, False])
def test_an_annealed_rate_falls_to_zero_over_the_budget(is_annealed):
    rounds = 10
    settings = ["n_envs=4", "n_steps=32", "batch_size=64", f"anneal_lr={is_annealed}".lower()]
    agent = plan("cartpole", agent="ppo", dmax=5, settings=settings).agent
    problem = problem_of()
    problem.budget = rounds * 4 * 32
    search = agent.search(problem, np.random.default_rng(3))
    # Beyond the budget as well: a rollout may end there.
    points = [np.zeros(5), *(next(search).z for _ in range(rounds + 1))]
    search.close()
    moves = np.linalg.norm(np.diff(points, axis=0), axis=1)
    assert (moves[-2:] == 0).all() == is_annealed
    assert moves[:-2].all()


def test_advantages_are_standardised_over_the_rollout_and_returns_are_not():
    rng = np.random.default_rng(0)
    rewards, values = rng.normal(size=(2, 16, 4))
    starts = rng.random((16, 4)) < 0.2
    buffers = [
        kind(16, spaces.Box(-1, 1, (3,)), spaces.Discrete(2), "cpu", gae_lambda=0.95, n_envs=4)
        for kind in (RolloutBuffer, StandardisedRollouts)
    ]
    for buffer in buffers:
        for step in range(16):
            tensors = torch.from_numpy(values[step]), torch.zeros(4)
            buffer.add(np.zeros((4, 3)), np.zeros(4), rewards[step], starts[step], *tensors)
        buffer.compute_returns_and_advantage(torch.ones(4), np.zeros(4))
    theirs, ours = buffers
    assert abs(theirs.advantages.mean()) > 0.01
    assert ours.advantages.mean() == pytest.approx(0, abs=1e-6)
    assert ours.advantages.std() == pytest.approx(1, abs=1e-5)
    assert np.corrcoef(ours.advantages.ravel(), theirs.advantages.ravel())[0, 1] > 1 - 1e-6
    assert np.array_equal(ours.returns, theirs.returns)


def test_ways_to_standardise_agree_only_where_a_rollout_is_one_minibatch():
    """Where a rollout is one minibatch, both ways are one."""

    def z_after(*settings):
        agent = plan("cartpole", agent="ppo", dmax=5, settings=settings).agent
        problem = problem_of()
        search = agent.search(problem, np.random.default_rng(3))
        found = [next(search).z for _ in range(2)][-1]
        search.close()
        return found

    small = ["n_envs=4", "n_steps=16", "n_epochs=2"]
    whole, cut = [*small, "batch_size=64"], [*small, "batch_size=32"]
    assert np.allclose(z_after(*whole), z_after(*whole, "advantages=rollout"), rtol=0.02, atol=1e-4)
    assert not np.allclose(z_after(*cut), z_after(*cut, "advantages=rollout"), rtol=0.02, atol=1e-4)


@pytest.mark.parametrize("name", ["pendulum", "gym:MountainCarContinuous-v0", "gym:Blackjack-v1"])
def test_the_bridge_takes_every_kind_of_task(name):
    problem = problem_of(name, d=3)
    search = search_on_policy(
        PPO, problem, np.random.default_rng(3), n_envs=2, budget=64, scale=1.0, log_std=-0.5,
        n_steps=16, batch_size=32,
    )  # fmt: skip
    report = next(search)
    search.close()
    assert report.z.shape == (3,)
    assert np.isfinite(report.z).all()


def test_sb3_sees_raw_outputs_where_actions_are_continuous():
    env = SimulatorVecEnv(problem_of("pendulum"), 2, np.random.default_rng(0))
    assert isinstance(env.action_space, spaces.Box)
    env.reset()
    env.step_async(np.array([[10.0], [0.5]], np.float32))
    assert np.allclose(env._actions, [[2.0], [2 * np.tanh(0.5)]], atol=1e-5)


def test_scaled_rewards_are_seen_by_sb3_alone():
    ours, scaled = (
        SimulatorVecEnv(problem_of(), 2, np.random.default_rng(0), reward_scale=scale)
        for scale in (1.0, 0.25)
    )
    for env in (ours, scaled):
        env.reset()
    while not ours.finished_returns:
        expected, found = ours.step(np.zeros(2, int))[1], scaled.step(np.zeros(2, int))[1]
        assert np.array_equal(expected, [1, 1])
        assert np.array_equal(found, [0.25, 0.25])
    assert ours.finished_returns == scaled.finished_returns


@pytest.mark.parametrize("fused_from", [1, 10**9])
def test_experience_is_collected_by_the_policy_that_was_trained_last(fused_from, monkeypatch):
    """Adam in one pass leaves the version of what it changes as it was."""
    monkeypatch.setattr(on_policy, "FUSED_FROM", fused_from)
    problem = problem_of()
    model = model_of(problem)
    assert model.policy.optimizer.defaults["fused"] == (True if fused_from == 1 else None)
    for _ in range(2):
        model.learn(model.n_steps * model.n_envs, reset_num_timesteps=False)
        actor = model.policy.actor
        with torch.no_grad():
            assert actor.w.abs().max() > 0
            assert torch.equal(actor.theta(), problem.subspace.theta(actor.w * actor.scale))
            assert torch.equal(actor.parts()[0][0], problem.network.parts(actor.theta())[0][0])


def test_training_that_diverged_raises_where_it_samples():
    """SB3's own distribution would test every row of logits for it."""
    model = model_of(problem_of())
    with torch.no_grad():
        model.policy.actor.w.fill_(float("nan"))
    with pytest.raises((RuntimeError, ValueError), match="nan"):
        model.learn(model.n_steps * model.n_envs)
