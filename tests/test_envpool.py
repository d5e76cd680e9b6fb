"""EnvPool's copies of the MuJoCo tasks against gymnasium's: the same course from the same state."""

import gymnasium
import numpy as np
import pytest

from rlid.problem import make_problem
from rlid.simulators.envpool_envs import OFFERED, EnvpoolSimulator
from rlid.simulators.make import make_network, make_world
from rlid.task import adapt, resolve

pytest.importorskip("envpool", reason="EnvPool is not installed: pip install 'rlid[fast]'")

STEPS = 20
OBSERVATIONS_AGREE = 1e-5
"""EnvPool brings a MuJoCo of its own; contacts let the last bits grow."""
REWARDS_AGREE = 1e-5
"""EnvPool's rewards are in single precision."""


def put(env, observation):
    """Put an environment of gymnasium's in the state that an observation was made of.

    Positions along which nothing changes, which observations leave out, stay at zero.
    """
    qpos, qvel = np.zeros(env.model.nq), np.zeros(env.model.nv)
    name = env.spec.id
    if name.startswith("InvertedDouble"):
        qpos[:] = observation[0], *np.arctan2(observation[1:3], observation[3:5])
        qvel[:] = observation[5:8]
    elif name.startswith("Reacher"):
        qpos[:] = *np.arctan2(observation[2:4], observation[:2]), *observation[4:6]
        qvel[:2] = observation[6:8]
    else:
        shown = len(observation) - env.model.nv
        qpos[env.model.nq - shown :], qvel[:] = observation[:shown], observation[shown:]
    env.set_state(qpos, qvel)


@pytest.mark.parametrize("name", OFFERED)
def test_envpool_and_gymnasium_agree_from_one_state(name):
    pool = EnvpoolSimulator(name, {}, 1000)
    # The observations in full precision: a state made of rounded ones is another state.
    raw = pool._make([3])
    start, _ = raw.reset()
    env = gymnasium.make(name, disable_env_checker=True).unwrapped
    env.reset(seed=0)
    put(env, start[0])
    assert np.allclose(pool.start([3]), start, atol=1e-6)
    rng, space = np.random.default_rng(0), env.action_space
    for _ in range(STEPS):
        action = rng.uniform(space.low, space.high).astype(np.float32)
        expected, reward, ended, *_ = env.step(action)
        observed, earned, over, _ = pool.step(action[None], np.ones(1, bool))
        np.testing.assert_allclose(observed[0], expected, atol=OBSERVATIONS_AGREE, rtol=1e-5)
        assert earned[0] == pytest.approx(reward, abs=REWARDS_AGREE, rel=1e-5)
        assert over[0] == ended
        if ended:
            break


def test_an_episode_depends_on_its_seed_and_actions_alone():
    """Whatever slot it is in, whatever ran there before, and whoever stands still beside it."""
    actions = np.random.default_rng(0).uniform(-1, 1, (9, 4, 2))
    alone, among = EnvpoolSimulator("Swimmer-v5", {}, 20), EnvpoolSimulator("Swimmer-v5", {}, 20)
    expected = [alone.start([7])[0]] + [
        alone.step(action[3:], np.ones(1, bool))[0][0] for action in actions
    ]
    among.start([1, 2, 3, 4])
    among.step(actions[0], np.ones(4, bool))
    found = [among.restart(np.array([3, 0]), [7, 8])[0]]
    for action in actions[:4]:
        found.append(among.step(action, np.array([True, False, True, True]))[0][3])
    for action in actions[4:]:
        found.append(among.step(action, np.array([True, False, False, True]))[0][3])
    assert np.array_equal(expected, found)


def test_a_task_runs_on_the_envpool_backend():
    task = adapt(resolve("inverted_pendulum"), backend="envpool")
    world = make_world(task)
    problem = make_problem(task, make_network(task, "linear", world), "onehot", 2, 0, world)
    Z = np.random.default_rng(0).standard_normal((3, 2))
    first, again = problem.evaluate(Z, (1, 2)), problem.evaluate(Z[1:], (1, 2))
    assert np.array_equal(first.values[1:], again.values)
    assert first.steps > 0
