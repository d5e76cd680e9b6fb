"""Agents by any algorithm of SB3 or sb3-contrib: what trains is z, what cannot is refused."""

import dataclasses
import sys
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
import torch
from problems import problem_of
from stable_baselines3.common.logger import Logger

from rlid.agent import AGENTS, configure
from rlid.errors import InputError
from rlid.measurement.plan import plan
from rlid.sb3_bridge import (
    OffPolicyAgent,
    OnPolicyAgent,
    SimulatorVecEnv,
    off_policy,
    subspace_policy,
)
from rlid.sb3_bridge.algorithms import algorithm_of
from rlid.sb3_bridge.policies import acting_network

pytest.importorskip("sb3_contrib")

FEW = ["learning_starts=64", "batch_size=16"]
CASES = {
    "tqc": ("pendulum", [*FEW, "train_freq=10"]),
    "crossq": ("pendulum", [*FEW, "train_freq=10", "policy_delay=1"]),
    "qrdqn": ("cartpole", [*FEW, "train_freq=10", "gradient_steps=2"]),
    "trpo": ("pendulum", ["n_envs=4", "n_steps=32", "lr=0.001"]),
}


@dataclass(frozen=True)
class DDPG(OffPolicyAgent):
    """DDPG by stable-baselines3 in a subspace."""

    learning_starts: int = 64
    batch_size: int = 16
    train_freq: int = 10
    algorithm: ClassVar[str] = "stable_baselines3:DDPG"
    actions: ClassVar[tuple[str, ...]] = ("squashed",)


@dataclass(frozen=True)
class A2CAgain(OnPolicyAgent):
    """A2C by stable-baselines3 in a subspace."""

    n_steps: int = 16
    algorithm: ClassVar[str] = "stable_baselines3:A2C"


def reports(agent, problem, count=2):
    search = agent.search(problem, np.random.default_rng(3))
    points = [next(search).z for _ in range(count)]
    search.close()
    return points


def named(name):
    kinds = {"ddpg": DDPG, "a2c": A2CAgain}
    if name in kinds:
        return "pendulum", kinds[name]()
    task, settings = CASES[name]
    return task, configure(name, settings)


@pytest.mark.parametrize("name", [*CASES, "ddpg", "a2c"])
def test_training_moves_z_and_equal_seeds_move_it_equally(name, monkeypatch):
    monkeypatch.setattr(off_policy, "REPORT_STEPS", 100)
    task, agent = named(name)
    first, second = (reports(agent, problem_of(task)) for _ in range(2))
    assert first[-1].any()
    assert np.isfinite(first[-1]).all()
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize("target", ["sb3_contrib:TQC", "sb3_contrib:CrossQ"])
def test_z_is_all_of_a_gaussian_actor_that_is_trained_and_evaluation_acts_alike(target):
    algorithm, problem = algorithm_of(target), problem_of("pendulum")
    env = SimulatorVecEnv(problem, 1, np.random.default_rng(0), continuous="own")
    settings = {"buffer_size": 500, "learning_starts": 50, "batch_size": 16, "ent_coef": 0.1}
    model = algorithm(
        subspace_policy(algorithm), env, device="cpu", seed=0, **settings,
        policy_kwargs={"problem": problem, "scale": 2.0, "net_arch": [16]},
    )  # fmt: skip
    model.set_logger(Logger(folder=None, output_formats=[]))
    groups = model.actor.optimizer.param_groups
    assert [tuple(p.shape) for group in groups for p in group["params"]] == [(problem.dim,)]
    model.learn(80)
    actor = acting_network(model.policy)
    assert np.abs(actor.z()).max() > 0
    x = torch.randn(50, 3, generator=torch.Generator().manual_seed(1))
    actions, _ = model.predict(x.numpy(), deterministic=True)
    theta = problem.subspace.theta(torch.from_numpy(actor.z()))
    outputs = problem.network.bind(theta[None])(x[None])[0].detach().numpy()
    assert np.allclose(actions, problem.decode(outputs), atol=1e-5)


def test_the_mean_of_the_quantiles_is_the_network_in_the_subspace():
    algorithm, problem = algorithm_of("sb3_contrib:QRDQN"), problem_of("cartpole")
    env = SimulatorVecEnv(problem, 1, np.random.default_rng(0), continuous="own")
    model = algorithm(
        subspace_policy(algorithm), env, device="cpu", seed=0, learning_starts=50, buffer_size=500,
        policy_kwargs={"problem": problem, "scale": 2.0, "n_quantiles": 7},
    )  # fmt: skip
    model.set_logger(Logger(folder=None, output_formats=[]))
    model.learn(120)
    x = torch.randn(20, 4, generator=torch.Generator().manual_seed(1))
    quantiles = model.quantile_net(x)
    assert quantiles.shape == (20, 7, 2)
    assert quantiles.std(dim=1).min() > 0
    actor = acting_network(model.policy)
    assert actor.w.abs().max() > 0
    theta = problem.subspace.theta(torch.from_numpy(actor.z()))
    expected = problem.network.outputs_of(theta, x)
    assert torch.allclose(quantiles.mean(dim=1), expected, atol=1e-5)


