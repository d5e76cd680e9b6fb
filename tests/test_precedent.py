"""What published measurements tell of the cost of the same ones."""

from dataclasses import replace

import pytest

from rlid.engine import Place
from rlid.leaderboard import peers
from rlid.measurement import cost_of, plan, precedents
from rlid.measurement.trial_cost import episode_steps
from rlid.task import resolve
from rlid.training import Timing

FAST = Timing(1000, 1.0, 100, 0.1, 10, 300_000_000)


@pytest.fixture(scope="module")
def published():
    return peers.published_of_task(peers.published_folder(), "cartpole")


def cost(published, **options):
    made = plan("cartpole", **{"agent": "cmaes", "dmax": 20, "seeds": 5, **options})
    place = Place(jobs=1)
    return cost_of(
        made, "nowhere", place, timed=lambda *_: FAST, precedent_of=precedents(published)
    )


def test_a_published_measurement_of_the_same_plan_is_named(published):
    name = cost(published).precedent
    assert name.startswith("cartpole/cmaes/mlp:20x20/onehot/")
    assert not peers.published_named(peers.published_folder(), name).is_first_edition


@pytest.mark.parametrize(
    "other",
    [{"budget": 1234}, {"projection": "kronecker"}, {"network": "mlp:7x7"}, {"agent": "openai_es"},
     {"settings": ("sigma0=0.9",)}],
)  # fmt: skip
def test_a_measurement_of_anything_else_is_no_precedent(published, other):
    assert cost(published, **other).precedent == ""


def test_seeds_largest_d_and_rule_do_not_make_another_measurement(published):
    for other in ({"seeds": 3}, {"dmax": 300}, {"rule": "paper"}):
        assert cost(published, **other).precedent


def test_the_interval_of_a_precedent_stays_within_the_d_that_are_open(published):
    for dmax in (1, 2, 300):
        precedent = precedents(published)(plan("cartpole", agent="cmaes", dmax=dmax))
        assert 1 <= precedent.low <= precedent.high <= dmax


def test_solved_trials_that_stopped_say_nothing_of_trials_that_run_on(published):
    stopped = [each for each in published if any(r.stopped_early for r in each.records)]
    find = precedents(stopped)
    assert find(plan("cartpole", agent="cmaes", dmax=20)).solved is not None
    assert find(plan("cartpole", agent="cmaes", dmax=20, full=True)).solved is None


def test_steps_come_from_the_trials_of_the_precedent(published):
    alone, like = cost([]), cost(published)
    find = precedents(published)(plan("cartpole", agent="cmaes", dmax=20))
    most = max(find.solved.search + find.solved.evaluation,
               find.unsolved.search + find.unsolved.evaluation)  # fmt: skip
    assert like.steps[0] <= most * like.trials[0]
    assert like.steps != alone.steps


def test_an_episode_whose_last_step_gives_no_point_counts_its_steps():
    timing = Timing(1000, 1.0, 136, 0.1, 10, 1, mean_return=12.6)
    mean, trained = episode_steps(resolve("inverted_pendulum"), timing, (5.0, 1000.0))
    assert trained == 1000
    assert mean == pytest.approx((5 * 1000) ** 0.5)


def test_a_return_near_the_length_of_a_short_episode_is_no_count_of_its_steps():
    timing = Timing(1000, 1.0, 20, 0.1, 10, 1, mean_return=1.2)
    mean, trained = episode_steps(resolve("cartpole"), timing, (1.0, 100.0))
    # The largest growth that is taken, from two steps.
    assert (mean, trained) == (8.0, 32.0)


def test_trials_that_ran_on_tell_what_they_had_spent_when_they_were_solved(published):
    ran_on = [replace(each, records=tuple(map(as_full, each.records))) for each in published]
    spent = precedents(ran_on)(plan("cartpole", agent="cmaes", dmax=20)).solved
    whole = precedents(ran_on)(plan("cartpole", agent="cmaes", dmax=20, full=True)).solved
    assert spent.search == 100
    assert whole.search == 1000
    assert whole.evaluation == 500 + 50
    assert spent.evaluation == 50 + 50


def test_published_trials_that_ran_on_have_no_curve_and_say_nothing_of_those_that_stop():
    whole = peers.published_of_task(peers.published_folder(), "mountaincar_continuous")
    find = precedents(whole)
    assert find(plan("mountaincar_continuous", agent="cmaes", full=True)).solved is not None
    assert find(plan("mountaincar_continuous", agent="cmaes")).solved is None


def as_full(record):
    """Return a trial that was solved at a tenth of its budget, and ran on."""
    score = record.threshold + 1
    return record.model_copy(
        update={
            "stopped_early": False, "curve": [(50, score - 2), (100, score), (1000, score)],
            "search_steps": 1000, "validation_steps": 500, "scoring_steps": 50,
        }
    )  # fmt: skip
