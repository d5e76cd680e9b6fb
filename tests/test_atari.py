"""Atari: the protocol is the paper's, frame by frame as SB3's own wrappers make it."""

import dataclasses
import functools

import ale_py
import gymnasium
import numpy as np
import pytest
import torch
from interrupted import interrupt, run
from stable_baselines3.common.atari_wrappers import MaxAndSkipEnv, NoopResetEnv, WarpFrame

from rlid.measurement.plan import plan
from rlid.problem import make_problem
from rlid.sb3_bridge import SimulatorVecEnv, on_policy
from rlid.simulators.make import make_network, make_world
from rlid.store.store import Store
from rlid.task import resolve
from rlid.training.checkpoint import Checkpoints

STEPS = 80


def sb3_pong(noops):
    gymnasium.register_envs(ale_py)
    reset = NoopResetEnv(gymnasium.make("PongNoFrameskip-v4"))
    reset.override_num_noops = noops
    return WarpFrame(MaxAndSkipEnv(reset))


def newest(observation):
    return observation.reshape(4, 84, 84)[-1]


def test_frames_and_rewards_are_those_of_sb3s_wrappers():
    simulator = make_world(resolve("pong"))
    first = newest(simulator.start([3])[0])
    actions = np.random.default_rng(0).integers(0, 6, STEPS)
    steps = [simulator.step(actions[i : i + 1], np.ones(1, bool)) for i in range(STEPS)]
    assert len({reward[0] for _, reward, _, _ in steps}) > 1, "a point is played for"

    def agrees(noops):
        """Whether the course is that of SB3's pipeline after so many no-ops."""
        env = sb3_pong(noops)
        frame, _ = env.reset(seed=0)
        if not np.array_equal(frame[:, :, 0], first):
            return False
        for action, (ours, reward, terminated, _) in zip(actions, steps, strict=True):
            frame, expected, ended, _, _ = env.step(action)
            if not np.array_equal(frame[:, :, 0], newest(ours[0])):
                return False
            assert (reward[0], terminated[0]) == (expected, ended)
        return True

    # The number of no-ops that seed 3 draws; every other number leads elsewhere.
    assert [noops for noops in (16, 17, 18) if agrees(noops)] == [17]


def test_the_adapter_stacks_restarts_and_keeps_bytes():
    """Through SB3's interface: the frames of the simulator itself, with same-step autoreset."""
    task = resolve("pong")
    world = make_world(task)
    problem = make_problem(task, make_network(task, "mlp:4", world), "onehot", 2, 0, world)
    env = SimulatorVecEnv(problem, 2, np.random.default_rng(5))
    seeds = np.random.default_rng(5).integers(0, 2**31, 2).tolist()
    last = env.reset()
    assert last.dtype == np.uint8
    assert env.observation_space.contains(last[0])
    assert np.array_equal(last, make_world(task).start(seeds))
    assert not last.reshape(2, 4, 84, 84)[:, :3].any(), "an episode starts with one frame"
    for _ in range(5):
        env.step_async(np.array([2, 3]))
        observations, rewards, dones, _ = env.step_wait()
        stacked = observations.reshape(2, 4, 84, 84)
        assert np.array_equal(stacked[:, :3], last.reshape(2, 4, 84, 84)[:, 1:])
        last = observations
    assert not dones.any()
    assert rewards.dtype == np.float32


def test_an_ended_episode_gives_its_last_frames_and_the_next_ones_first():
    task = resolve("pong")
    world = make_world(task)
    options = {**task.options, "max_num_frames_per_episode": 20}
    world = type(world)("pong", options)
    seen = [world.start([1])]
    for _ in range(5):
        observations, _, terminated, truncated = world.step(np.array([2]), np.ones(1, bool))
        seen.append(observations)
    assert truncated[0]
    assert not terminated[0]
    assert not np.array_equal(seen[-1], seen[-2])
    assert np.array_equal(world.restart(np.array([0]), [1]), seen[0])


def test_training_follows_on_from_the_seeds_that_it_started_with():
    def courses():
        simulator = make_world(resolve("pong"))
        simulator.start([3, 4])
        found = []
        for _ in range(5):
            first = simulator.follow(np.array([1]), draw=None)[0]
            assert not first.reshape(4, -1)[:3].any(), "an episode starts with one frame"
            for _ in range(25):
                observations, *_ = simulator.step(np.array([2, 3]), np.ones(2, bool))
            found.append(observations[1].tobytes())
        return found

    first = courses()
    assert first == courses()
    assert len(set(first)) > 1, "the number of no-ops is drawn anew"


def test_interrupted_training_on_pixels_equals_an_unbroken_one(tmp_path, monkeypatch):
    """With everything that the recipe has, and Adam in one pass."""
    monkeypatch.setattr(on_policy, "FUSED_FROM", 1)
    options = {**resolve("pong").options, "max_num_frames_per_episode": 100}
    small = ["n_envs=2", "n_steps=32", "checkpoint=128"]
    wanted = plan("pong", dmax=5, network="conv:2-2-8", budget=320, settings=small)
    task = dataclasses.replace(
        wanted.task,
        options=options,
        world=functools.partial(type(make_world(wanted.task)), "pong", options),
        validation_episodes=1,
        scoring_episodes=1,
    )
    spec = wanted.spec(5, 0, None)
    assert dict(spec.settings)["precision"] == "bfloat16"
    checkpoints = Checkpoints(Store(tmp_path))
    unbroken, z = run(task, spec)
    interrupt(task, spec, checkpoints)
    resumed, z_again = run(task, spec, checkpoints)
    assert (resumed, z_again.tobytes()) == (unbroken, z.tobytes())
    assert z.any()


def test_sticky_actions_are_the_seeds_own():
    simulator = make_world(resolve("pong_sticky"))
    simulator.start([3, 3, 4])
    actions = np.random.default_rng(0).integers(0, 6, STEPS)
    for action in actions:
        frames, *_ = simulator.step(np.full(3, action), np.ones(3, bool))
    assert np.array_equal(frames[0], frames[1])
    assert not np.array_equal(frames[0], frames[2])


def test_small_pixels_show_the_same_game():
    worlds = [make_world(resolve(name)) for name in ("pong", "pong_42")]
    for world in worlds:
        world.start([5])
    actions = np.random.default_rng(0).integers(0, 6, 8 * STEPS)
    rewards = [
        [float(world.step(np.array([action]), np.ones(1, bool))[1][0]) for action in actions]
        for world in worlds
    ]
    assert [world.observation_shape for world in worlds] == [(4, 84, 84), (4, 42, 42)]
    assert rewards[0] == rewards[1]
    assert any(rewards[0])


def test_the_network_and_the_protocol_are_the_papers():
    wanted = plan("pong", dmax=6000)
    assert wanted.network.D == 1_005_366
    assert wanted.network.byte_scale == pytest.approx(1 / 255)
    spec = wanted.spec(6000, 0, None)
    protocol = spec.protocol
    assert protocol["env.frameskip"] == protocol["env.stack_num"] == 4
    assert protocol["env.repeat_action_probability"] == 0.0
    assert resolve("pong_sticky").protocol()["env.repeat_action_probability"] == 0.25
    assert spec.settings["critic"] == "shared"
    x = torch.from_numpy(make_world(wanted.task).start([1]))
    assert wanted.network.outputs_of(torch.zeros(wanted.network.D), x).shape == (1, 6)


def test_an_unknown_game_is_answered_with_the_nearest():
    with pytest.raises(ValueError, match="unknown Atari game 'brekout': did you mean 'breakout'"):
        resolve("atari:brekout")
