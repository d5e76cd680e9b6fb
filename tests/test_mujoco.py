"""The MuJoCo tasks: networks of the sizes in the literature, thresholds of the library itself."""

import gc
import inspect
import re
import sys
from itertools import chain
from pathlib import Path

import gymnasium
import numpy as np
import pytest

from rlid.simulators.actions import sample
from rlid.simulators.gymnasium_envs import GymnasiumSimulator
from rlid.simulators.make import make_network, make_world
from rlid.simulators.mujoco_envs import OUTCOMES, MujocoSimulator
from rlid.task import TASKS, resolve

STATUS = Path("/proc/self/status")
HOPPER = Path(gymnasium.__file__).parent / "envs/mujoco/assets/hopper.xml"
SIZE = '<size memory="3M"/>'
ARGUMENTS = {
    "frame_skip": 3,
    "reset_noise_scale": 0.2,
    "exclude_current_positions_from_observation": False,
    "forward_reward_weight": 2.5,
    "ctrl_cost_weight": 0.3,
    "healthy_reward": 0.25,
    "terminate_when_unhealthy": False,
    "healthy_state_range": (-1.0, 1.0),
    "healthy_z_range": (1.1, 1.24),
    "healthy_angle_range": (-0.01, 0.01),
    "reward_dist_weight": 2.5,
    "reward_control_weight": 0.3,
}
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


def test_a_threshold_of_zero_is_a_floor_with_its_source():
    task = resolve("gym:Pusher-v5")
    assert (task.floor, task.floor_source) == (0.0, "the environment's reward_threshold")


def test_the_double_pendulum_standing_still_earns_just_its_ceiling():
    task = resolve("inverted_double_pendulum")
    env = gymnasium.make(task.env).unwrapped
    env.reset(seed=0)
    env.set_state(np.zeros(3), np.zeros(3))
    reward, _ = env._get_rew(0.0, env.data.site_xpos[0][2], False)
    assert task.episode_cap * reward == pytest.approx(task.ceiling)


def arguments_of(env):
    """One value, other than its default, of each argument of an environment's class."""
    parameters = inspect.signature(gymnasium.make(env).unwrapped.__class__).parameters
    return [(env, {name: ARGUMENTS[name]}) for name in parameters if name in ARGUMENTS]


def test_every_argument_of_the_environments_is_tried():
    classes = [gymnasium.make(env).unwrapped.__class__ for env in OUTCOMES]
    names = {name for each in classes for name in inspect.signature(each).parameters}
    assert names - {"xml_file", "default_camera_config", "kwargs"} == set(ARGUMENTS)


@pytest.mark.parametrize(
    ("env", "options"),
    [*((env, {}) for env in OUTCOMES), *chain.from_iterable(map(arguments_of, OUTCOMES))],
)
def test_direct_stepping_gives_what_gymnasium_gives(env, options):
    """Bitwise in observations and ends, within rounding in rewards; episodes restart on the way."""
    cap, slots = 30, 4
    ours, theirs = MujocoSimulator(env, options, cap), GymnasiumSimulator(env, options, cap)
    assert np.array_equal(ours.start(range(slots)), theirs.start(range(slots)))
    rng, everyone, seed = np.random.default_rng(0), np.ones(slots, bool), slots
    for _ in range(3 * cap):
        actions = sample(ours.action_space, rng, slots)
        our_step, their_step = ours.step(actions, everyone), theirs.step(actions, everyone)
        for index in (0, 2, 3):
            assert np.array_equal(our_step[index], their_step[index])
        np.testing.assert_allclose(our_step[1], their_step[1], rtol=0, atol=1e-12)
        ended = np.flatnonzero(our_step[2] | our_step[3])
        seeds = list(range(seed, seed := seed + len(ended)))
        assert np.array_equal(ours.restart(ended, seeds), theirs.restart(ended, seeds))


def test_inactive_slots_stand_still():
    env, actions = "Hopper-v5", np.zeros((3, 3), np.float32)
    simulator, alone = MujocoSimulator(env, {}, 9), MujocoSimulator(env, {}, 9)
    simulator.start([1, 2, 3])
    alone.start([3])
    simulator.step(actions, np.array([True, True, False]))
    stepped, *_ = simulator.step(actions, np.ones(3, bool))
    expected, *_ = alone.step(actions[:1], np.ones(1, bool))
    assert np.array_equal(stepped[2], expected[0])


@pytest.mark.skipif(not STATUS.exists(), reason="memory is read from /proc")
def test_a_closed_simulator_frees_its_states_though_a_cycle_refers_to_it():
    def held():
        return int(re.search(r"VmData:\s+(\d+) kB", STATUS.read_text())[1]) / 1000

    found = []
    gc.disable()
    try:
        for _ in range(6):
            simulator = MujocoSimulator("Hopper-v5", {}, 9)
            simulator.start(range(256))
            simulator.itself = simulator
            simulator.close()
            found.append(held())
    finally:
        gc.enable()
    # 256 states are 268 MB.
    assert found[-1] - found[0] < 268


def test_a_users_model_keeps_its_working_memory(tmp_path):
    (tmp_path / "own.xml").write_text(
        HOPPER.read_text().replace("<worldbody>", SIZE + "<worldbody>")
    )
    simulator = MujocoSimulator("Hopper-v5", {"xml_file": str(tmp_path / "own.xml")}, 9)
    assert simulator._env.model.narena == 3 * 2**20
    assert np.isfinite(simulator.start([1])).all()


def test_an_environment_without_direct_stepping_is_refused_in_one_line():
    with pytest.raises(ValueError, match="Ant-v5; use the back end 'gymnasium'"):
        MujocoSimulator("Ant-v5", {}, 10)


def test_the_mujoco_backend_is_the_default_wherever_it_exists():
    stepped = {resolve(name).env for name in NAMES if resolve(name).backend == "mujoco"}
    assert stepped == set(OUTCOMES)


def test_without_mujoco_one_line_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "mujoco", None)
    monkeypatch.delitem(sys.modules, "rlid.simulators.mujoco_envs", raising=False)
    with pytest.raises(ValueError, match="'inverted_pendulum' needs a package that is not here"):
        make_world(resolve("inverted_pendulum"))
