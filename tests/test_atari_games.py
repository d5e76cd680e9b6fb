"""Every Atari game that is listed runs, and those that would end the process are not listed."""

import numpy as np
import pytest
from command import rlid_here
from games import play_five_steps
from rlid.envs.atari import TWO_PLAYERS, games

from rlid.engine import LocalEngine
from rlid.errors import EngineError

pytestmark = pytest.mark.usefixtures("workers_find_fixtures")


@pytest.mark.parametrize("game", TWO_PLAYERS)
def test_a_game_for_two_players_is_refused_in_one_line(tmp_path, game):
    assert game not in games()
    refused = rlid_here("run", f"atari:{game}", "--dmax", "5", cwd=tmp_path)
    assert refused.returncode == 2
    assert f"Atari game '{game}' needs two players" in refused.stderr
    assert refused.stderr.count("\n") == 1


@pytest.mark.slow
def test_the_games_that_run_are_those_that_are_listed():
    from ale_py import roms

    assert sorted([*games(), *TWO_PLAYERS]) == sorted(roms.get_all_rom_ids())
    with LocalEngine(1, 60.0) as engine:
        for game in games():
            shape, reward = engine.call(play_five_steps, game)
            assert shape == (1, 4 * 84 * 84)
            assert np.isfinite(reward)
        for game in TWO_PLAYERS:
            with pytest.raises(EngineError, match="exit code 1"):
                engine.call(play_five_steps, game)
