"""PPO over many trials in one batch: equal to stable-baselines3's, and to each trial alone."""

import numpy as np
import pytest
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.logger import Logger

from rlid.batched import PPOBatch, PPOLearner, PPOSettings
from rlid.batched.rollout import Experience
from rlid.measurement import plan
from rlid.problem import make_problem
from rlid.sb3_bridge import SimulatorVecEnv, SubspacePolicy
from rlid.task import resolve

SETTINGS = PPOSettings(n_envs=4, n_steps=32, batch_size=64, n_epochs=2, gamma=0.9)


def settings(**changes):
    return PPOSettings(**{**vars(SETTINGS), **changes})


def learner(task, network, d, seed, projection="onehot", **changes):
    shape = plan(task, network=network, dmax=d).network
    problem = make_problem(resolve(task), shape, projection, d, seed)
    rng = np.random.default_rng(seed)
    return PPOLearner(problem, settings(**changes), problem.subspace.scale, rng)


def train(task, network, dims, seeds, rounds, leaving=(), **changes):
    """z of each seed's trial after some rounds; those that leave do so after the first."""
    learners = [
        learner(task, network, d, seed, **changes) for d, seed in zip(dims, seeds, strict=True)
    ]
    batch = PPOBatch(learners)
    for _ in range(rounds):
        batch.round()
        for each in learners:
            each.has_left = each.problem.subspace.d in leaving
    batch.close()
    return {seed: each.z.tobytes() for seed, each in zip(seeds, learners, strict=True)}


def sb3_weights(critic, value_net):
    """The critic's weights in the order of `Network`: (inputs, outputs), then biases."""
    layers = [module for module in [*critic, value_net] if isinstance(module, torch.nn.Linear)]
    parts = [part for layer in layers for part in (layer.weight.T.reshape(-1), layer.bias)]
    return torch.cat(parts).detach().clone()


def beside_stable_baselines3(task, network, **changes):
    """An SB3 model that has collected a rollout, our batch at its weights, and that rollout."""
    steps, envs = 64, 4
    sizes = {"n_steps": steps, "n_envs": envs, "batch_size": steps * envs}
    each = learner(task, network, 12, 0, **sizes, **changes)
    problem, wanted = each.problem, each.settings
    torch.manual_seed(0)
    env = SimulatorVecEnv(problem, envs, np.random.default_rng(0))
    model = PPO(
        SubspacePolicy, env, n_steps=steps, batch_size=steps * envs, n_epochs=wanted.n_epochs,
        gamma=0.9, learning_rate=wanted.lr, ent_coef=wanted.ent_coef, device="cpu",
        normalize_advantage=wanted.normalize_advantage, target_kl=wanted.target_kl,
        policy_kwargs={"problem": problem, "scale": each.scale, "log_std": -0.5},
    )  # fmt: skip
    model.set_logger(Logger(folder=None, output_formats=[]))
    _, callback = model._setup_learn(10_000)
    model.collect_rollouts(env, callback, model.rollout_buffer, steps)
    batch = PPOBatch([each])
    batch._adam.Phi.copy_(critic_of(model))
    buffer = model.rollout_buffer

    def column(values):
        """(T, E, ...) as (1, T * E, ...)."""
        return torch.from_numpy(values.reshape(1, steps * envs, *values.shape[2:]).copy())

    actions = column(buffer.actions)
    experience = Experience(
        column(buffer.observations),
        actions.long() if task == "cartpole" else actions,
        column(buffer.log_probs),
        column(buffer.advantages),
        column(buffer.returns),
    )
    return model, batch, experience


def critic_of(model):
    return sb3_weights(model.policy.mlp_extractor.critic, model.policy.value_net)


def assert_equal_weights(batch, model, atol=1e-5):
    ours = batch._adam.W[0].numpy()
    theirs = model.policy.actor.w.detach().numpy()
    assert np.abs(theirs).max() > 1e-4
    np.testing.assert_allclose(ours, theirs, atol=atol)
    np.testing.assert_allclose(batch._adam.Phi[0], critic_of(model), atol=atol)


@pytest.mark.parametrize(
    ("task", "network", "ent_coef"),
    [("cartpole", "mlp:20x20", 0.0), ("cartpole", "mlp:20x20", 0.01), ("pendulum", "mlp:16", 0.01)],
)
@pytest.mark.parametrize("normalize", [True, False])
def test_an_update_equals_the_update_of_stable_baselines3(task, network, ent_coef, normalize):
    model, batch, experience = beside_stable_baselines3(
        task, network, ent_coef=ent_coef, n_epochs=1, normalize_advantage=normalize
    )
    batch._learn(experience)
    model.train()
    assert_equal_weights(batch, model)
    batch.close()


