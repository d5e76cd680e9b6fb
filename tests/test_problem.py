"""Batched evaluation: the same episodes as gymnasium's own, whatever the batch."""

import time
import weakref

import gymnasium
import numpy as np
import pytest
import torch

from rlid import problem as problems
from rlid import world as worlds
from rlid.errors import EnvironmentFault
from rlid.problem import Evaluation, Request, evaluate, make_problem
from rlid.simulators.gymnasium_envs import GymnasiumSimulator
from rlid.simulators.make import make_network, make_world
from rlid.simulators.time_limit import within
from rlid.task import resolve


def problem_of(task, network, *, seed=0, d=5, simulator=None):
    simulator = simulator or make_world(task)
    shape = make_network(task, network, simulator)
    return make_problem(task, shape, "onehot", d, seed, simulator)


def play_by_hand(problem, z, seed):
    """One episode in a plain loop, as a user would write it."""
    task = problem.task
    env = gymnasium.make(task.env, **task.options)
    theta = problem.subspace.theta(torch.tensor(z, dtype=torch.float32))[None]
    policy = problem.network.bind(theta)
    observation, _ = env.reset(seed=seed)
    total, steps, done = 0.0, 0, False
    while not done:
        x = torch.tensor(np.asarray(observation, np.float32)).view(1, 1, -1)
        action = problem.decode(policy(x).view(1, -1).numpy())[0]
        observation, reward, terminated, truncated, _ = env.step(action)
        total, steps, done = total + float(reward), steps + 1, terminated or truncated
    env.close()
    return total, steps


@pytest.mark.parametrize("name", ["cartpole", "acrobot"])
def test_returns_are_those_of_a_plain_loop_over_gymnasium(name):
    problem = problem_of(resolve(name), "mlp:8x8")
    Z = 3 * np.random.default_rng(0).standard_normal((4, 5))
    result = problem.evaluate(Z, (11, 12))
    expected = [[play_by_hand(problem, z, seed) for seed in (11, 12)] for z in Z]
    assert np.allclose(result.values, np.array(expected)[..., 0])
    assert result.steps == np.array(expected)[..., 1].sum()


def test_native_cartpole_steps_bitwise_as_gymnasium_does():
    native = make_world(resolve("cartpole"))
    seeds = [3, 4, 5]
    plain = GymnasiumSimulator("CartPole-v1", {}, 500)
    ours, theirs = native.start(seeds), plain.start(seeds)
    active = np.ones(3, bool)
    rng = np.random.default_rng(0)
    for _ in range(30):
        assert np.array_equal(ours[active], theirs[active])
        actions = rng.integers(0, 2, 3)
        ours, *rest = native.step(actions, active)
        theirs, *plain_rest = plain.step(actions, active)
        for one, other in zip(rest, plain_rest, strict=True):
            assert np.array_equal(one[active], other[active])
        active &= ~(rest[1] | rest[2])
    assert not active.all()


@pytest.mark.parametrize("network", ["linear", "mlp:20x20", "mlp:64x64", "mlp:7x130"])
def test_a_row_is_bitwise_the_same_in_any_company(network):
    task = resolve("cartpole")
    simulator = make_world(task)
    problems = [problem_of(task, network, seed=s, d=4, simulator=simulator) for s in range(12)]
    rng = np.random.default_rng(2)
    requests = [Request(p, rng.standard_normal((9, 4)), (1, 2, 3, 4)) for p in problems]
    requests += [Request(p, rng.standard_normal((1, 4)), tuple(range(20))) for p in problems[:5]]
    requests += [Request(p, rng.standard_normal((1, 4)), (8,)) for p in problems[:3]]
    together = evaluate(requests)
    for request, result in zip(requests, together, strict=True):
        alone = evaluate([request])[0]
        assert np.array_equal(alone.values, result.values)
        assert alone.steps == result.steps


def test_a_request_is_answered_without_waiting_for_a_longer_one():
    problem = problem_of(resolve("cartpole"), "mlp:8")
    Z = np.random.default_rng(0).standard_normal((60, 5)) * 5
    lengths = [evaluate([Request(problem, z[None], (3,))])[0].steps for z in Z]
    order = np.argsort(lengths)
    assert lengths[order[-1]] > lengths[order[0]] + 50
    asked = {int(key): Request(problem, Z[key][None], (3,)) for key in (order[-1], order[0])}
    evaluation, answers = Evaluation(), []
    for key, request in asked.items():
        evaluation.add(key, request)
    first = evaluation.run()
    assert [key for key, _ in first] == [order[0]]
    # One that comes later, with more episodes than there are slots, finds its turn.
    evaluation.add(-1, Request(problem, Z[:7], (3, 4, 5)))
    while len(answers) < 2:
        answers += evaluation.run()
    found = dict(first + answers)
    assert found[int(order[-1])].steps == lengths[order[-1]]
    again = evaluate([Request(problem, Z[:7], (3, 4, 5))])[0]
    assert np.array_equal(found[-1].values, again.values)


