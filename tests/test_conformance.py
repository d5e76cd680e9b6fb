"""Properties of every registered task, agent and projection."""

import dataclasses
import importlib.util
import json
import random

import numpy as np
import pytest
import torch

from rlid.agent import AGENTS, configure, settings
from rlid.evaluation.rollout import random_returns
from rlid.measurement.plan import plan
from rlid.networks import parse
from rlid.problem import Request, evaluate, make_problem
from rlid.projections import PROJECTIONS
from rlid.records.judgement import Judgement
from rlid.simulators.actions import kind_of, sample
from rlid.simulators.make import make_network, make_world
from rlid.task import TASKS, resolve
from rlid.training.cell import run_trials

# Data sets are not in the repository; small ones in the same formats replace them.
pytestmark = pytest.mark.usefixtures("small_images")

SHORT = 60
"""Steps after which an episode is cut."""


def names_of_tasks():
    return [
        f"{entry.name}:{entry.example}" if entry.example else entry.name
        for entry in TASKS.entries()
    ]


def with_marks(name):
    """Return the task's name as a parameter; a task tagged slow belongs to the slow tests."""
    tags = TASKS.entry(name.partition(":")[0]).tags
    return pytest.param(name, marks=[pytest.mark.slow] if "slow" in tags else [])


@pytest.fixture(params=[with_marks(name) for name in names_of_tasks()])
def task(request, small_images):
    """Every task, with short episodes: some would never end by themselves."""
    original = resolve(request.param)
    return dataclasses.replace(original, episode_cap=min(original.episode_cap, SHORT))


def small_network(task):
    """Return a network that is fast to evaluate, where the task leaves a choice."""
    return task.network if task.kind == "synthetic" else "mlp:4"


def problem_of(task, d=3, seed=1, projection="onehot", world=None):
    world = world or make_world(task)
    network = make_network(task, small_network(task), world)
    return make_problem(task, network, projection, d, seed, world)


def tasks_by_speed():
    """Yield every task, those tagged fast first."""
    names = sorted(
        names_of_tasks(), key=lambda name: "fast" not in TASKS.entry(name.partition(":")[0]).tags
    )
    return (resolve(name) for name in names)


def first_task_of(kinds):
    """Return the first task of some kinds, one tagged fast if there is any."""
    return next(task for task in tasks_by_speed() if task.kind in kinds)


def first_task_for(agent):
    """The quickest whose actions the agent takes, if it says which those are."""
    takes = AGENTS[agent].actions
    if not takes:
        return first_task_of(AGENTS[agent].kinds)
    for task in tasks_by_speed():
        if task.kind == "rl" and kind_of(make_world(task).action_space, task.action) in takes:
            return task
    raise AssertionError(f"no task for {agent}")


def budget_of(agent):
    """Steps of a short trial, in which agents that update at every step learn as well."""
    if agent in ("dqn", "qrdqn"):  # they begin to learn after 1,000 steps
        return 1500
    return 1000 if agent in ("crossq", "sac", "td3", "tqc") else 3000


def run_one(name, task, *, d=2, seed=0, projection="onehot", budget=None, stop=None):
    outcomes = []
    budget = budget or budget_of(name)
    planned = plan(
        task.name,
        agent=name,
        network=small_network(task),
        dmax=d,
        budget=budget,
        projection=projection,
    )
    short = dataclasses.replace(planned.task, validation_episodes=6, scoring_episodes=8)
    spec = planned.spec(d, seed, stop)
    run_trials([spec], Judgement(stop), short, lambda *outcome: outcomes.append(outcome))
    (outcome,) = outcomes
    return outcome


