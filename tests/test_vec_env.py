"""Training by SB3 sees the episodes and sends the actions that evaluation does."""

from dataclasses import replace

import numpy as np
import pytest
import unfaithful  # noqa: F401 (registers environments)
from gymnasium import spaces

from rlid.agent import configure
from rlid.errors import Diverged, EnvironmentFault
from rlid.measurement import plan
from rlid.problem import make_problem
from rlid.records import Judgement
from rlid.sb3_bridge import SimulatorVecEnv, off_policy
from rlid.simulators import make_network, make_world
from rlid.task import resolve
from rlid.training import run_trials


def vec_env(name, n=2, network="mlp:4", **options):
    task = resolve(name)
    world = make_world(task)
    problem = make_problem(task, make_network(task, network, world), "onehot", 2, 0, world)
    return SimulatorVecEnv(problem, n, np.random.default_rng(0), **options)


def lengths(env, actions, steps):
    """The lengths of the episodes that end within some steps, and whether each was truncated."""
    env.reset()
    begun, ended = np.zeros(env.num_envs, int), []
    for step in range(1, steps + 1):
        env.step_async(actions)
        _, _, dones, infos = env.step_wait()
        for slot in np.flatnonzero(dones):
            ended.append((step - begun[slot], infos[slot]["TimeLimit.truncated"]))
            begun[slot] = step
    return ended


def test_a_training_episode_ends_at_the_cap_of_the_task():
    # The package ends Freeway after 2,500 steps.
    still = lengths(vec_env("minatar:freeway?episode-cap=90"), np.zeros(2, int), 200)
    assert still == [(90, True)] * 4
    poles = lengths(vec_env("cartpole?episode-cap=5"), np.array([0, 1]), 11)
    assert poles == [(5, True)] * 4


@pytest.mark.parametrize("kind", ["grid of choices", "grid of bits", "multi-binary"])
def test_choices_are_flat_for_sb3_and_the_environments_own_in_it(kind):
    env = vec_env(f"gym:KeepsBox-v0?kind={kind}", n=3)
    env.reset()
    sent, step = [], env._simulator.step
    env._simulator.step = lambda actions, active: sent.append(actions) or step(actions, active)
    assert isinstance(env.action_space, spaces.MultiDiscrete | spaces.MultiBinary)
    assert len(env.action_space.shape) == 1
    env.action_space.seed(0)
    for _ in range(4):
        env.step_async(np.stack([env.action_space.sample() for _ in range(3)]))
        env.step_wait()
    own = env._simulator.action_space
    assert all(own.contains(action) for actions in sent for action in actions)
    assert len({actions.tobytes() for actions in sent}) > 1


@pytest.mark.parametrize("kind", ["grid of choices", "grid of bits"])
def test_ppo_trains_on_choices_of_two_dimensions(kind):
    settings = ["n_envs=2", "n_steps=8", "batch_size=8", "n_epochs=1"]
    name = f"gym:KeepsBox-v0?kind={kind}"
    wanted = plan(name, agent="ppo", network="linear", dmax=2, budget=32, settings=settings)
    records = []
    run_trials(
        [wanted.spec(2, 0, None)], Judgement(), wanted.task, lambda *out: records.append(out[0])
    )
    assert records[0].reason == ""
    assert records[0].score is not None


def test_bounded_actions_of_sb3_are_cut_to_their_space():
    env = vec_env("gym:Bounds-v0?low=-0.1&high=0.3&dtype=float16", continuous="own")
    env.reset()
    beyond = np.float32([[0.31, -0.2], [0.3, -0.1]])
    env.step_async(beyond)
    env.step_wait()
    assert env._actions.dtype == np.float16


@pytest.mark.parametrize("rule", ["squash", "clip"])
@pytest.mark.parametrize("agent", ["sac", "td3", "tqc", "crossq"])
def test_an_action_entry_of_one_value_is_sent_and_training_goes_on(agent, rule, monkeypatch):
    monkeypatch.setattr(off_policy, "REPORT_STEPS", 60)
    if agent in ("tqc", "crossq"):
        pytest.importorskip("sb3_contrib")
    task = replace(resolve("gym:FixedEntry-v0"), action=rule)
    world = make_world(task)
    problem = make_problem(task, make_network(task, "mlp:4", world), "onehot", 2, 0, world)
    few = ["learning_starts=8", "batch_size=8"]
    report = next(configure(agent, few).search(problem, np.random.default_rng(0)))
    assert np.isfinite(report.z).all()
    assert report.z.any()


def test_an_action_that_is_no_number_is_a_divergence():
    env = vec_env("gym:Bounds-v0?low=-1.0&high=1.0", continuous="own")
    env.reset()
    with pytest.raises(Diverged, match="an action is not finite"):
        env.step_async(np.full((2, 2), np.nan))


def test_a_reward_that_sb3_cannot_hold_is_a_fault():
    env = vec_env("gym:Extreme-v0?trait=reward")
    env.reset()
    env.step_async(np.zeros(2, int))
    with pytest.raises(EnvironmentFault, match="a reward of 1e.308, and SB3 trains in float32"):
        env.step_wait()


def test_a_return_that_overflows_in_training_is_a_fault():
    env = vec_env("gym:Extreme-v0?trait=return", reward_scale=1e-190)
    with pytest.raises(EnvironmentFault, match="the rewards of an episode add up"):
        lengths(env, np.zeros(2, int), unfaithful.LENGTH)
