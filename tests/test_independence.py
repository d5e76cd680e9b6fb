"""Environments whose episodes depend on more than seed and actions are measured with a warning."""

import warnings

import pytest
import unfaithful  # noqa: F401 (registers environments)

from rlid.cli import streams
from rlid.errors import EnvironmentWarning, InputError
from rlid.measurement import Runner, plan
from rlid.simulators import check_independence, make_world
from rlid.task import adapt, resolve

WAYS = {
    "global numpy": "draws from a global generator",
    "global random": "draws from a global generator",
    "own generator": "ignores its seed",
    "shared simulator": "changes when another instance runs beside it",
    "counts its episodes": "keeps something from one episode to the next",
    "seeds the global generator": "changes when another instance runs beside it",
}


def task_of(way, **rules):
    return adapt(resolve("gym:Dependent-v0"), options={"way": way}, **rules)


@pytest.mark.parametrize("way", WAYS)
def test_a_warning_says_what_an_episode_depends_on(way):
    task = task_of(way)
    with pytest.warns(EnvironmentWarning, match=WAYS[way]):
        check_independence(task, make_world(task))


@pytest.mark.parametrize("way", WAYS)
def test_frozen_statistics_of_a_dependent_environment_are_refused(way):
    task = task_of(way, observation="frozen")
    with pytest.raises(InputError, match="frozen statistics would differ at every use"):
        check_independence(task, make_world(task))


@pytest.mark.usefixtures("workers_find_fixtures")
def test_a_run_warns_before_its_first_trial_and_refuses_frozen_statistics(tmp_path):
    name, options = task_of("own generator").name, {"dmax": 2, "imports": ["unfaithful"]}
    with Runner(plan(name, network="linear", **options), tmp_path) as runner:
        with pytest.warns(EnvironmentWarning, match="scores of one policy will differ"):
            runner.examine()
        # Once is enough.
        runner.examine()
        runner.plan = plan(name, network="linear", observation="frozen", **options)
        runner._is_examined = False
        with pytest.raises(InputError, match="frozen statistics would differ at every use"):
            runner.examine()


@pytest.mark.usefixtures("workers_find_fixtures")
@pytest.mark.parametrize("call", ["reset", "step"])
def test_an_environment_that_ends_its_process_is_planned_and_examined(tmp_path, call):
    wanted = plan(f"gym:Exits-{call}-os-v0", dmax=2, network="mlp:4", imports=["exits"])
    with Runner(wanted, tmp_path) as runner:
        runner.examine()


@pytest.mark.parametrize("name", ["gym:Seeded-v0", "gym:CartPole-v1", "gym:Hopper-v5", "acrobot"])
@pytest.mark.parametrize("observation", ["raw", "frozen"])
def test_an_independent_environment_passes_in_silence(name, observation):
    task = adapt(resolve(name), observation=observation)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_independence(task, make_world(task))


def test_the_command_line_prints_a_warning_in_one_line(monkeypatch):
    monkeypatch.setattr(warnings, "formatwarning", warnings.formatwarning)
    streams.warn_in_one_line()
    ours = warnings.formatwarning("it ignores its seed", EnvironmentWarning, "plan.py", 3)
    assert ours == "rlid: warning: it ignores its seed\n"
    assert "plan.py:3" in warnings.formatwarning("old", DeprecationWarning, "plan.py", 3)


def test_the_global_generators_are_left_as_they_were():
    import random

    task = task_of("own generator")
    world = make_world(task)
    random.seed(3)
    expected = random.random()
    random.seed(3)
    with pytest.warns(EnvironmentWarning):
        check_independence(task, world)
    assert random.random() == expected