@pytest.mark.parametrize("task", ["pendulum", "cartpole"])
def test_trpos_line_search_sees_each_step_that_it_tries(task):
    """It moves z through `.data`, which leaves torch's version of z as it is."""
    from rlid.sb3_bridge import SubspacePolicy

    problem = problem_of(task)
    env = SimulatorVecEnv(problem, 4, np.random.default_rng(0))
    kwargs = {"problem": problem, "scale": problem.subspace.scale, "log_std": -0.5}
    model = algorithm_of("sb3_contrib:TRPO")(
        SubspacePolicy, env, n_steps=64, device="cpu", seed=0, target_kl=0.01,
        policy_kwargs={**kwargs, "memory": "content"},
    )  # fmt: skip
    logger = Logger(folder=None, output_formats=[])
    model.set_logger(logger)
    model.learn(256)
    assert logger.name_to_value["train/is_line_search_success"] == 1
    assert 0 < logger.name_to_value["train/kl_divergence_loss"] < 0.01
    actor = model.policy.actor
    with torch.no_grad():
        assert actor.w.abs().max() > 0
        assert torch.equal(actor.theta(), problem.subspace.theta(actor.w * actor.scale))


def test_trpo_in_the_whole_space_improves_what_it_maximises():
    problem = problem_of("cartpole", projection="identity", d=problem_of("cartpole").subspace.D)
    search = configure("trpo", ["n_steps=128"]).search(problem, np.random.default_rng(0))
    scores = [next(search).score for _ in range(12)]
    search.close()
    assert np.mean(scores[-2:]) > 2 * scores[0]


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("sb3_contrib:RecurrentPPO", "its policy is recurrent"),
        ("sb3_contrib:MaskablePPO", "masks of the allowed actions"),
        ("sb3_contrib:ARS", "neither on-policy nor off-policy"),
        ("sb3_contrib:NoSuch", "has no algorithm 'NoSuch'"),
        ("no_such_package:PPO", "install no_such_package"),
        (int, "is no algorithm of stable-baselines3"),
    ],
)
def test_algorithms_that_cannot_train_in_a_subspace_are_refused_with_the_reason(target, reason):
    with pytest.raises(InputError, match=reason) as seen:
        algorithm_of(target)
    assert "\n" not in str(seen.value)


def test_a_missing_package_is_named_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "sb3_contrib", None)
    with pytest.raises(InputError, match=r"pip install 'rlid\[contrib\]'") as seen:
        plan("pendulum", agent="tqc", dmax=3)
    assert "\n" not in str(seen.value)


def test_a_field_that_the_algorithm_does_not_have_is_named():
    @dataclass(frozen=True)
    class Wrong(OffPolicyAgent):
        """TQC with a setting that it does not have."""

        quantities: int = 3
        algorithm: ClassVar[str] = "sb3_contrib:TQC"

    with pytest.raises(InputError, match="TQC has no setting 'quantities'"):
        Wrong().check_network(problem_of("pendulum").network, 3)


@pytest.mark.parametrize(
    ("base", "target", "right"),
    [
        (OnPolicyAgent, "sb3_contrib:TQC", "OffPolicyAgent"),
        (OffPolicyAgent, "stable_baselines3:A2C", "OnPolicyAgent"),
    ],
)
def test_an_agent_of_the_wrong_base_is_told_the_right_one(base, target, right):
    kind = dataclasses.make_dataclass("Crossed", [], bases=(base,), frozen=True)
    kind.algorithm = target
    with pytest.raises(InputError, match=f"{right}|has no setting"):
        kind().check_network(problem_of("pendulum").network, 3)


def test_the_record_counts_what_is_trained_outside_z():
    problem = problem_of("pendulum")
    notes = configure("tqc").notes(problem)
    critic = (4 * 256 + 256) + (256 * 256 + 256) + (256 * 25 + 25)
    assert notes["trained_outside_z"] == 2 * critic
    assert notes["lr_z"] == pytest.approx(3e-4 * problem.subspace.scale)
    assert DDPG().notes(problem)["trained_outside_z"] > 0


@pytest.mark.parametrize("name", list(CASES))
def test_settings_out_of_range_are_refused(name):
    with pytest.raises(InputError, match=f"{name}: lr must be positive"):
        AGENTS[name](lr=0.0)
    with pytest.raises(InputError, match=f"{name}: gamma must be from 0 to 1"):
        AGENTS[name](gamma=1.5)


def test_trpo_refuses_a_critic_that_would_move_z_outside_the_trust_region():
    with pytest.raises(InputError, match=r"critic=subspace.*full, shared|critic must be full"):
        configure("trpo", ["critic=subspace"])
