import numpy as np
import pytest
from gymnasium import spaces

from rlid.simulators.actions import decoder, sample


def test_discrete_actions_are_the_argmax_from_the_start_on():
    n, decode = decoder(spaces.Discrete(3, start=-1), "squash")
    assert n == 3
    assert decode(np.array([[0, 2, 1], [5, 2, 1]], np.float32)).tolist() == [0, -1]


def test_multi_discrete_and_binary_actions_are_read_part_by_part():
    n, decode = decoder(spaces.MultiDiscrete([2, 3]), "squash")
    assert n == 5
    assert decode(np.array([[0, 1, 5, 2, 1]], np.float32)).tolist() == [[1, 0]]
    n, decode = decoder(spaces.MultiBinary(3), "squash")
    assert n == 3
    assert decode(np.array([[0.1, -1, 0]], np.float32)).tolist() == [[1, 0, 0]]


def test_continuous_actions_are_squashed_or_clipped():
    box = spaces.Box(np.array([-2, 0], np.float32), np.array([2, 1], np.float32))
    outputs = np.array([[0, 0], [100, 100], [-100, -100], [0.5, 0.5]], np.float32)
    _, squash = decoder(box, "squash")
    middle = [2 * np.tanh(0.5), 0.5 + 0.5 * np.tanh(0.5)]
    assert np.allclose(squash(outputs), [[0, 0.5], [2, 1], [-2, 0], middle], atol=1e-6)
    _, clip = decoder(box, "clip")
    assert np.allclose(clip(outputs), [[0, 0], [2, 1], [-2, 0], [0.5, 0.5]])


def test_unbounded_actions_are_the_outputs():
    box = spaces.Box(-np.inf, np.inf, (2,))
    _, squash = decoder(box, "squash")
    assert squash(np.array([[30.0, -7.0]], np.float32)).tolist() == [[30.0, -7.0]]


def test_other_spaces_are_refused_by_name():
    with pytest.raises(ValueError, match="Text"):
        decoder(spaces.Text(3), "squash")


@pytest.mark.parametrize(
    "space",
    [
        spaces.Discrete(4, start=2),
        spaces.MultiDiscrete([2, 5]),
        spaces.MultiBinary(4),
        spaces.Box(-2, 3, (2, 2)),
        spaces.Box(-np.inf, np.inf, (3,)),
    ],
)
def test_random_actions_lie_in_the_space(space):
    for action in sample(space, np.random.default_rng(0), 50):
        assert space.contains(np.asarray(action, dtype=space.dtype))
