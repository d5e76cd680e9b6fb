"""An agent beside others: which measurements may stand side by side, and the mean of the ratios."""

import math

import pytest
from records import a_record, a_spec

from rlid.leaderboard.peers import (
    Peer,
    mean_ratios,
    peers_of,
    published_folder,
    published_summaries,
)
from rlid.measurement import summarise


def measured(threshold, **changes):
    records = []
    for d in (1, 2, 4, 8, 16, 32):
        for seed in range(6):
            status = "solved" if d >= threshold else "unsolved"
            fields = {"dmax": 32, "rule": changes.get("rule", "normalised")}
            spec = a_spec(**{k: v for k, v in changes.items() if k != "rule"}, d=d, seed=seed)
            records.append(a_record(spec=spec, status=status, score=100.0, **fields))
    return summarise(records)


def test_the_ratio_is_that_of_the_two_answers():
    own, other = measured(8, agent="mine"), measured(2, agent="cmaes")
    (peer,) = peers_of(own, [other])
    assert (peer.agent, peer.is_published) == ("cmaes", True)
    assert peer.ratio == pytest.approx(own.estimate.d_int90 / other.estimate.d_int90)
    assert peer.low < peer.ratio < peer.high


@pytest.mark.parametrize(
    "changes",
    [{"task": "acrobot"}, {"network": "linear"}, {"projection": "dense"}, {"task_version": 9},
     {"rule": "raw"}, {"agent": "mine"}],
)  # fmt: skip
def test_only_the_same_question_to_another_agent_stands_beside_a_row(changes):
    own = measured(8, agent="mine")
    assert peers_of(own, [measured(2, **{"agent": "cmaes", **changes})]) == []


def test_the_store_goes_before_what_is_published_and_the_own_budget_before_another():
    own = measured(8, agent="mine", budget=1000)
    near, far = (measured(2, agent="cmaes", budget=budget) for budget in (1000, 2000))
    assert peers_of(own, [far, near])[0].summary is near
    assert peers_of(own, [near], [far])[0].summary is far
    assert not peers_of(own, [near], [far])[0].is_published


def peer(ratio, low=None, high=None, agent="cmaes"):
    return Peer(agent, None, True, ratio, low, high)


def test_the_mean_over_tasks_is_geometric():
    (mean,) = mean_ratios({"a": [peer(2.0, 1.0, 4.0)], "b": [peer(8.0, 4.0, 16.0)]})
    assert (mean.tasks, mean.without) == (2, 0)
    assert mean.ratio == pytest.approx(4.0)
    # Two independent intervals of a factor 2 each way: the mean's is narrower by sqrt(2).
    assert mean.high / mean.ratio == pytest.approx(2 ** (1 / math.sqrt(2)))
    assert mean.ratio / mean.low == pytest.approx(2 ** (1 / math.sqrt(2)))


def test_a_task_without_a_ratio_is_left_out_and_counted():
    first, second = mean_ratios(
        {"a": [peer(2.0, 1.0, None), peer(None, agent="ppo")], "b": [peer(None)]}
    )
    assert (first.tasks, first.without, first.ratio) == (1, 1, pytest.approx(2.0))
    # The mean over one task has the interval of its ratio, which is open above.
    assert (first.low, first.high) == (1.0, None)
    assert (second.agent, second.tasks, second.ratio) == ("ppo", 0, None)


def test_published_results_are_found_and_read():
    summaries = published_summaries(published_folder())
    assert {"cartpole", "mnist"} <= {summary.spec.task for summary in summaries}
    assert published_summaries(None) == []
