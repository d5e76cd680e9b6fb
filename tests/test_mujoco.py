"""The MuJoCo tasks: networks of the sizes in the literature, thresholds of the library itself."""

import gymnasium
import numpy as np
import pytest

from rlid.simulator import make_network, make_world
from rlid.task import TASKS, resolve

NAMES = [entry.name for entry in TASKS.entries() if "mujoco" in entry.tags]


def test_nine_environments_of_version_5():
    assert len(NAMES) == 9
    assert all(resolve(name).env.endswith("-v5") for name in NAMES)


@pytest.mark.parametrize(("name", "D"), [("inverted_pendulum", 541), ("humanoid", 159_505)])
def test_the_default_networks_of_the_2018_paper_have_their_number_of_weights(name, D):
    task = resolve(name)
    assert make_network(task, task.network, make_world(task)).D == D


@pytest.mark.parametrize("name", NAMES)
def test_cap_and_floor_agree_with_gymnasium(name):
    task = resolve(name)
    spec = gymnasium.spec(task.env)
    assert task.episode_cap == spec.max_episode_steps
    if "reward_threshold" in task.floor_source:
        assert task.floor == spec.reward_threshold


def test_the_double_pendulum_standing_still_earns_just_its_ceiling():
    task = resolve("inverted_double_pendulum")
    env = gymnasium.make(task.env).unwrapped
    env.reset(seed=0)
    env.set_state(np.zeros(3), np.zeros(3))
    reward, _ = env._get_rew(0.0, env.data.site_xpos[0][2], False)
    assert task.episode_cap * reward == pytest.approx(task.ceiling)
