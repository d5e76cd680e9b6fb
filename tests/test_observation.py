"""Frozen observation statistics: taken once from random actions, the same everywhere, counted."""

import dataclasses
import json
import sys

import hostile  # noqa: F401 (registers environments)
import numpy as np
import pytest
from command import main_here

from rlid.measurement.plan import plan
from rlid.records.judgement import Judgement
from rlid.simulators.frozen_statistics import LIMIT, statistics_of
from rlid.simulators.make import make_world
from rlid.store.store import Store
from rlid.task import adapt, resolve
from rlid.training.cell import run_trials


@pytest.fixture
def hopper():
    return dataclasses.replace(resolve("hopper"), episode_cap=60)


def walk(simulator, seeds, steps):
    """Observations (steps + 1, n, size) under fixed actions."""
    seen = [simulator.start(seeds)]
    actions = np.random.default_rng(0).uniform(-1, 1, (steps, len(seeds), 3)).astype(np.float32)
    for action in actions:
        seen.append(simulator.step(action, np.ones(len(seeds), bool))[0])
    return np.array(seen)


def test_frozen_observations_are_raw_ones_centred_and_scaled(hopper):
    raw = make_world(hopper)
    mean, spread = statistics_of(raw, hopper.episode_cap)
    assert mean.shape == spread.shape == (11,)
    expected = ((walk(raw, [1, 2], 9) - mean) / spread).clip(-LIMIT, LIMIT)
    frozen = make_world(adapt(hopper, observation="frozen"))
    assert np.allclose(walk(frozen, [1, 2], 9), expected, atol=1e-5)


def test_frozen_observations_under_random_actions_are_standardised(hopper):
    frozen = make_world(adapt(hopper, observation="frozen"))
    mean, spread = statistics_of(frozen, hopper.episode_cap)
    # Standard but for the clipping: the same episodes gave the statistics.
    assert np.abs(mean).max() < 0.1
    assert spread == pytest.approx(np.ones(11), abs=0.1)


def test_episodes_do_not_depend_on_what_ran_before(hopper):
    frozen = adapt(hopper, observation="frozen")
    first, used = make_world(frozen), make_world(frozen)
    walk(used, [7, 8, 9], 5)
    assert np.array_equal(walk(first, [1], 5), walk(used, [1], 5))


def test_a_constant_observation_is_centred_but_not_scaled():
    task = adapt(resolve("gym:Acrobot-v1"), observation="frozen")
    simulator = make_world(task)
    simulator._simulator.step = lambda actions, active: (
        np.full((len(actions), 6), 3.0, np.float32),
        np.zeros(len(actions)),
        np.zeros(len(actions), bool),
        np.zeros(len(actions), bool),
    )
    simulator._simulator.start = lambda seeds: np.full((len(seeds), 6), 3.0, np.float32)
    assert np.array_equal(simulator.start([1]), np.zeros((1, 6)))


def record_of(**options):
    found = []
    wanted = plan("gym:Quick-v0", network="linear", dmax=2, budget=500, **options)
    spec = wanted.spec(2, 0, None)
    run_trials([spec], Judgement(), wanted.task, lambda *out: found.append(out[0]))
    return found[0]


def test_frozen_statistics_are_counted_in_the_record_and_part_of_its_key():
    raw, frozen = record_of(), record_of(observation="frozen")
    assert raw.hidden_state == {}
    assert frozen.hidden_state == {"observation_mean": 2, "observation_spread": 2}
    assert raw.key != frozen.key
    assert record_of(observation="raw").key == raw.key, "the task's own rule is no other protocol"


@pytest.mark.parametrize(
    ("task", "options", "message"),
    [
        ("cartpole", {"observation": "scaled"}, "a simulator of its own"),
        ("cartpole", {"backend": "mujoco"}, "a simulator of its own"),
        ("hopper", {"observation": "whitened"}, "use one of raw, scaled, frozen"),
        ("hopper", {"backend": "brax"}, "use one of gymnasium, mujoco"),
        ("hopper", {"observation": "scaled"}, "no bounds to scale by"),
        ("ant", {"observation": "scaled"}, "no bounds to scale by"),
        ("ant", {"backend": "mujoco"}, "not Ant-v5"),
        ("sum_constraints:3", {"observation": "frozen"}, "takes neither"),
    ],
)
def test_an_option_that_the_task_does_not_support_is_refused(task, options, message):
    with pytest.raises(ValueError, match=message):
        plan(task, dmax=2, **options)


@pytest.mark.usefixtures("workers_find_fixtures")
def test_a_run_with_frozen_observations_works_end_to_end(tmp_path, monkeypatch, capsys):
    store = tmp_path / "store"
    words = "run gym:Quick-v0 --import hostile --network mlp:4 --dmax 2 --seeds 1 --budget 3000"
    words += f" --observation frozen --jobs 1 --json --quiet --store {store}"
    monkeypatch.setattr(sys, "argv", ["rlid", *words.split()])
    with pytest.raises(SystemExit) as caught:
        main_here()
    assert caught.value.code == 0
    found = json.loads(capsys.readouterr().out)
    assert found["hidden_state"] == {"observation_mean": 2, "observation_spread": 2}
    assert {record.spec.protocol["observation"] for record in Store(store).records()} == {"frozen"}
    assert (store / "references/gym_Quick-v0/mlp_4.frozen.json").is_file()
    (question,) = (store / "measurements").rglob("*.json")
    assert json.loads(question.read_text())["question"]["observation"] == "frozen"
