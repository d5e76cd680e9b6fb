"""A task that could not be run as it stands is refused before anything is trained."""

import dataclasses
import functools

import pytest

from rlid.errors import InputError
from rlid.task import TASKS, Task, resolve

FIELDS = {"version": 1, "env": "CartPole-v1", "episode_cap": 20, "budget": 100}
SMALLEST = "must be a whole number from 1 on"


@pytest.fixture
def registered():
    """Register something as a task for one test."""
    names = []

    def register(name, value):
        TASKS.add(name=name)(value)
        names.append(name)
        return name

    yield register
    for name in names:
        del TASKS._entries[name]


@pytest.mark.parametrize(
    ("field", "value", "remedy"),
    [
        ("kind", "game", "use one of rl, supervised, synthetic"),
        ("observation", "grey", "use one of raw, scaled, frozen, pixels"),
        ("action", "round", "use one of clip, squash"),
        ("activation", "gelu", "use one of tanh, relu"),
        ("activation", ["tanh"], "use one of tanh, relu"),
        ("backend", "brax", "use one of gymnasium, mujoco, envpool"),
        ("network", "", "must be a name"),
        ("agent", None, "must be a name"),
        ("version", "a", SMALLEST),
        ("episode_cap", 0, SMALLEST),
        ("budget", 0, SMALLEST),
        ("budget", 99.5, SMALLEST),
        ("search_episodes", 0, SMALLEST),
        ("validation_episodes", 0, SMALLEST),
        ("scoring_episodes", 0, SMALLEST),
        ("scoring_episodes", True, SMALLEST),
        ("confirmation_episodes", 0, SMALLEST),
        ("dmax", 0, SMALLEST),
        ("max_envs", 0, SMALLEST),
        ("floor", "high", "must be a finite number"),
        ("ceiling", float("nan"), "must be a finite number"),
        ("patience", 0, "must be seconds above 0"),
    ],
)
def test_a_field_that_could_not_be_run_as_it_stands_is_refused_in_one_line(field, value, remedy):
    with pytest.raises(InputError) as refused:
        Task(**{**FIELDS, field: value})
    assert str(refused.value).startswith(f"task 'CartPole-v1': {field} ")
    assert str(refused.value).endswith(remedy)


def test_a_changed_task_is_checked_again():
    with pytest.raises(InputError, match="scoring_episodes 0"):
        dataclasses.replace(resolve("cartpole"), scoring_episodes=0)


def test_a_budget_in_scientific_notation_and_the_name_of_a_world_are_taken():
    assert Task(**{**FIELDS, "budget": 1e5}).budget == 100_000
    assert Task(**FIELDS, world=object, backend="brax").backend == "brax"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (lambda: None, "the function of task 'odd' returns a NoneType: return a Task"),
        (lambda: {}["x"], "the function of task 'odd' raised KeyError: 'x'"),
        (Task(**FIELDS), "task 'odd' is registered as a Task: register a function"),
        (functools.partial(Task, **FIELDS), "task 'odd' is registered as a partial: register"),
    ],
    ids=["none", "raises", "task", "partial"],
)
def test_a_registration_that_makes_no_task_is_refused_in_one_line(registered, value, message):
    with pytest.raises(InputError) as refused:
        resolve(registered("odd", value))
    assert str(refused.value).startswith(message)
    assert "\n" not in str(refused.value)
