"""Trials of an earlier version of an agent: that they come out otherwise accuses nobody."""

from measurements import a_published

from rlid.agent import AGENTS
from rlid.leaderboard.comparable import not_comparable


def test_trials_of_an_earlier_version_of_the_agent_are_not_comparable(monkeypatch):
    published = a_published()
    assert "of the agent" not in not_comparable(published)
    monkeypatch.setattr(AGENTS["cmaes"], "version", 2)
    line = "measured with version 1 of the agent, repeated with 2"
    assert not_comparable(published) == line
