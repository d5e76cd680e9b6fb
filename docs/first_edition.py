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

PUBLISHED, DERIVED = "40c5cbf", "764d0bd"
"""The last commit of the first edition, and the last at which none of its rows was replaced but
CartPole's."""
KEY = ("task", "network", "agent", "projection", "rule", "budget")
COLUMNS = (*KEY, "settings", "seeds", "trials", "early_stops", "fell_short",
           "reference", "published", "derived", "name")  # fmt: skip


def shown(commit: str, path: str) -> Any:
    """Return the JSON of a file at a commit."""
    command = ["git", "show", f"{commit}:{path}"]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def said(content: Mapping[str, Any], row: Mapping[str, Any]) -> str:
    """Return the answer of a published file as a text has it; `row` is its leaderboard's row."""
    answer = content["answer"]
    low, high = answer.get("bracket") or (None, None)
    smallest = min(content["question"]["dims"] or [1])
    fields = {
        **row, **answer, "bracket_low": low, "bracket_high": high,
        "is_least": 1 < smallest == answer["d_int90"],
    }  # fmt: skip
    return PublishedRow("", fields, {}).text


def main() -> None:
    """Write the file."""
    with (ROOT / "results" / "first-edition.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for row in shown(PUBLISHED, "results/leaderboard.json"):
            if not row["page"]:
                continue
            name = row["page"].removesuffix(".html")
            first, again = (shown(c, f"results/{name}.json") for c in (PUBLISHED, DERIVED))
            row["budget"] = first["common"]["budget"]
            answers = [said(content, row) for content in (first, again)]
            # Fixed validation and test data have nothing fresh to fall short of.
            early = [t for t in first["rows"] if t["stopped_early"] and first["kind"] == "rl"]
            short = [trial for trial in early if trial["score"] < first["threshold"]]
            writer.writerow([
                *(row[key] for key in KEY), " ".join(first["question"]["settings"]),
                row["seeds"], row["trials"], len(early), len(short), row["reference"],
                *answers, name,
            ])  # fmt: skip


if __name__ == "__main__":
    main()
