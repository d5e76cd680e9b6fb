"""Scores by rlid are those of a plain loop, whatever the environment does with what it is given."""

import dataclasses
import warnings

import gymnasium
import numpy as np
import pytest
import unfaithful  # noqa: F401 (registers environments)

from rlid.errors import EnvironmentFault, EnvironmentWarning, InputError
from rlid.evaluation import random_returns
from rlid.policies import Policy
from rlid.problem import make_problem
from rlid.simulators import make_network, make_world
from rlid.task import adapt, resolve
from rlid.testing import compare

KEEPERS = [
    "KeepsBox-v0",
    "KeepsMultiDiscrete-v0",
    "KeepsMultiBinary-v0",
    "KeepsGridOfChoices-v0",
    "KeepsGridOfBits-v0",
]


def problem_of(task, d=3, network="mlp:4"):
    world = make_world(task)
    shape = make_network(task, network, world)
    return make_problem(task, shape, "onehot", d, 1, world)


@pytest.mark.parametrize("env", [*KEEPERS, "Seeded-v0", "ReusesBuffers-v0"])
def test_arrays_that_an_environment_keeps_or_reuses_are_its_own(env):
    comparison = compare(resolve(f"gym:{env}"))
    assert comparison.is_equal, comparison.detail
    assert len(set(comparison.returns)) > 1
    assert comparison.together == pytest.approx(comparison.returns)


@pytest.mark.parametrize("env", KEEPERS)
def test_random_actions_score_as_by_a_plain_loop(env):
    task, seeds = resolve(f"gym:{env}"), [3, 4]
    scores = random_returns(task, make_world(task), seeds, np.random.default_rng(0))
    space = make_world(task).action_space
    from rlid.simulators import sample

    rng, plain = np.random.default_rng(0), np.zeros(2)
    actions = [sample(space, rng, 2) for _ in range(unfaithful.LENGTH)]
    for slot, seed in enumerate(seeds):
        env_of_slot = gymnasium.make(task.env)
        env_of_slot.reset(seed=seed)
        for action in actions:
            plain[slot] += env_of_slot.step(action[slot].copy())[1]
    assert scores == pytest.approx(plain, abs=1e-12)


def test_a_policy_sees_an_observation_as_training_does():
    for env in ("FloatsInBytes-v0", "FloatsInByteGrid-v0"):
        with pytest.warns(EnvironmentWarning):
            comparison = compare(resolve(f"gym:{env}"))
        assert comparison.is_equal, comparison.detail


@pytest.mark.parametrize(
    ("env", "seen", "space"),
    [
        ("FloatsInBytes-v0", "gave 0.", "Box(0, 255, (2,), uint8)"),
        ("FloatsInByteGrid-v0", "gave 0.", "Box(0, 255, (2, 3), uint8)"),
        ("OutsideItsSpace-v0", "as number 3 of", "'b': Box(-0.001, 0.001, (2,), float32)"),
    ],
)
def test_numbers_outside_their_space_are_warned_of_once(env, seen, space):
    world = make_world(resolve(f"gym:{env}"))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        world.start([1, 2])
        for _ in range(5):
            world.step(np.zeros(2, int), np.ones(2, bool))
    (warning,) = caught
    assert warning.category is EnvironmentWarning
    assert seen in str(warning.message)
    assert space in str(warning.message)


def test_numbers_are_not_cast_to_the_space():
    world = make_world(resolve("gym:FloatsInByteGrid-v0"))
    with pytest.warns(EnvironmentWarning):
        inputs = world.start([1])
    assert inputs.shape == (1, 6)
    assert (inputs > 0).all()
    assert (inputs < 1).all()


@pytest.mark.parametrize("rule", ["raw", "scaled", "frozen"])
def test_every_rule_shows_a_policy_what_it_shows_in_training(rule):
    comparison = compare(adapt(resolve("gym:MountainCar-v0?episode-cap=60"), observation=rule))
    assert comparison.is_equal, comparison.detail


