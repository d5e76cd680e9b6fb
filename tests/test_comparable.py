"""An honest result is not accused where the processor's instructions are others."""

import json

import numpy as np
import pytest
from command import rlid
from records import a_record

from rlid import measure
from rlid.leaderboard import publish as publisher
from rlid.leaderboard import rerun
from rlid.leaderboard.comparable import is_within_noise
from rlid.leaderboard.from_records import row_of
from rlid.store import Store

SETTINGS = ("n_envs=4", "n_steps=64", "batch_size=64", "n_epochs=4")


@pytest.fixture(scope="module")
def honest(tmp_path_factory):
    """The published file of a measurement by PPO, whose trials follow the last bit of every sum."""
    folder = tmp_path_factory.mktemp("honest")
    measure(
        "cartpole", agent="ppo", network="mlp:32x32", dims=(8,), search="grid", seeds=3,
        budget=1500, settings=SETTINGS, jobs=1, reference=500.0, reference_source="a test",
        store=folder,
    )  # fmt: skip
    store = Store(folder)
    (published,) = publisher.harvest(store).published
    return publisher.write(published, store, folder / "results")[0]


def test_a_further_draw_is_hardly_ever_accused_and_another_score_is():
    rng = np.random.default_rng(0)
    for draws in (rng.normal(100, 10, (4000, 6)), rng.choice([20.0, 500.0], (4000, 6))):
        accused = [not is_within_noise(row[0], row[1:], 430.0) for row in draws.tolist()]
        assert np.mean(accused) < 0.05
    assert not is_within_noise(500.0, [20.0, 25.0, 30.0, 22.0], 430.0)
    assert not is_within_noise(20.0, [480.0, 500.0, 470.0], 430.0)
    assert not is_within_noise(20.0, [], 430.0)


def verified(honest, tmp_path, **environment):
    words = ("--rerun", "2", "--jobs", "1", "--seed", "0")
    return rlid("verify", honest, *words, cwd=tmp_path, **environment)


@pytest.mark.parametrize(("search_steps", "is_same"), [(1000, True), (1040, True), (999, False)])
def test_a_trial_that_spent_its_budget_may_be_published_as_stopped_early(
    monkeypatch, search_steps, is_same
):
    record = a_record(search_steps=search_steps, stopped_early=False)
    assert record.spec.budget == 1000
    row = row_of(record.model_copy(update={"stopped_early": True}), 0)
    monkeypatch.setattr(rerun, "_rows_again", lambda *_: [(row, record)])
    ((_, differences),) = rerun.repeat(None, [row])
    assert differences == ([] if is_same else ["stopped_early is False, not True"])
    other = row_of(record.model_copy(update={"score": 490.0}), 0)
    monkeypatch.setattr(rerun, "_rows_again", lambda *_: [(other, record)])
    assert rerun.repeat(None, [other])[0][1] == ["score is 480.0, not 490.0"]


@pytest.mark.slow
def test_trials_are_repeated_to_the_bit_where_they_were_measured(honest, tmp_path):
    done = verified(honest, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{honest}: reproduced 2 of 2 trials\n" in done.stdout
    assert "not comparable" not in done.stdout


def test_a_lower_capability_of_the_processor_is_named_and_is_no_accusation(honest, tmp_path):
    (listed,) = json.loads(honest.read_text())["versions"]
    if listed["cpu torch"] == "DEFAULT":
        pytest.skip("this processor has no lower capability")
    done = verified(honest, tmp_path, ATEN_CPU_CAPABILITY="default")
    assert (done.returncode, done.stderr) == (0, "")
    assert "not comparable on this processor" in done.stdout.splitlines()[0]
    assert "measured with cpu torch" in done.stdout
    assert "wrong:" not in done.stdout
