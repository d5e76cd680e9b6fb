"""The leaderboard as a static web page: plain files that open from a folder, without a server.

Findings, a chart of one row a task, figures, a table with filters, and the claims of the paper.
A measurement's own page is in `measurement_page`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rlid.leaderboard import chart, claims, measurement_page, pictures, tables
from rlid.leaderboard.findings import findings
from rlid.leaderboard.ranking import Board, page_of
from rlid.leaderboard.render import render
from rlid.leaderboard.row import LeaderboardRow
from rlid.store import write_whole

SORTED_AS_TEXT = {
    "task", "kind", "network", "agent", "projection", "status", "notes", "rule", "published by",
    "date", "rlid",
}  # fmt: skip
COLUMNS = (
    "task", "network", "agent", "projection", "rule", "D", "d_int90", "95 %", "status",
    "published elsewhere",
)  # fmt: skip
"""Columns that are shown at first; together they fit a screen of 1280 pixels."""
SECONDARY = {"D", "projection", "rule", "seeds", "kind"}
"""Columns that a narrow screen leaves to the measurement's own page."""
LONG = {"status", "notes", "published elsewhere", "d_int90", "rule", "network", "published by"}
"""Columns whose texts may take several lines."""


@dataclass(frozen=True)
class TableCell:
    """One cell of the table.

    Attributes:
        heading: its column.
        text: what it shows.
        key: what it is sorted by; "" for what is missing.
        classes: its CSS classes.
        is_hidden: whether its column is hidden until it is chosen.
    """

    heading: str
    text: str
    key: str
    classes: str
    is_hidden: bool


def write(board: Board, statements: Sequence[claims.Claim], out: Path) -> list[Path]:
    """Write the page and one for each measurement; return their paths.

    A measurement that another one of the same thing outweighs has a page too, but no row.

    Args:
        board: the measurements.
        statements: the paper's claims with their answers.
        out: the folder of published results.

    Raises:
        OSError: they cannot be written.
    """
    measured = [row for row in board.rows if row.is_measured]
    index = render(
        "index.html", rows=board.rows, numbers={row: index for index, row in enumerate(board.rows)},
        headings=tables.HEADINGS, columns=COLUMNS, cells=_cells, note=tables.NOTE,
        chart=chart.chart(measured), silent=chart.without_answer(measured),
        absent=chart.not_measured(board.rows), texts=SORTED_AS_TEXT, root="",
        findings=findings(board.chosen), totals=_totals(measured), claims=statements,
        beyond=claims.OUT_OF_SCOPE, agents=sorted({row.agent for row in measured}),
        pictures=pictures.draw(board, out),
        has_synthetic=any(row.kind == "synthetic" for row in measured),
        first_edition=sum(bool(row.edition) for row in measured),
        has_bracket=any(row.is_bracket for row in measured),
    )  # fmt: skip
    written = [write_whole(out / "index.html", index.encode())]
    for assessment in board.assessments:
        target = out / page_of(assessment)
        try:
            page = measurement_page.page(assessment, board, target)
        except Exception as error:
            error.add_note(f"while the page {target} was made")
            raise
        written.append(write_whole(target, page.encode()))
    return written


def _totals(measured: Sequence[LeaderboardRow]) -> list[tuple[str, int]]:
    """Return the sums over all measurements, each with its name."""
    return [
        ("measurements", len(measured)),
        ("RL tasks", len({row.task for row in measured if row.kind == "rl"})),
        ("data sets", len({row.task for row in measured if row.kind == "supervised"})),
        ("trials", sum(row.trials or 0 for row in measured)),
        ("steps", sum(row.env_steps or 0 for row in measured)),
    ]


def _cells(row: LeaderboardRow) -> list[TableCell]:
    """Return a cell for every column, the hidden ones included."""
    middle, low, _ = chart.ends(row)
    values = {
        "D": row.D, "d_int90": middle or low, "95 %": row.ci_low,
        "d_reliable": row.d_reliable or row.reliable_low, "/ MNIST FC": row.ratio,
        "D / d": row.compression, "D - d": row.manifold, "policy": row.policy_bytes,
        "seeds": row.seeds, "reference": row.reference, "random": row.random,
        "hidden": row.hidden_state, "env steps": row.env_steps, "hours": row.hours,
        "published elsewhere": int(row.paper) if row.paper else None,
    }  # fmt: skip
    texts, made = tables.cells(row), []
    for heading in tables.HEADINGS:
        is_number = heading not in SORTED_AS_TEXT
        key = values[heading] if is_number else texts[heading]
        classes = {
            "number": is_number,
            "secondary": heading in SECONDARY,
            "missing": texts[heading] == tables.MISSING,
            "long": heading in LONG,
            "answer": heading == "d_int90",
        }
        made.append(
            TableCell(
                heading,
                texts[heading],
                "" if key is None else str(key),
                " ".join(name for name, applies in classes.items() if applies),
                heading not in COLUMNS,
            )
        )
    return made
