"""Where the critic's weights live, and what d then counts."""

import numpy as np
import pytest
import torch
from problems import problem_of, trained
from stable_baselines3 import PPO

from rlid.agent import configure
from rlid.measurement.plan import plan
from rlid.sb3_bridge import SimulatorVecEnv, SubspacePolicy, numbers_outside

MODES = ["full", "shared", "subspace"]
PRECISIONS = ["float32", "bfloat16"]


def cut(problem, images):
    """Return images as the policies of the bridge take them."""
    return torch.from_numpy(problem.network.in_blocks().blocks.cut(images))


def policy_of(problem, critic, precision="float32"):
    env = SimulatorVecEnv(problem, 2, np.random.default_rng(0))
    kwargs = {
        "problem": problem,
        "scale": problem.subspace.scale,
        "log_std": -0.5,
        "critic": critic,
        "precision": precision,
    }
    sizes = {"n_steps": 8, "batch_size": 16}
    return PPO(SubspacePolicy, env, policy_kwargs=kwargs, device="cpu", seed=0, **sizes)


@pytest.mark.parametrize("critic", MODES)
@pytest.mark.parametrize("network", ["mlp:8x8", "mlp:6"])
def test_z_and_the_critic_that_the_record_notes_are_trained(critic, network):
    problem = problem_of(network=network)
    model = policy_of(problem, critic)
    sizes = sum(parameter.numel() for parameter in trained(model))
    assert sizes == problem.dim + numbers_outside(problem.network, critic)
    assert (numbers_outside(problem.network, critic) == 0) == (critic == "subspace")


