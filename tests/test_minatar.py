"""MinAtar: the package's own games, seeded slot by slot."""

import sys

import numpy as np
import pytest

from rlid.measurement.plan import plan
from rlid.records import Judgement
from rlid.simulators import make_world
from rlid.task import resolve
from rlid.training import run_trials

GAMES = ("asterix", "breakout", "freeway", "seaquest", "space_invaders")


def package_environment(game):
    """The package's own interface; it complains where it cannot import seaborn."""
    minatar = pytest.importorskip("minatar")
    return minatar.Environment(game, sticky_action_prob=0.1)


@pytest.mark.parametrize("game", GAMES)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
def test_an_episode_is_the_packages_own(game):
    simulator = make_world(resolve(f"minatar:{game}"))
    theirs = package_environment(game)
    theirs.seed(7)
    theirs.reset()
    actions = theirs.minimal_action_set()
    first = simulator.start([3, 7])[1]
    shape = simulator.observation_shape
    assert shape[1:] == (10, 10)
    assert np.array_equal(first.reshape(shape), theirs.state().transpose(2, 0, 1))
    rng = np.random.default_rng(0)
    total, steps = 0.0, 0
    while True:
        action = rng.integers(0, len(actions), 2)
        boards, rewards, terminated, _ = simulator.step(action, np.array([False, True]))
        reward, is_over = theirs.act(actions[action[1]])
        assert rewards[1] == reward
        assert terminated[1] == is_over
        assert np.array_equal(boards[1].reshape(shape), theirs.state().transpose(2, 0, 1))
        total, steps = total + reward, steps + 1
        if is_over or steps == 300:
            break
    assert steps > 5


def test_making_a_game_imports_no_drawing():
    script = (
        "import sys; from rlid.task import resolve; "
        "from rlid.simulators import make_world; "
        "make_world(resolve('minatar:breakout')); "
        "sys.exit('seaborn' in sys.modules or 'matplotlib.pyplot' in sys.modules)"
    )
    import subprocess

    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_the_network_sees_boards():
    wanted = plan("minatar:breakout", dmax=100)
    assert wanted.network.shape == (4, 10, 10)
    assert wanted.network.architecture.name == "conv:16-128"
    assert wanted.network.outputs == 3


def test_convolutions_train_on_boards_scaled_by_frozen_statistics():
    settings = ["n_envs=2", "n_steps=16", "batch_size=16", "n_epochs=1"]
    wanted = plan(
        "minatar:breakout?episode-cap=20",
        network="conv:4-8",
        observation="frozen",
        dmax=5,
        budget=64,
        settings=settings,
    )
    records = []
    spec = wanted.spec(5, 0, None)
    run_trials([spec], Judgement(), wanted.task, lambda *out: records.append(out[0]))
    assert records[0].reason == ""
    assert records[0].hidden_state["observation_mean"] == 400


def test_an_unknown_game_is_answered_with_the_nearest():
    with pytest.raises(ValueError, match="unknown MinAtar game 'breakot': did you mean 'breakout'"):
        resolve("minatar:breakot")


def test_a_missing_package_is_one_clear_line(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ValueError, match="need the package minatar: pip install"):
        make_world(resolve("minatar:breakout"))
