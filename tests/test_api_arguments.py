"""Arguments of `rlid.measure` of the wrong kind: one line that says what would be right."""

import numpy as np
import pytest

import rlid
from rlid.errors import InputError
from rlid.measurement import ask

WRONG = [
    ({"task": 5}, "named by a text, such as 'cartpole', not 5"),
    ({"task": None}, "named by a text, such as 'cartpole', not None"),
    ({"network": 5}, "--network 5: must be a text"),
    ({"dims": 5}, "--dims 5: must be a list of whole numbers"),
    ({"dims": [None, 1]}, "must be a list of whole numbers"),
    ({"dims": "1;2"}, "use whole numbers, ranges"),
    ({"dims": [1.5]}, "--dims 1.5"),
    ({"settings": 3}, 'settings=3: give a mapping {"lr": 0.001}'),
    ({"settings": ["sigma0=1", "sigma0=2"]}, "--set sigma0: is given twice"),
    ({"imports": 3}, 'imports=3: give "my_package"'),
    ({"imports": [3]}, r'imports=\[3\]: give "my_package"'),
    ({"jobs": "2"}, "--jobs '2': must be a whole number"),
    ({"jobs": 1.5}, "--jobs 1.5: must be a whole number"),
    ({"timeout": "2"}, "--timeout '2': must be above 0"),
    ({"place": "ray"}, "place='ray': give a Place of rlid.engine"),
]


@pytest.mark.parametrize(("arguments", "says"), WRONG)
def test_an_argument_of_the_wrong_kind_is_one_clear_line(arguments, says, tmp_path):
    usual = {"task": "cartpole", "dims": [1], "search": "grid", "reference": 500.0}
    with pytest.raises(InputError, match=says) as error:
        rlid.measure(**{**usual, "store": tmp_path / "store", **arguments})
    assert "\n" not in str(error.value)


def test_dims_may_be_a_text_as_on_the_command_line_or_an_array():
    for dims in ("3,1-2", [3, 2, 1], np.array([1, 2, 3, 3]), range(1, 4)):
        assert ask("cartpole", dims=dims).dims == (1, 2, 3)
