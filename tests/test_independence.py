"""Environments whose episodes depend on more than seed and actions are measured with a warning."""

import warnings

import pytest
import unfaithful  # noqa: F401 (registers environments)

from rlid.errors import EnvironmentWarning, InputError
from rlid.measurement import plan
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
def test_a_plan_warns_and_goes_on(way):
    with pytest.warns(EnvironmentWarning, match="scores of one policy will differ"):
        plan(task_of(way).name, network="linear", dmax=2)


@pytest.mark.parametrize("way", WAYS)
def test_frozen_statistics_of_a_dependent_environment_are_refused(way):
    with pytest.raises(InputError, match="frozen statistics would differ at every use"):
        plan(task_of(way).name, network="linear", dmax=2, observation="frozen")


@pytest.mark.parametrize("name", ["gym:Seeded-v0", "gym:CartPole-v1", "gym:Hopper-v5", "acrobot"])
@pytest.mark.parametrize("observation", ["raw", "frozen"])
def test_an_independent_environment_passes_in_silence(name, observation):
    task = adapt(resolve(name), observation=observation)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_independence(task, make_world(task))


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