@pytest.mark.parametrize("critic", MODES)
def test_the_actor_is_the_same_whatever_the_critic(critic):
    problem = problem_of()
    policy = policy_of(problem, critic).policy
    x = torch.randn(7, 4, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        policy.actor.w += 0.1
        expected = problem.network.outputs_of(policy.actor.theta(), x)
        outputs, latent = policy.mlp_extractor(x)
        assert torch.allclose(outputs, expected, atol=1e-6)
        assert torch.equal(latent, policy.mlp_extractor.forward_critic(x))
        assert policy.predict_values(x).shape == (7, 1)


@pytest.mark.parametrize("critic", ["full", "shared"])
def test_bytes_are_scaled_wherever_the_policy_sees_them(critic):
    problem = problem_of("pong", network="conv:4-4-16", d=20)
    policy = policy_of(problem, critic).policy
    x = cut(problem, np.random.default_rng(0).integers(0, 256, (3, 28_224), np.uint8))
    actions = torch.tensor([0, 1, 2])
    with torch.no_grad():
        values, log_probs, _ = policy.evaluate_actions(x, actions)
        # What a value is bootstrapped from, and what acts, must be what is trained.
        assert torch.equal(policy.predict_values(x), values)
        assert torch.equal(policy.get_distribution(x).log_prob(actions), log_probs)
        assert torch.allclose(policy(x, deterministic=True)[1], values, atol=1e-6)


@pytest.mark.parametrize(("critic", "moves"), [("full", False), ("shared", True)])
def test_the_values_gradient_moves_z_only_where_the_critic_shares_it(critic, moves):
    policy = policy_of(problem_of(), critic).policy
    x = torch.randn(7, 4, generator=torch.Generator().manual_seed(1))
    policy.predict_values(x).square().sum().backward()
    assert (policy.actor.w.grad is not None) == moves


def test_a_critic_in_the_subspace_follows_the_actors_z():
    policy = policy_of(problem_of(), "subspace").policy
    x = torch.randn(7, 4, generator=torch.Generator().manual_seed(1))
    before = policy.predict_values(x).detach()
    with torch.no_grad():
        policy.actor.w += 0.5
    assert not torch.allclose(before, policy.predict_values(x))


@pytest.mark.parametrize(
    ("network", "critic", "d", "message"),
    [
        ("linear", "shared", 5, "no hidden layer"),
        ("mlp:40", "subspace", 350, "fewer than d = 350"),
    ],
)
def test_a_critic_that_cannot_be_is_refused_before_anything_is_trained(network, critic, d, message):
    for agent in ("ppo", "a2c"):
        with pytest.raises(ValueError, match=message):
            plan("acrobot", agent=agent, network=network, settings=[f"critic={critic}"], dims=[d])


@pytest.mark.parametrize(
    ("agent", "setting", "message"),
    [
        ("ppo", "batch_size=1", "batch_size must be at least 2"),
        ("ppo", "batch_size=100", "does not divide"),
        ("ppo", "clip_range=0", "clip_range must be positive"),
        ("a2c", "gamma=1.5", "gamma must be from 0 to 1, not 1.5"),
        ("dqn", "epsilon_last=-1", "epsilon_last must be from 0 to 1, not -1.0"),
        ("sac", "tau=2", "tau must be from 0 to 1, not 2.0"),
        ("td3", "gamma=-0.1", "gamma must be from 0 to 1, not -0.1"),
    ],
)
def test_settings_that_no_training_could_follow_are_refused(agent, setting, message):
    with pytest.raises(ValueError, match=message):
        configure(agent, [setting])


@pytest.fixture(params=[True, False], ids=["with bfloat16", "without bfloat16"])
def has_bfloat16(request, monkeypatch):
    """Say of the processor, whatever it is, that it computes in bfloat16, or that it does not."""
    monkeypatch.setattr("rlid.sb3_bridge.half.computes_bfloat16", lambda: request.param)
    return request.param


@pytest.mark.parametrize("critic", MODES)
def test_half_precision_is_of_networks_of_images_in_training_where_the_processor_has_it(
    critic, has_bfloat16
):
    problem = problem_of("pong", network="conv:4-4-16", d=20)
    whole, half = (policy_of(problem, critic, precision).policy for precision in PRECISIONS)
    half.load_state_dict(whole.state_dict())
    x = cut(problem, np.random.default_rng(0).integers(0, 256, (3, 28_224), np.uint8))
    with torch.no_grad():
        outputs, features = half.mlp_extractor(x)
        expected, values = whole.mlp_extractor(x)
    assert outputs.dtype == features.dtype == torch.float32
    for rounded, exact in ((outputs, expected), (features, values)):
        assert torch.equal(rounded, exact) != has_bfloat16
        assert torch.allclose(rounded, exact, atol=0.02 * float(exact.abs().max()))


def test_all_layers_but_the_last_are_computed_in_half_precision():
    network = problem_of("pong", network="conv:4-4-16", d=20).network.in_blocks()
    parts = network.prepared(torch.from_numpy(network.initial(1)), is_half=True)
    half, whole = torch.bfloat16, torch.float32
    assert [weights.dtype for weights, _ in parts] == [half, half, half, whole]
    assert [biases.dtype for _, biases in parts] == [half, half, half, whole]


def test_a_spec_of_ppo_says_that_half_precision_means_more_layers_than_before():
    # Trials whose fully connected layers were in float32 have version 1.
    assert configure("ppo", ["precision=bfloat16"]).version == 2


def test_the_record_notes_the_precision_that_is_used(has_bfloat16):
    problem = problem_of("pong", network="conv:4-4-16", d=20)
    asked = configure("ppo", ["precision=bfloat16"]).notes(problem)
    assert asked["precision"] == ("bfloat16" if has_bfloat16 else "float32")
    assert "precision" not in configure("ppo", []).notes(problem)


def test_half_precision_of_a_network_without_convolutions_is_whole():
    problem = problem_of(network="mlp:32x32", d=40)
    policy = policy_of(problem, "shared", "bfloat16").policy
    x = torch.randn(7, 4, generator=torch.Generator().manual_seed(1))
    expected = problem.network.outputs_of(problem.subspace.theta0, x)
    assert torch.equal(policy.mlp_extractor(x)[0], expected)
