"""A task's name says its arguments, and makes the same task again."""

import pytest

from rlid.errors import InputError
from rlid.task import adapt, resolve
from rlid.task_name import read_arguments, read_value, write_arguments


@pytest.mark.parametrize(
    "arguments",
    [
        {"size": 3},
        {"size": 3.5, "is_slippery": False, "map_name": "4x4", "seed": None},
        {"desc": ["SF", "FG"], "config": {"lanes": [1, 2], "a b": "c&d=e"}},
        {"text": "3", "name": "ä %&=?#", "episode-cap": 7},
    ],
)
def test_arguments_are_read_as_they_were_written(arguments):
    text = write_arguments(arguments)
    assert text.isascii()
    assert read_arguments("gym:X", text) == arguments


@pytest.mark.parametrize(
    ("text", "value"), [("3", 3), ("true", True), ("4x4", "4x4"), ("[1]", [1]), ("NaN", "NaN")]
)
def test_a_value_is_json_or_itself(text, value):
    assert read_value(text) == value


def test_the_name_of_an_adapted_task_makes_it_again():
    lake = resolve("gym:FrozenLake-v1")
    task = adapt(lake, episode_cap=40, options={"map_name": "8x8", "is_slippery": False})
    assert task.name == "gym:FrozenLake-v1?episode-cap=40&is_slippery=false&map_name=8x8"
    assert resolve(task.name) == task
    assert resolve(task.name).protocol() == task.protocol()
    assert task.protocol()["env.map_name"] == "8x8"
    assert task.protocol()["episode_cap"] == 40
    assert adapt(task, episode_cap=50).name.startswith("gym:FrozenLake-v1?episode-cap=50&")


def test_a_list_is_one_value_of_the_protocol():
    task = adapt(resolve("gym:FrozenLake-v1"), options={"desc": ("SF", "FG")})
    assert task.options["desc"] == ["SF", "FG"]
    assert task.protocol()["env.desc"] == '["SF","FG"]'


def test_without_arguments_nothing_changes():
    task = resolve("gym:FrozenLake-v1")
    assert adapt(task, options={}) is task


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("cartpole", {"options": {"size": 3}}, "a simulator of its own"),
        ("cartpole", {"episode_cap": 501}, "from 1 to 500"),
        ("gym:FrozenLake-v1", {"episode_cap": 0}, "from 1 on"),
        ("gym:FrozenLake-v1", {"episode_cap": 2.5}, "a whole number"),
        ("gym:FrozenLake-v1", {"options": {"desc": float("nan")}}, "a value of JSON"),
        ("sum_constraints:3", {"episode_cap": 5}, "has no environment"),
    ],
)
def test_arguments_that_a_task_cannot_take_are_refused(name, arguments, message):
    with pytest.raises(InputError, match=message):
        adapt(resolve(name), **arguments)


@pytest.mark.parametrize("name", ["gym:FrozenLake-v1?size", "gym:FrozenLake-v1?a=1&a=2"])
def test_a_name_with_damaged_arguments_is_refused(name):
    with pytest.raises(InputError, match="each name once"):
        resolve(name)
