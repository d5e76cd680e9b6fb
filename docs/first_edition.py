"""Writes results/first-edition.csv from the history: what the first edition published.

    python docs/first_edition.py

Each measurement has its answer twice: as it was published (rlid 0.1.0), and as the present
estimator derives it from the same trials. `docs/edition_table.py` sets what was measured again
beside both.
"""

from __future__ import annotations

import csv
import json
import subprocess
from collections.abc import Mapping
from typing import Any

from published_answers import ROOT, PublishedRow

from rlid.leaderboard.assessment import assess
from rlid.leaderboard.published import parse
from rlid.leaderboard.ranking import row_of

PUBLISHED = "40c5cbf"
"""The last commit of the first edition."""
KEY = ("task", "network", "agent", "projection", "rule", "budget")
COLUMNS = (*KEY, "settings", "seeds", "trials", "early_stops", "fell_short",
           "reference", "published", "derived", "name")  # fmt: skip


def shown(path: str) -> str:
    """Return the text of a file at the last commit of the first edition."""
    command = ["git", "show", f"{PUBLISHED}:{path}"]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout


def said(content: Mapping[str, Any], row: Mapping[str, Any]) -> str:
    """Return the answer of a published file as a text has it; `row` is its leaderboard's row."""
    return PublishedRow("", {"bracket_high": None, **row, **content["answer"]}, {}).text


def derived(text: str) -> str:
    """Return the answer that the present estimator derives from the trials of a file."""
    assessment = assess(parse(text))
    return PublishedRow("", row_of(assessment, None).to_json(), {}).text


def main() -> None:
    """Write the file."""
    with (ROOT / "results" / "first-edition.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for row in json.loads(shown("results/leaderboard.json")):
            if not row["page"]:
                continue
            name = row["page"].removesuffix(".html")
            text = shown(f"results/{name}.json")
            first = json.loads(text)
            row["budget"] = first["common"]["budget"]
            # Fixed validation and test data have nothing fresh to fall short of.
            early = [t for t in first["rows"] if t["stopped_early"] and first["kind"] == "rl"]
            short = [trial for trial in early if trial["score"] < first["threshold"]]
            writer.writerow([
                *(row[key] for key in KEY), " ".join(first["question"]["settings"]),
                row["seeds"], row["trials"], len(early), len(short), row["reference"],
                said(first, row), derived(text), name,
            ])  # fmt: skip


if __name__ == "__main__":
    main()