@pytest.mark.parametrize("task", ["cartpole", "pendulum"])
def test_target_kl_ends_the_epochs_where_it_does_for_stable_baselines3(task):
    changes = {"n_epochs": 20, "lr": 3e-3, "target_kl": 0.004}
    model, batch, experience = beside_stable_baselines3(task, "mlp:16", **changes)
    batch._learn(experience)
    model.train()
    updates = int(batch._adam.steps[0, 0])
    assert 1 < updates < 20
    optimizer = model.policy.optimizer
    assert updates == int(optimizer.state[model.policy.actor.w]["step"])
    assert_equal_weights(batch, model, atol=1e-4)
    batch.close()


@pytest.mark.parametrize("critic", ["full", "shared", "subspace"])
@pytest.mark.parametrize(
    ("task", "network"),
    [
        ("cartpole", "mlp:20x20"),
        ("pendulum", "mlp:64x64"),
        ("pendulum", "mlp:13"),
        ("minatar:breakout", "conv:4-8"),
    ],
)
def test_a_trial_gives_the_same_bits_alone_and_among_others(task, network, critic):
    together = train(task, network, (7, 20, 3, 11), (5, 1, 2, 9), 3, leaving=(20, 3), critic=critic)
    alone = train(task, network, (7,), (5,), 3, critic=critic)
    pair = train(task, network, (11, 7), (9, 5), 3, critic=critic)
    assert together[5] == alone[5] == pair[5]
    assert together[9] == pair[9]
    assert together[5] != together[9]


def test_trials_whose_epochs_end_early_are_what_they_are_alone():
    dims, seeds = (7, 20, 3, 11), (5, 1, 2, 9)
    limited = {"n_epochs": 8, "lr": 3e-3, "target_kl": 1e-4}
    together = train("cartpole", "mlp:20x20", dims, seeds, 3, leaving=(20,), **limited)
    for d, seed in ((7, 5), (11, 9)):
        alone = train("cartpole", "mlp:20x20", (d,), (seed,), 3, **limited)
        assert together[seed] == alone[seed]
        limitless = train("cartpole", "mlp:20x20", (d,), (seed,), 3, n_epochs=8, lr=3e-3)
        assert together[seed] != limitless[seed]


def test_an_annealed_clip_range_is_half_of_itself_at_half_of_the_budget():
    """After one rollout half of the budget is left, and a range of 0.2 clips as one of 0.1 does."""
    found, clipped = [], []
    for changes in ({"anneal_clip_range": True}, {"clip_range": 0.1}, {}):
        each = learner("cartpole", "mlp:20x20", 11, 9, n_epochs=8, lr=1e-2, **changes)
        each.problem.budget = 2 * SETTINGS.n_envs * SETTINGS.n_steps
        each.problem.is_watched = True
        batch = PPOBatch([each])
        batch.round()
        batch.close()
        found.append(each.z)
        clipped.append(each.scalars["train/clip_fraction"])
    # What is told of it counts the ratios beyond the range of the moment.
    assert clipped[0] == pytest.approx(clipped[1], abs=0.02)
    assert clipped[0] > 0
    annealed, narrow, wide = found
    np.testing.assert_allclose(annealed, narrow, atol=1e-6)
    assert not np.allclose(annealed, wide, atol=1e-3)


def test_two_batches_with_the_same_seeds_are_equal():
    first, second = (train("cartpole", "mlp:8", (3, 5), (0, 1), 2) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("projection", ["onehot", "dense", "sparse", "fastfood", "orthogonal"])
def test_every_projection_trains_by_its_own_kernels(projection):
    each = learner("cartpole", "mlp:8", 6, 0, projection)
    batch = PPOBatch([each])
    batch.round()
    assert np.abs(each.z).max() > 0
    W = batch._adam.W
    expected = each.problem.subspace.theta(torch.from_numpy(each.z))
    assert torch.equal(batch._subspaces.expand(W)[0], expected)
    batch.close()


def test_direct_training_learns_cartpole():
    shape = plan("cartpole", network="mlp:20x20", dmax=4).network
    problem = make_problem(resolve("cartpole"), shape, "identity", shape.D, 3)
    recipe = settings(n_envs=8, n_steps=128, batch_size=256, n_epochs=10, gamma=0.99)
    each = PPOLearner(problem, recipe, 1.0, np.random.default_rng(0))
    batch = PPOBatch([each])
    returns = []
    for _ in range(25):
        batch.round()
        returns.append(np.mean(each.returns) if each.returns else np.nan)
    batch.close()
    assert returns[0] < 40
    assert np.nanmean(returns[-5:]) > 150


@pytest.mark.parametrize(("keeps_bits", "batches"), [(True, 1), (False, 3)])
def test_trials_train_alone_where_a_batch_would_change_their_bits(monkeypatch, keeps_bits, batches):
    monkeypatch.setattr("rlid.batched.learner.keeps_bits", lambda: keeps_bits)
    learners = [learner("cartpole", "mlp:8", 3, seed) for seed in range(3)]
    learners[0].begin_batches(learners)
    made = {id(each.batch): each.batch for each in learners}
    assert len(made) == batches
    for batch in made.values():
        batch.close()