@pytest.mark.parametrize(
    ("trait", "status", "words"),
    [
        ("observation", "nonfinite", "1e+300, a finite number that float32 cannot hold"),
        ("reward", "nonfinite", "the rewards of an episode add up to"),
        ("return", "nonfinite", "the rewards of an episode add up to 1.2e+201"),
    ],
)
def test_numbers_that_no_record_can_hold_are_named(trait, status, words):
    task = resolve(f"gym:Extreme-v0?trait={trait}")
    with pytest.raises(EnvironmentFault) as caught:
        problem_of(task).evaluate(np.zeros((1, 3)), (1, 2))
    assert caught.value.status == status
    assert words in caught.value.reason


@pytest.mark.parametrize("reward", [np.ones(2), "much"])
def test_a_reward_that_is_no_number_is_a_fault(reward, monkeypatch):
    monkeypatch.setattr(unfaithful.Seeded, "reward", lambda *_: reward)
    with pytest.raises(EnvironmentFault, match="step raised ValueError"):
        problem_of(resolve("gym:Seeded-v0")).evaluate(np.zeros((1, 3)), (1,))


def test_an_endless_environment_is_cut_and_a_note_says_so():
    for env in ("Endless-v0", "SaysEndless-v0"):
        task = resolve(f"gym:{env}")
        assert task.episode_cap == 1000
        (note,) = task.notes
        assert "cut after 1,000" in note
        assert "--episode-cap" in note
        short = adapt(task, episode_cap=30)
        assert short.notes == ()
        assert problem_of(short).evaluate(np.zeros((1, 3)), (1,)).steps == 30
    with pytest.raises(InputError, match="max_episode_steps=0"):
        resolve("gym:SaysNothing-v0")


def test_arguments_reach_the_environment_and_its_resets():
    task = adapt(resolve("gym:WithArguments-v0"), options={"size": 4, "reset.level": 3})
    world = make_world(task)
    assert world.start([1]).tolist() == [[4, 3]]
    assert world.plain().reset(seed=1)[0].tolist() == [4, 3]
    assert compare(task).is_equal
    with pytest.raises(InputError, match=r"cannot be made: .*unexpected keyword argument 'colour'"):
        make_world(adapt(task, options={"colour": "red"}))


def test_fewer_instances_than_episodes_give_the_same_scores():
    task, seeds, Z = resolve("gym:KeepsBox-v0"), tuple(range(9)), np.ones((2, 3))
    many = problem_of(task).evaluate(Z, seeds)
    for most in (1, 4):
        few = problem_of(dataclasses.replace(task, max_envs=most))
        result = few.evaluate(Z, seeds)
        assert result.values == pytest.approx(many.values, rel=1e-5)
        assert result.steps == many.steps
        assert len(few.simulator._pool) == most


def test_frozen_statistics_do_not_depend_on_the_number_of_instances():
    task = adapt(resolve("gym:Seeded-v0"), observation="frozen")
    shown = [
        make_world(dataclasses.replace(task, max_envs=most)).start([1]) for most in (None, 1, 3)
    ]
    assert np.array_equal(shown[0], shown[1])
    assert np.array_equal(shown[0], shown[2])


def test_frozen_statistics_forward_all_that_a_simulator_can():
    task = adapt(resolve("minatar:breakout"), observation="frozen")
    world = make_world(task)
    assert world.observation_shape == (4, 10, 10)
    assert make_network(task, "conv:4-8", world).shape == (4, 10, 10)
    cart = make_world(adapt(resolve("cartpole"), observation="frozen"))
    assert cart.reorders
    cart.start([1, 2, 3])
    cart.reorder(np.array([2, 0, 1]))
    assert cart.follow(np.array([0]), lambda n: [5] * n).shape == (1, 4)


def test_a_wrong_observation_is_refused_in_one_line():
    policy = Policy.of(resolve("gym:Seeded-v0"), "linear", "onehot", 0, np.ones(2, np.float32))
    with pytest.raises(
        ValueError, match=r"no observation of Seeded-v0: .* shape \(3,\), not \(2,\)"
    ):
        policy.predict(np.zeros(3))


def test_a_class_that_is_no_simulator_is_refused():
    task = dataclasses.replace(resolve("cartpole"), world=object)
    with pytest.raises(InputError, match=r"is a object, which lacks what rlid.world.Simulator has"):
        make_world(task)
