"""Where trials under way stand, from the cell that runs them to whoever watches."""

from records import a_spec

from rlid.records import Judgement
from rlid.task import resolve
from rlid.training import run_trials, standings


def test_a_cell_tells_where_its_trials_stand(monkeypatch):
    monkeypatch.setattr(standings, "INTERVAL", 0.0)
    heard = []
    specs = [
        a_spec(task="cartpole", agent="random", settings={}, d=2, seed=seed, budget=3000)
        for seed in (0, 1)
    ]
    run_trials(specs, Judgement(), resolve("cartpole"), lambda record, z: None, tell=heard.append)
    shares = [each.share for part in heard for each in part if each.seed == 0]
    assert shares == sorted(shares)
    assert 0.0 <= shares[0] <= shares[-1] <= 1.0
    assert shares[-1] > 0.3
    assert {each.key for part in heard for each in part} == {spec.key for spec in specs}
    assert any(each.best is not None for part in heard for each in part)


def test_trials_that_end_soon_print_no_progress():
    heard = []
    spec = a_spec(task="cartpole", agent="random", settings={}, d=2, seed=0, budget=300)
    run_trials([spec], Judgement(), resolve("cartpole"), lambda record, z: None, tell=heard.append)
    assert heard == []
