"""A measurement beside those of other agents on the same task, and the mean over tasks."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from rlid.errors import InputError
from rlid.leaderboard import publish
from rlid.leaderboard.assessment import assess
from rlid.leaderboard.published import Published
from rlid.leaderboard.ranking import chosen
from rlid.measurement import Summary, compare_summaries, name_of, select
from rlid.registry import unknown
from rlid.store import slug
from rlid.task import resolve

NORMAL_95 = 1.959964
"""Standard errors from the middle of a normal distribution to either end of its 95 % interval."""


@dataclass(frozen=True)
class Peer:
    """Another agent's measurement of the same task and network, and the ratio to it.

    Attributes:
        agent: the other agent.
        summary: its measurement.
        is_published: whether it was published with rlid; else it is in the user's own store.
        ratio: d_int90 of the user's measurement over that of the other agent; None where one of
            them has no figure.
        low: the lower end of the ratio's 95 % interval; None where it is open or not claimed.
        high: its upper end.
    """

    agent: str
    summary: Summary
    is_published: bool
    ratio: float | None
    low: float | None
    high: float | None

    def to_json(self) -> dict[str, Any]:
        """Return the peer as one flat object."""
        estimate = self.summary.estimate
        return {
            "agent": self.agent,
            "published": self.is_published,
            "first_edition": self.summary.is_first_edition,
            "budget": self.summary.spec.budget,
            "name": self.summary.path,
            "d_int90": estimate.figure,
            "ci_low": estimate.ci_low,
            "ci_high": estimate.ci_high,
            "ratio": self.ratio,
            "ratio_low": self.low,
            "ratio_high": self.high,
        }


@dataclass(frozen=True)
class MeanRatio:
    """The geometric mean of the ratios to one agent, over the tasks that have one.

    The ends of its 95 % interval treat log ratios of different tasks as independent and normal,
    with the standard errors that their own intervals have. They are None where one of these is
    open.
    """

    agent: str
    tasks: int
    without: int
    ratio: float | None
    low: float | None
    high: float | None

    def to_json(self) -> dict[str, Any]:
        """Return the mean as one flat object."""
        return dict(vars(self))


def published_folder() -> Path | None:
    """Return the folder of published results that ships with rlid; None where it is missing."""
    package = Path(str(files("rlid")))
    # Installed, it lies inside the package; in a checkout, beside it.
    return next((f for f in (package / "results", package.parent / "results") if f.is_dir()), None)


def published_summaries(folder: Path | None) -> list[Summary]:
    """Return the published measurements, one of each thing measured.

    Raises:
        DamagedRecord: a file is damaged.
    """
    if folder is None:
        return []
    assessments = [assess(published) for published in publish.read_all(folder)]
    return [assessment.summary for assessment in chosen(assessments)]


def published_of_task(folder: Path | None, task: str) -> list[Summary]:
    """Return the published measurements of one task.

    Raises:
        DamagedRecord: a file is damaged.
    """
    return [assess(published).summary for published in _files_of_task(folder, task)]


def published_named(folder: Path | None, wanted: str) -> Summary:
    """Return the published measurement of a name: task/agent/network/projection/digest.

    The first parts are enough. Where several fit, those of the task's own network and protocol go
    before the others, and of several of one thing that of the leaderboard's table.

    Raises:
        InputError: none or several are named so; DamagedRecord where a file is damaged.
    """
    task, *rest = wanted.split("/")
    files = _files_of_task(folder, task)
    if not files:
        known = sorted(path.name for path in folder.iterdir() if path.is_dir()) if folder else []
        raise InputError(unknown("published task", task, known))
    matching = [each for each in files if name_of(each.question)[1 : 1 + len(rest)] == tuple(rest)]
    candidates = [assess(published) for published in matching or files]
    if len(matching) > 1:
        own = chosen(row for row in candidates if _is_of_own_protocol(row.published))
        candidates = own if len(own) == 1 else candidates
    return select([row.summary for row in candidates], wanted)


def _files_of_task(folder: Path | None, task: str) -> list[Published]:
    if folder is None:
        return []
    return [publish.read(source) for source in sorted(folder.glob(f"{slug(task)}/*.json"))]


def _is_of_own_protocol(published: Published) -> bool:
    """Whether a measurement has the task's own network, budget and protocol, and no settings."""
    asked = published.question
    changes = (asked.budget, asked.observation, asked.backend, asked.reference)
    own = asked.network == resolve(asked.task).network and asked.is_usual_projection
    return own and changes == (None,) * len(changes) and not asked.settings


def peers_of(
    own: Summary, published: Sequence[Summary], stored: Sequence[Summary] = ()
) -> list[Peer]:
    """Return the other agents' measurements that may stand beside one's own, one per agent.

    They are of the same task, network and projection, and are judged by the same rule. One in the
    store goes before a published one; of several, one with the own budget, then one with the most
    trials counts.

    Args:
        own: the measurement.
        published: published measurements.
        stored: measurements of the store that holds the own one.
    """
    best: dict[str, tuple[tuple[Any, ...], Peer]] = {}
    for summaries, is_published in ((stored, False), (published, True)):
        for other in summaries:
            if other.spec.agent == own.spec.agent or _subject(other) != _subject(own):
                continue
            is_same_budget = other.spec.budget == own.spec.budget
            weight = (not is_published, is_same_budget, len(other.records), other.path)
            agent = other.spec.agent
            if agent in best and best[agent][0] >= weight:
                continue
            result = compare_summaries(own, other)
            peer = Peer(
                agent, other, is_published, result.ratio, result.ratio_low, result.ratio_high
            )
            best[agent] = (weight, peer)
    return [best[agent][1] for agent in sorted(best)]


def mean_ratios(peers: Mapping[str, Iterable[Peer]]) -> list[MeanRatio]:
    """Return the geometric mean of the ratios to each agent, by the agent's name.

    Args:
        peers: the peers of each row of a suite, by the row's name.
    """
    of_agent: dict[str, list[Peer]] = {}
    for row in peers.values():
        for peer in row:
            of_agent.setdefault(peer.agent, []).append(peer)
    return [_mean(agent, of_agent[agent]) for agent in sorted(of_agent)]


def _mean(agent: str, peers: Sequence[Peer]) -> MeanRatio:
    known = [peer for peer in peers if peer.ratio is not None]
    without = len(peers) - len(known)
    if not known:
        return MeanRatio(agent, 0, without, None, None, None)
    if len(known) == 1:
        (only,) = known
        return MeanRatio(agent, 1, without, only.ratio, only.low, only.high)
    mean = math.fsum(math.log(peer.ratio or 1.0) for peer in known) / len(known)
    ends = [(peer.low, peer.high) for peer in known]
    errors = [
        math.log(high / low) / (2 * NORMAL_95) for low, high in ends if low and high is not None
    ]
    if len(errors) < len(known):
        return MeanRatio(agent, len(known), without, math.exp(mean), None, None)
    half = NORMAL_95 * math.sqrt(math.fsum(error**2 for error in errors)) / len(known)
    return MeanRatio(
        agent,
        len(known),
        without,
        math.exp(mean),
        math.exp(mean - half),
        math.exp(mean + half),
    )


def _subject(summary: Summary) -> tuple[Any, ...]:
    """Return what two measurements must share so that their ratio says something of the agents."""
    spec, first = summary.spec, summary.records[0]
    return (
        spec.task,
        spec.task_version,
        tuple(sorted(spec.protocol.items())),
        spec.network,
        spec.projection,
        first.rule or "normalised",
        first.baseline or "own",
    )
