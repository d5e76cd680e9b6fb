"""An objective or data of a user's that fails is one line before anything is trained."""

import os

import pytest
from own_data import write_photos

from rlid.datasets import read_image_folder
from rlid.errors import DataError, InputError
from rlid.measurement.plan import plan
from rlid.task import TASKS, Task, resolve
from rlid.world import Objective


class Plain(Objective):
    """Does what an objective must where it is planned, and no more."""

    inputs, outputs, merges = 2, 2, False

    def check(self, network):
        pass

    def close(self):
        pass


def broken(*_):
    raise RuntimeError("no data here")


@pytest.fixture
def planned():
    """Plan a measurement of an objective with some attributes of its own."""

    def plan_with(**attributes):
        world = type("World", (Plain,), attributes)

        @TASKS.add(name="odd_objective")
        def odd_objective():
            """Try an objective."""
            return Task(
                version=1, kind="supervised", env="odd", episode_cap=1, budget=60, agent="adam",
                network="mlp:4", world=world, backend="torch",
            )  # fmt: skip

        return plan("odd_objective", dmax=3)

    yield plan_with
    TASKS._entries.pop("odd_objective", None)


def test_an_objective_that_fails_nowhere_is_planned(planned):
    assert planned().network.inputs == 2


@pytest.mark.parametrize(
    ("attributes", "line"),
    [
        ({"__init__": broken}, "the world of task 'odd_objective' raised RuntimeError: no data"),
        ({"check": broken}, "the check of task 'odd_objective' raised RuntimeError: no data here"),
        ({"close": broken}, "closing the world of task 'odd_objective' raised RuntimeError"),
        ({"close": broken, "inputs": 0}, "has inputs 0 and outputs 2: both must be at least 1 for"),
        ({"outputs": "2"}, "has inputs 2 and outputs '2': both must be whole numbers"),
    ],
    ids=["constructor", "check", "close", "inputs", "outputs"],
)
def test_an_objective_that_fails_is_refused_in_one_line(planned, attributes, line):
    with pytest.raises(InputError) as refused:
        planned(**attributes)
    assert line in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("name", ["table:~nobodyx/a.csv,target=y", "images:~nobodyx/a"])
def test_the_home_of_an_unknown_user_is_a_folder_that_is_not_there(name):
    with pytest.raises(DataError, match="~nobodyx/a.*there is no such file or folder"):
        resolve(name)


def test_a_class_whose_folder_has_no_name_in_utf8_is_refused(tmp_path):
    folder = os.fsencode(write_photos(tmp_path / "photos"))
    try:
        os.rename(folder + b"/cat", folder + b"/c\xe4t")
    except OSError:
        pytest.skip("this file system takes names in UTF-8 alone")
    with pytest.raises(DataError, match=r"the folder b'c\\xe4t' has no name in UTF-8"):
        read_image_folder(tmp_path / "photos")
