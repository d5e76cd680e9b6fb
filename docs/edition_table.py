"""The table of what changed from the first edition to this one, and why."""

from __future__ import annotations

import csv
from collections.abc import Mapping

from file_tables import table
from published_answers import ROOT, PublishedRow, as_text

HEAD = ("task", "network", "agent", "first edition, as published", "its trials, present estimator",
        "measured again", "what differs in the new trials")  # fmt: skip
SUCCESSORS = {"ppo": "batched_ppo"}
"""Agents that took the place of others."""
SAME = 0.001
"""Relative difference up to which two references are one."""


def editions(published: Mapping[str, PublishedRow]) -> str:
    """Return every measurement of the first edition beside what was measured again since.

    The middle column holds the trials and changes the estimator, so that the rest of a difference
    comes from the trials: their stopping rule, reference, budget, agent or number.
    """
    with (ROOT / "results" / "first-edition.csv").open(newline="") as file:
        first = list(csv.DictReader(file))
    lines = []
    for old in first:
        new = _successor(old, published)
        head = (old["task"].replace("_", "\\_"), f"`{old['network']}`", f"`{old['agent']}`",
                old["published"], old["derived"])  # fmt: skip
        if new is None:
            is_kept = f"results/{old['name']}.json" in published
            still = "-" if is_kept and old["task"] in _fixed(published) else "not yet"
            lines.append((*head, still, "the rule did not change" if still == "-" else ""))
        else:
            link = f"[{new.text}](../{new.path})"
            lines.append((*head, link, ", ".join(_differences(old, new))))
    return table(HEAD, lines)


def _successor(
    old: Mapping[str, str], published: Mapping[str, PublishedRow]
) -> PublishedRow | None:
    """Return the later measurement of the same thing, by the same agent rather than another."""
    for agent in (old["agent"], SUCCESSORS.get(old["agent"])):
        alike = [
            entry
            for entry in published.values()
            if not entry.row["edition"]
            # The same question has the same file name; supervised rows were never asked again, and
            # with other settings they answer another question.
            and (
                entry.row["kind"] == "rl"
                or entry.path != f"results/{old['name']}.json"
                and entry.row["settings"] == old["settings"]
            )
            and entry.row["agent"] == agent
            and all(entry.row[key] == old[key] for key in ("task", "network", "projection", "rule"))
        ]
        # The settings of old come first, then its budget, then the widest search.
        alike.sort(key=lambda entry: (entry.row["settings"] != old["settings"],
                                      str(entry.row["budget"]) != old["budget"],
                                      -entry.row["trials"]))  # fmt: skip
        if alike:
            return alike[0]
    return None


def _fixed(published: Mapping[str, PublishedRow]) -> set[str]:
    """Return the tasks whose validation and test data are fixed: their stopping rule is as ever."""
    return {entry.row["task"] for entry in published.values() if entry.row["kind"] != "rl"}


def _differences(old: Mapping[str, str], new: PublishedRow) -> list[str]:
    row = new.row
    differences = [] if row["kind"] != "rl" else ["stopping rule"]
    if row["agent"] != old["agent"]:
        differences.append(f"agent `{row['agent']}`")
    if row["settings"] != old["settings"]:
        said, was = (text or "the task's own" for text in (row["settings"], old["settings"]))
        differences.append(f"settings {said}, were {was}")
    if str(row["budget"]) != old["budget"]:
        differences.append(f"budget {as_text(row['budget'])}, was {int(old['budget']):,}")
    reference = float(old["reference"])
    if abs(row["reference"] - reference) > SAME * abs(reference):
        differences.append(f"reference {as_text(row['reference'])}, was {as_text(reference)}")
    if str(row["seeds"]) != old["seeds"]:
        differences.append(f"{row['seeds']} seeds, were {old['seeds']}")
    if str(row["trials"]) != old["trials"]:
        differences.append(f"{row['trials']} trials, were {old['trials']}")
    return differences
