"""The random score of a published measurement, played again by `rlid verify --rerun`."""

from pathlib import Path

import pytest

from rlid.leaderboard import known_reference, rerun_random
from rlid.leaderboard import publish as publisher

RESULTS = Path(__file__).parents[1] / "results"
PONG = "pong/ppo-conv_16-32-256-onehot-8b211452"

pytestmark = pytest.mark.usefixtures("workers_find_fixtures")


@pytest.mark.parametrize(("shift", "is_same"), [(0.0, True), (-4000.0, False)])
def test_random_actions_that_are_played_again_tell_a_forged_score(quick_store, shift, is_same):
    (published,) = publisher.harvest(quick_store).published
    record = published.reference_record
    shifted = record.model_copy(update={"random": record.random + shift})
    forged = published.model_copy(update={"reference_record": shifted})
    lines = rerun_random.problems(forged, ["hostile"])
    assert ["random actions: their score is" in line for line in lines] == [True] * (not is_same)


@pytest.mark.parametrize(
    ("stem", "is_cheap"),
    [
        ("cartpole/cmaes-mlp_20x20-onehot-870e2998", False),  # a shipped reference tells it
        ("digits/adam-mlp_50x50-onehot-f8d0f17a", True),
        (PONG, False),  # a shipped reference tells it
    ],
)
def test_random_actions_are_played_again_where_it_is_cheap_and_tells_something(stem, is_cheap):
    assert rerun_random.is_cheap(publisher.read(RESULTS / f"{stem}.json")) == is_cheap


def test_random_actions_of_long_episodes_are_not_played_again(monkeypatch):
    published = publisher.read(RESULTS / f"{PONG}.json")
    monkeypatch.setattr(known_reference, "_shipped", lambda _: None)
    assert published.common["protocol"]["episode_cap"] == 27_000
    assert not rerun_random.is_cheap(published)
