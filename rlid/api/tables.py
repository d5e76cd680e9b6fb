"""Trials as a table: one row each, for pandas and for notebooks."""

from __future__ import annotations

import html
import importlib
from collections.abc import Iterable, Sequence
from typing import Any

from rlid.dimension import Estimate
from rlid.errors import InputError
from rlid.records import Record

IDENTITY = ("task", "agent", "network", "projection", "d", "seed", "budget")
"""Columns of the spec of a trial."""
OUTCOME = (
    "status",
    "score",
    "threshold",
    "random",
    "reference",
    "D",
    "env_steps",
    "search_steps",
    "stopped_early",
    "seconds",
    "reason",
    "key",
)
"""Columns of what a trial came to."""
COLUMNS = (*IDENTITY, "solved", *OUTCOME)
"""Columns of the table of trials: fields of the spec, `solved`, and fields of the record."""


def dataframe(records: Iterable[Record]) -> Any:
    """Return trials as a pandas DataFrame with COLUMNS, one row for each.

    `solved` is True, False, or None where a trial is missing: its environment, its agent or the
    machine failed, and nothing is known.

    Raises:
        InputError: pandas is not installed.
    """
    try:
        pandas = importlib.import_module("pandas")
    except ImportError:
        raise InputError("to_dataframe needs pandas: pip install 'rlid[pandas]'") from None
    return pandas.DataFrame([row(record) for record in records], columns=list(COLUMNS))


def row(record: Record) -> dict[str, Any]:
    """Return a trial as the values of COLUMNS."""
    return {
        **{name: getattr(record.spec, name) for name in IDENTITY},
        "solved": None if record.is_missing else record.status == "solved",
        **{name: getattr(record, name) for name in OUTCOME},
    }


def curve_rows(estimate: Estimate) -> list[tuple[str, ...]]:
    """Return a row for each d that was tried: d, trials, how many succeeded, the median score."""
    return [
        (
            f"{point.d:,}",
            f"{point.n}",
            f"{point.successes}",
            "" if point.median is None else f"{point.median:.4g}",
        )
        for point in estimate.curve
    ]


def html_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in HTML; all texts are escaped."""

    def line(tag: str, cells: Sequence[str]) -> str:
        return "<tr>" + "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells) + "</tr>"

    body = "".join(line("td", cells) for cells in rows)
    return f"<table><thead>{line('th', headings)}</thead><tbody>{body}</tbody></table>"