@pytest.mark.parametrize("name", ["cartpole", "sum_constraints:4"])
def test_a_request_is_let_go_of_when_it_is_answered(name):
    network = "mlp:4" if name == "cartpole" else "vector:1000"
    problem = problem_of(resolve(name), network)
    evaluation, requests = Evaluation(), []
    for key in range(1000):
        request = Request(problem, np.full((1, 5), key, np.float32), (key,))
        requests.append(weakref.ref(request))
        evaluation.add(key, request)
        del request
        while not evaluation.run():
            pass
    assert sum(request() is not None for request in requests) <= 1


def test_results_do_not_depend_on_the_number_of_threads():
    problem = problem_of(resolve("cartpole"), "mlp:64x64")
    Z = np.random.default_rng(0).standard_normal((40, 5))
    before = torch.get_num_threads()
    try:
        found = []
        for threads in (1, 2):
            torch.set_num_threads(threads)
            found.append(problem.evaluate(Z, (1, 2, 3, 4)).values)
    finally:
        torch.set_num_threads(before)
    assert np.array_equal(*found)


def test_more_episodes_than_slots_run_in_parts(monkeypatch):
    problem = problem_of(resolve("gym:Blackjack-v1"), "mlp:4")
    Z = np.random.default_rng(0).standard_normal((10, 5))
    whole = problem.evaluate(Z, (1, 2, 3)).values
    monkeypatch.setattr(problem.simulator, "max_slots", 7)
    assert np.array_equal(problem.evaluate(Z, (1, 2, 3)).values, whole)


@pytest.mark.parametrize(
    ("name", "status", "what"),
    [
        ("Raises", "error", "step raised RuntimeError: the pole fell off"),
        ("NanObservation", "nonfinite", "an observation that is not finite"),
        ("NanReward", "nonfinite", "a reward that is not finite"),
        ("InfiniteReward", "nonfinite", "a reward that is not finite"),
        ("WrongShape", "error", "an observation of shape (5,), not (2,)"),
        ("NoReward", "nonfinite", "a reward that is not finite"),
    ],
)
def test_a_faulty_environment_is_named(name, status, what):
    import hostile  # noqa: F401

    problem = problem_of(resolve(f"gym:{name}-v0"), "mlp:4", d=2)
    with pytest.raises(EnvironmentFault) as caught:
        problem.evaluate(np.zeros((3, 2)), (1, 2))
    assert caught.value.status == status
    assert what in caught.value.reason
    assert "\n" not in caught.value.reason


def test_scaled_observations_lie_within_one():
    simulator = make_world(resolve("mountaincar"))
    raw = GymnasiumSimulator("MountainCar-v0", {}, 200)
    scaled, plain = simulator.start([1, 2]), raw.start([1, 2])
    assert np.allclose(scaled[:, 0], (plain[:, 0] + 0.3) / 0.9, atol=1e-6)
    assert np.allclose(scaled[:, 1], plain[:, 1] / 0.07, atol=1e-6)


def test_an_environment_that_hangs_while_it_is_made_is_refused():
    import hostile  # noqa: F401

    with pytest.raises(ValueError, match="no sign of life for 0.2 seconds"), within(0.2):
        make_world(resolve("gym:HangsWhenMade-v0"))
    with within(0.2):
        make_world(resolve("gym:Quick-v0"))
    time.sleep(0.3)


def test_a_projection_that_takes_long_to_make_gives_signs_of_life(monkeypatch):
    task, beats, made = resolve("cartpole"), [], problems.make_subspace

    def slow(*arguments):
        before = len(beats)
        while len(beats) < before + 3:
            time.sleep(0.01)
        return made(*arguments)

    monkeypatch.setattr(worlds, "SECONDS_BETWEEN_BEATS", 0.01)
    monkeypatch.setattr(problems, "make_subspace", slow)
    simulator = make_world(task)
    network = make_network(task, "mlp:4", simulator)
    make_problem(task, network, "dense", 3, 0, simulator, beat=lambda: beats.append(1))
    given = len(beats)
    time.sleep(0.05)
    assert len(beats) == given >= 3


@pytest.mark.parametrize(
    ("scores", "status", "words"),
    [
        (lambda seeds: np.full(seeds.shape, np.nan), "nonfinite", "a score that is not finite"),
        (lambda seeds: np.full(seeds.shape, -np.inf), "nonfinite", "a score that is not finite"),
        (lambda seeds: np.zeros(len(seeds)), "error", r"scores of shape \(2,\), not \(2, 3\)"),
        (lambda seeds: None, "error", "the objective gave no scores"),
    ],
)
def test_scores_that_no_record_can_hold_are_a_fault_of_the_objective(
    scores, status, words, monkeypatch
):
    task = resolve("sum_constraints:10")
    problem = problem_of(task, task.network)
    monkeypatch.setattr(
        type(problem.world), "scores", lambda self, network, Theta, seeds, part: scores(seeds)
    )
    with pytest.raises(EnvironmentFault, match=words) as error:
        problem.evaluate(np.zeros((2, 5)), (1, 2, 3))
    assert error.value.status == status