class TestTasks:
    def test_a_task_has_a_summary_a_version_and_valid_defaults(self, task):
        entry = TASKS.entry(task.name.partition(":")[0])
        assert 10 <= len(entry.summary) <= 100
        assert task.version >= 1
        assert task.agent in AGENTS
        assert parse(task.network).name == task.network
        assert task.budget > 0
        assert task.patience > 0
        assert (task.floor is None) or task.floor_source

    def test_the_protocol_is_plain_data(self, task):
        assert json.loads(json.dumps(task.protocol(), allow_nan=False)) == task.protocol()

    def test_recipes_name_settings_of_agents(self, task):
        for agent, recipe in task.recipes.items():
            assert set(recipe) <= {field.name for field in dataclasses.fields(AGENTS[agent])}

    def test_same_seeds_give_same_returns(self, task):
        problem = problem_of(task)
        Z = np.random.default_rng(0).standard_normal((3, 3))
        seeds = (5, 6, 7, 8)
        first, again = problem.evaluate(Z, seeds), problem.evaluate(Z, seeds)
        assert first.values.shape == (3, 4)
        assert np.array_equal(first.values, again.values)
        assert first.steps == again.steps > 0

    def test_returns_do_not_depend_on_the_batch(self, task):
        world = make_world(task)
        first, second = (problem_of(task, seed=seed, world=world) for seed in (1, 2))
        rng = np.random.default_rng(1)
        requests = [
            Request(first, rng.standard_normal((5, 3)), (1, 2, 3)),
            Request(second, rng.standard_normal((2, 3)), (4, 5, 6)),
            Request(first, rng.standard_normal((1, 3)), (7,)),
        ]
        together = evaluate(requests)
        for request, result in zip(requests, together, strict=True):
            rows = [evaluate([dataclasses.replace(request, Z=row[None])])[0] for row in request.Z]
            assert np.array_equal(result.values, np.vstack([row.values for row in rows]))
            assert result.steps == sum(row.steps for row in rows)

    def test_scores_without_training_are_finite(self, task):
        world, seeds = make_world(task), [1, 2, 3]
        if task.kind == "rl":
            scores = random_returns(task, world, seeds, np.random.default_rng(0))
        else:
            scores = world.chance(seeds)
        assert scores.shape == (3,)
        assert np.isfinite(scores).all()
        assert task.ceiling is None or (scores <= task.ceiling).all()

    def test_a_new_episode_in_a_slot_starts_as_in_a_fresh_simulator(self, task):
        if task.kind != "rl":
            pytest.skip("a task without an environment has no episodes")
        simulator = make_world(task)
        simulator.start([1, 2, 3])
        restarted = simulator.restart(np.array([1]), [9])
        assert np.array_equal(restarted, make_world(task).start([9]))

    def test_reordered_slots_continue_their_episodes(self, task):
        world = make_world(task)
        if task.kind != "rl" or not world.reorders:
            pytest.skip("its slots keep their places")
        still, seeds = make_world(task), [1, 2, 3, 4, 5]
        rng, order = np.random.default_rng(0), np.array([3, 0, 4, 2, 1])
        active = np.array([True, False, True, True, False])
        for simulator in (world, still):
            simulator.start(seeds)
        for moved in (np.arange(5), order):
            if moved is order:
                world.reorder(order)
            actions = sample(world.action_space, rng, 5)
            expected = still.step(actions, active)
            reordered = world.step(actions[moved], active[moved])
            for before, after in zip(expected, reordered, strict=True):
                assert np.array_equal(before[moved][active[moved]], after[active[moved]])
        assert np.array_equal(world.restart(np.array([4]), [9]), still.restart(order[4:], [9]))
        actions, active = sample(world.action_space, rng, 5), np.ones(5, bool)
        assert np.array_equal(
            still.step(actions, active)[0][1], world.step(actions[order], active)[0][4]
        )

    def test_an_objectives_loss_has_a_gradient_in_z(self, task):
        if task.kind == "rl":
            pytest.skip("an environment gives no loss")
        problem = problem_of(task)
        z = torch.zeros(3, requires_grad=True)
        problem.loss(z, np.random.default_rng(0)).backward()
        assert torch.isfinite(z.grad).all()
        assert z.grad.abs().sum() > 0
        assert problem.search_steps == 1


def agent_parameters():
    """Every agent as a parameter; those of sb3-contrib are skipped where that is not installed."""
    missing = pytest.mark.skipif(
        importlib.util.find_spec("sb3_contrib") is None, reason="sb3-contrib is not installed"
    )
    return [
        pytest.param(name, marks=[missing] if "contrib" in AGENTS.entry(name).tags else [])
        for name in AGENTS
    ]


@pytest.mark.parametrize("name", agent_parameters())
class TestAgents:
    def test_an_agent_has_a_summary_and_frozen_plain_settings(self, name):
        assert AGENTS.entry(name).summary
        agent = configure(name)
        assert json.loads(json.dumps(settings(agent))) == settings(agent)
        with pytest.raises(dataclasses.FrozenInstanceError):
            agent.scale = "none"

    def test_two_trials_with_one_seed_are_equal_and_two_seeds_differ(self, name):
        task = first_task_for(name)
        record, z = run_one(name, task)
        again, z_again = run_one(name, task)
        other, z_other = run_one(name, task, seed=1)
        timeless = {"seconds": 0.0}
        assert record.reason == ""
        assert record.model_copy(update=timeless) == again.model_copy(update=timeless)
        assert np.array_equal(z, z_again)
        assert record.theta_sha256 != other.theta_sha256

    def test_an_agent_runs_in_one_dimension_and_stops_at_its_budget(self, name):
        record, z = run_one(name, first_task_for(name), d=1)
        assert record.status == "unsolved"
        assert record.reason == ""
        assert z.shape == (1,)
        assert budget_of(name) <= record.search_steps < budget_of(name) + 60_000
        parts = record.search_steps + record.validation_steps + record.scoring_steps
        assert record.env_steps == parts

    def test_an_agent_leaves_the_global_generators_alone(self, name):
        before = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state()  # noqa: NPY002
        run_one(name, first_task_for(name))
        assert random.getstate() == before[0]
        assert np.random.get_state()[1].tolist() == before[1]  # noqa: NPY002
        assert torch.equal(torch.get_rng_state(), before[2])

    def test_an_agent_does_not_depend_on_the_global_generators(self, name):
        task = first_task_for(name)
        np.random.seed(1)  # noqa: NPY002
        torch.manual_seed(1)
        first, _ = run_one(name, task)
        np.random.seed(2)  # noqa: NPY002
        torch.manual_seed(2)
        second, _ = run_one(name, task)
        assert first.theta_sha256 == second.theta_sha256


@pytest.mark.parametrize("kind", list(PROJECTIONS))
def test_a_problem_can_be_evaluated_through_every_projection(kind):
    task = first_task_of(("rl",))
    world = make_world(task)
    D = make_network(task, small_network(task), world).D
    d = D if PROJECTIONS[kind].is_square else 2
    values = problem_of(task, d=d, projection=kind, world=world).evaluate(np.zeros((1, d)), (1, 2))
    start = problem_of(task, world=world).evaluate(np.zeros((1, 3)), (1, 2))
    assert np.array_equal(values.values, start.values), "z = 0 is theta0, whatever P is"
