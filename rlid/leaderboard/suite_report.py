"""The report of a suite: its rows beside other agents', as JSON and as a table of words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rlid.dimension import bracket_in_words
from rlid.leaderboard.peers import MeanRatio, Peer, mean_ratios, peers_of
from rlid.measurement import (
    RowResult,
    Summary,
    count,
    duration,
    figure,
    is_bracket,
    span,
    summarise,
)

SCHEMA_VERSION = 1
BESIDE_HEADINGS = (
    ("task", "left"),
    ("beside", "left"),
    ("its d_int90", "right"),
    ("ratio (95 % interval)", "left"),
    ("its budget", "right"),
)
HEADINGS = (
    ("task", "left"),
    ("agent", "left"),
    ("network", "left"),
    ("d_int90", "right"),
    ("95 % interval", "left"),
    ("trials", "right"),
    ("time of trials", "right"),
)


@dataclass(frozen=True)
class ReportRow:
    """One row of a suite with what stands beside it.

    Attributes:
        result: what came out of the row.
        summary: its records and their estimate; None where nothing was measured.
        peers: other agents on the same task and network.
    """

    result: RowResult
    summary: Summary | None
    peers: tuple[Peer, ...]

    @property
    def seconds(self) -> float:
        """Seconds that its trials took, added up, those that were in the store included."""
        return sum(record.seconds for record in self.summary.records) if self.summary else 0.0

    @property
    def cells(self) -> tuple[str, ...]:
        """The row under HEADINGS."""
        plan, summary = self.result.planned.plan, self.summary
        if plan is None:
            return (self.result.planned.row.task, "", "", "does not fit", "", "", "")
        names = (plan.task.name, plan.agent_name, plan.network.architecture.name)
        if summary is None:
            return (*names, self.result.status, "", "", "")
        figure, span = figure_of(summary)
        missing = f" ({summary.failed} missing)" if summary.failed else ""
        trials = f"{len(summary.records)}{missing}"
        return (*names, figure, span, trials, duration(self.seconds))


@dataclass(frozen=True)
class SuiteReport:
    """What came out of a suite.

    Attributes:
        name: the suite's name.
        title: the suite in one line.
        rows: its rows, in its order.
        means: the geometric mean of the ratios to each other agent.
    """

    name: str
    title: str
    rows: tuple[ReportRow, ...]
    means: tuple[MeanRatio, ...]

    @property
    def failures(self) -> list[tuple[str, str]]:
        """The rows that were not measured, by label, and why."""
        return [
            (row.result.planned.row.label, row.result.reason)
            for row in self.rows
            if row.result.reason
        ]

    @property
    def beside(self) -> list[tuple[str, ...]]:
        """The other agents beside the rows, under BESIDE_HEADINGS."""
        return [
            _beside(row.summary, peer)
            for row in self.rows
            if row.summary is not None
            for peer in row.peers
        ]

    @property
    def has_first_edition(self) -> bool:
        """Whether a figure of the first edition stands beside a row."""
        return any(peer.summary.is_first_edition for row in self.rows for peer in row.peers)

    @property
    def mean_lines(self) -> list[str]:
        """The geometric mean of the ratios to each agent, a line each."""
        return [
            f"geometric mean over {count(mean.tasks, 'task')}, to {mean.agent}: "
            f"{ratio_words(mean.ratio, mean.low, mean.high)}"
            for mean in self.means
            if mean.ratio is not None
        ]

    def to_json(self) -> dict[str, Any]:
        """Return the object that `rlid suite --json` prints and the store keeps."""
        rows = [
            {**row.result.to_json(), "peers": [peer.to_json() for peer in row.peers]}
            for row in self.rows
        ]
        return {
            "schema_version": SCHEMA_VERSION,
            "suite": self.name,
            "title": self.title,
            "rows": rows,
            "geometric_means": [mean.to_json() for mean in self.means],
        }


def report_of(
    name: str,
    title: str,
    results: Sequence[RowResult],
    *,
    published: Sequence[Summary] = (),
    stored: Sequence[Summary] = (),
) -> SuiteReport:
    """Return the report of a suite's results.

    Args:
        name: the suite's name.
        title: the suite in one line.
        results: what came out of its rows.
        published: published measurements that may stand beside the rows.
        stored: measurements of the store that may.
    """
    rows = []
    for result in results:
        measurement = result.measurement
        if measurement is None or not measurement.records:
            rows.append(ReportRow(result, None, ()))
            continue
        summary = summarise(
            measurement.records, measurement.reference, (measurement.plan.question.digest,)
        )
        rows.append(ReportRow(result, summary, tuple(peers_of(summary, published, stored))))
    peers = {str(number): row.peers for number, row in enumerate(rows)}
    return SuiteReport(name, title, tuple(rows), tuple(mean_ratios(peers)))


def _beside(own: Summary, peer: Peer) -> tuple[str, ...]:
    """Return another agent under BESIDE_HEADINGS; its budget where it differs from one's own."""
    mark = " *" if peer.summary.is_first_edition else ""
    is_other = own.spec.budget != peer.summary.spec.budget
    return (
        own.spec.task,
        peer.agent,
        f"{figure_of(peer.summary)[0]}{mark}",
        ratio_words(peer.ratio, peer.low, peer.high),
        f"{peer.summary.spec.budget:,}" if is_other else "",
    )


def figure_of(summary: Summary) -> tuple[str, str]:
    """Return d_int90 and its interval in a few characters each: ("4", "3-8"), ("> 20", "")."""
    estimate = summary.estimate
    if estimate.withheld:
        return "no answer", ""
    if is_bracket(estimate):
        return bracket_in_words(*(estimate.bracket or (0, 0))), "no interval"
    return figure(estimate), span(estimate)


def ratio_words(ratio: float | None, low: float | None, high: float | None) -> str:
    """Return a ratio and its interval in words: "1.3 (0.8 to 2.1)"; "no ratio" without one."""
    if ratio is None:
        return "no ratio"
    if low is None and high is None:
        return f"{ratio:.2g} (no interval)"
    ends = ["open" if end is None else f"{end:.2g}" for end in (low, high)]
    return f"{ratio:.2g} ({ends[0]} to {ends[1]})"
