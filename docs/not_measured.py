"""Writes results/not-measured.csv: what each missing measurement would cost on this machine.

    python docs/not_measured.py

The rows are those of `results/not-measured.toml`. The times are of `rlid suite
results/not-measured.toml --dry-run`, with an empty store: simulated searches for the number of
trials, and a short training for the time of a step. Nothing else should run meanwhile. Data sets
are looked for where rlid looks for them (RLID_DATA).
"""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from typing import Any

from file_tables import table
from published_answers import ROOT, as_text

from rlid.measurement import load_suite

SUITE = ROOT / "results" / "not-measured.toml"
COLUMNS = ("task", "network", "agent", "seeds", "dmax", "direct", "trials", "core_hours",
           "most_core_hours")  # fmt: skip
"""`direct` counts the trainings for the reference; `most_core_hours` is the 90 % quantile."""


def costs() -> list[dict[str, Any]]:
    """Return what `rlid suite --dry-run --json` prints for the suite.

    Raises:
        ValueError: a row of the suite cannot be planned, or has no time.
    """
    with tempfile.TemporaryDirectory() as store:
        command = ["rlid", "suite", str(SUITE), "--dry-run", "--json", "--store", store]
        done = subprocess.run(
            [sys.executable, "-m", *command], cwd=ROOT, check=True, capture_output=True, text=True
        )
    rows: list[dict[str, Any]] = json.loads(done.stdout)
    timed = [row for row in rows if "core_seconds" in row and not row["untimed"]]
    expected = len(load_suite(str(SUITE)).rows)
    if len(timed) < expected:
        raise ValueError(f"{len(timed)} of {expected} rows have a time: {done.stderr or rows}")
    return timed


def lines(rows: list[dict[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Yield the lines of the CSV file."""
    for row in rows:
        usual, most = row["core_seconds"]
        yield {
            **{name: row[name] for name in ("task", "network", "agent", "seeds", "dmax")},
            "direct": row["reference_trials"],
            "trials": row["trials"][0],
            "core_hours": round(usual / 3600, 1),
            "most_core_hours": round(most / 3600, 1),
        }


def not_measured() -> str:
    """Return the table of what is missing and what it would cost, from the CSV file."""
    with SUITE.with_suffix(".csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    cells = [
        (
            row["task"].replace("_", "\\_"), f"`{row['network']}`", f"`{row['agent']}`",
            row["seeds"], as_text(int(row["dmax"])), row["trials"], _hours(row["core_hours"]),
            _hours(row["most_core_hours"]),
        )
        for row in rows
    ]  # fmt: skip
    head = ("task", "network", "agent", "seeds", "largest d", "trials", "core hours", "90 %")
    return table(head, cells)


def _hours(text: str) -> str:
    """Return a number of hours with at most two digits that count."""
    hours = float(text)
    return f"{hours:.1f}" if hours < 10 else as_text(float(f"{hours:.2g}"))


def main() -> None:
    """Write the file."""
    with SUITE.with_suffix(".csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(lines(costs()))


if __name__ == "__main__":
    main()
