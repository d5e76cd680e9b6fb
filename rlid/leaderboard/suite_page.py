"""The report of a suite as one web page, which opens from a folder without a server."""

from __future__ import annotations

from rlid.leaderboard.render import render
from rlid.leaderboard.suite_report import BESIDE_HEADINGS, HEADINGS, SuiteReport
from rlid.measurement import duration


def page(report: SuiteReport) -> str:
    """Return the page of a suite's report."""
    measured = [row for row in report.rows if row.summary is not None]
    trials = sum(len(row.summary.records) for row in measured if row.summary is not None)
    tiles = [
        ("measurements", f"{len(measured)} of {len(report.rows)}"),
        ("trials", f"{trials:,}"),
        ("time of all trials", duration(sum(row.seconds for row in measured))),
    ]
    return render(
        "suite.html",
        report=report,
        headings=HEADINGS,
        beside_headings=BESIDE_HEADINGS,
        beside=report.beside,
        failures=report.failures,
        has_first_edition=report.has_first_edition,
        means=report.mean_lines,
        tiles=tiles,
    )
