"""Episodes side by side: every question gets its own answer, whatever else is under way."""

import numpy as np
import pytest
import torch
from gymnasium.spaces import Discrete

from rlid.errors import EnvironmentFault
from rlid.evaluation.rollout import Rollouts
from rlid.networks import Network, parse
from rlid.simulators.make import make_world
from rlid.task import resolve
from rlid.world import Simulator

BREAKS = 1000


class Clock(Simulator):
    """An episode lasts as many steps as its seed says; one from BREAKS on breaks the simulator."""

    merges = True
    max_slots = 64
    observation_size = 1
    action_space = Discrete(2)

    def start(self, seeds):
        self.at, self.last = np.zeros(len(seeds), int), np.array(seeds)
        return np.zeros((len(seeds), 1), np.float32)

    def restart(self, slots, seeds):
        self.at[slots], self.last[slots] = 0, seeds
        return np.zeros((len(slots), 1), np.float32)

    def step(self, actions, active):
        self.at += active
        if (active & (self.at == self.last - BREAKS)).any():
            raise EnvironmentFault("out of order")
        ended = self.at >= self.last
        return self.at[:, None].astype(np.float32), np.ones(len(active)), ended, ended & False


@pytest.fixture
def rollouts():
    return Rollouts(resolve("cartpole"), Network(parse("linear"), 1, 2), Clock())


def ask(rollouts, key, seeds):
    seeds = np.array(seeds)
    rollouts.add(key, torch.zeros(len(seeds), 4), seeds)


def answers(rollouts, count):
    found = []
    while len(found) < count:
        found += rollouts.run()
    return {one.key: one for one in found}


def test_jobs_of_all_shapes_are_answered(rollouts):
    asked = {0: [[3, 9], [1, 2]], 1: [[30]], 2: [[5] * 50] * 3, 3: [[k] for k in range(1, 41)]}
    for key, seeds in asked.items():
        ask(rollouts, key, seeds)
    found = answers(rollouts, len(asked))
    for key, seeds in asked.items():
        assert found[key].values.tolist() == seeds
        assert found[key].steps.tolist() == [sum(row) for row in seeds]


def test_no_episode_is_longer_than_the_cap(rollouts):
    # More than there are slots for, so that they begin at different times.
    cap = resolve("cartpole").episode_cap
    lengths = [[n, 7 * n % 900 + 1] for n in range(cap - 100, cap + 100, 2)]
    ask(rollouts, 0, lengths)
    ask(rollouts, 1, [[cap + 1], [cap], [1]])
    found = answers(rollouts, 2)
    assert found[0].values.tolist() == [[min(n, cap) for n in row] for row in lengths]
    assert found[0].steps.tolist() == [sum(min(n, cap) for n in row) for row in lengths]
    assert found[1].values.tolist() == [[cap], [cap], [1]]


def test_jobs_after_a_fault_are_answered(rollouts):
    # One row of twelve is over when the simulator breaks: too few to be written down before.
    ask(rollouts, 0, [[1], [BREAKS + 3], *[[9]] * 10])
    assert answers(rollouts, 1)[0].fault.reason == "out of order"
    ask(rollouts, 1, [[4], [5]])
    found = answers(rollouts, 1)[1]
    assert (found.fault, found.values.tolist()) == (None, [[4], [5]])


def test_a_fault_belongs_to_its_own_job(rollouts):
    ask(rollouts, 0, [[2], [7], [8]])
    ask(rollouts, 1, [[BREAKS + 3]])
    ask(rollouts, 2, [[6, 1]])
    found = answers(rollouts, 3)
    assert found[1].fault.reason == "out of order"
    assert found[0].values.tolist() == [[2], [7], [8]]
    assert found[2].values.tolist() == [[6, 1]]
    assert found[0].fault is None is found[2].fault


class Queue(Clock):
    """A step costs as much as the last active slot is far; counts that, and the active ones."""

    def __init__(self):
        self.cost = self.active = 0

    def step(self, actions, active):
        self.cost += int(active.nonzero()[0][-1]) + 1
        self.active += int(active.sum())
        return super().step(actions, active)


class Mobile(Queue):
    reorders = True

    def reorder(self, order):
        self.at, self.last = self.at[order], self.last[order]


def test_slots_close_ranks_where_the_simulator_can():
    lengths = np.random.default_rng(0).geometric(0.1, (12, 10, 4))
    found, share = [], []
    for simulator in (Queue(), Mobile()):
        rollouts = Rollouts(resolve("cartpole"), Network(parse("linear"), 1, 2), simulator)
        for key, seeds in enumerate(lengths):
            ask(rollouts, key, seeds)
        found.append(answers(rollouts, len(lengths)))
        share.append(simulator.active / simulator.cost)
    for key, seeds in enumerate(lengths):
        for answer in (found[0][key], found[1][key]):
            assert answer.values.tolist() == seeds.tolist()
            assert answer.steps.tolist() == seeds.sum(1).tolist()
    assert share[1] > share[0]


def test_an_episode_that_changes_slots_ends_as_if_alone():
    """Some poles are held to the cap and begun at different times, others fall soon."""
    task, network = resolve("cartpole"), Network(parse("linear"), 4, 2)
    held = torch.zeros(10)
    held[1:8:2] = torch.tensor([0.05, 0.2, 1.0, 1.0])
    rng, simulator = np.random.default_rng(0), make_world(task)
    questions = {}
    for key in range(8):
        # Every other question is answered soon, and makes room for the next.
        Theta = torch.stack(
            [held if (index + key) % 2 and key % 2 else -held for index in range(9)]
        )
        questions[key] = Theta, rng.integers(0, 2**31, (9, 4))
    moves, reorder = [], simulator.reorder
    simulator.reorder = lambda order: (moves.append(len(order)), reorder(order))
    together, found = Rollouts(task, network, simulator), {}
    for key in questions:
        together.add(key, *questions[key])
        if key % 2:
            found |= {one.key: one for one in together.run()}
    while len(found) < len(questions):
        found |= {one.key: one for one in together.run()}
    assert moves
    for key, question in questions.items():
        alone = Rollouts(task, network, make_world(task))
        alone.add(0, *question)
        (expected,) = alone.run()
        assert np.array_equal(found[key].values, expected.values)
        assert (expected.values[::2] == task.episode_cap).any() == bool(key % 2)
        assert (expected.values[1::2] < 100).all()
