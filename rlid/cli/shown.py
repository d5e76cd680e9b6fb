"""What `rlid show` prints: a table as wide as the terminal, and one measurement in detail."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from typing import Any

from rlid.cli import console
from rlid.cli.terminal import say, say_table
from rlid.dimension import bracket_in_words
from rlid.errors import InputError
from rlid.leaderboard import yardstick
from rlid.measurement import (
    Control,
    Summary,
    answer,
    count,
    details,
    duration,
    figure,
    is_bracket,
    reasons,
    span,
    steps_noun,
)
from rlid.task import resolve

WIDE = 200
"""Columns of what is not a terminal: its reader breaks long lines."""
NO_INTERVAL = "no interval"
"""Shown below five seeds."""
GAP = 2
"""Spaces between two columns."""
HEADINGS = (
    ("name", "left"),
    ("d_int90", "right"),
    ("95 %", "left"),
    ("differs by", "left"),
    ("trials", "right"),
    ("missing", "right"),
    ("/MNIST", "right"),
    ("linear", "left"),
    ("seeds", "right"),
    ("D", "right"),
    ("rule", "left"),
    ("threshold", "right"),
    ("crossing", "right"),
    ("steps", "right"),
)
"""By falling importance: what does not fit is left out from the end."""


def width() -> int:
    """Return how many columns the output has."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else WIDE


def names_of(summaries: Sequence[Summary]) -> list[str]:
    """Return the shortest name of each measurement that `compare`, `export` and `show` take.

    It is the start of "task/agent/network/projection/digest", from the agent on, that fits no
    other measurement of the list; or task/agent/digest, where nothing less tells them apart.
    """
    paths = [summary.path.split("/") for summary in summaries]
    names = []
    for path in paths:
        length = 2
        while length < len(path) and sum(path[:length] == each[:length] for each in paths) > 1:
            length += 1
        parts = path[:length] if length < len(path) else [*path[:2], path[-1]]
        names.append("/".join(parts))
    return names


def print_summaries(
    rows: Sequence[tuple[Summary, Control | None, yardstick.Ratio | None]], columns: int
) -> None:
    """Print measurements as a table of at most so many columns that breaks no word.

    Columns that do not fit are left out, and named below the table.
    """
    summaries = [summary for summary, _, _ in rows]
    names, differences = names_of(summaries), _differences(summaries)
    cells = [
        _cells(name, difference, *row)
        for name, difference, row in zip(names, differences, rows, strict=True)
    ]
    kept: list[int] = []
    left_out: list[str] = []
    used = 0
    for index, (heading, _) in enumerate(HEADINGS):
        column = [row[index] for row in cells]
        if not any(column):
            continue
        needed = max(len(text) for text in (heading, *column)) + GAP
        if used + needed - GAP <= columns or not kept:
            kept.append(index)
            used += needed
        else:
            left_out.append(heading)
    say_table([HEADINGS[i] for i in kept], [[row[i] for i in kept] for row in cells])
    if left_out:
        say(f"not shown at this width: {', '.join(left_out)}; `rlid show NAME` shows all of one")


def _cells(
    name: str,
    difference: str,
    summary: Summary,
    linear: Control | None,
    ratio: yardstick.Ratio | None,
) -> list[str]:
    """Return a measurement under HEADINGS; empty texts are what there is none of."""
    first, estimate = summary.records[0], summary.estimate
    if estimate.withheld:
        answer, interval = "none", ""
    elif is_bracket(estimate):
        answer, interval = bracket_in_words(*(estimate.bracket or (0, 0))), NO_INTERVAL
    else:
        answer, interval = figure(estimate), span(estimate) or NO_INTERVAL
    edition = console.FIRST_EDITION if summary.is_first_edition else ""
    return [
        name,
        answer,
        interval,
        difference,
        f"{len(summary.records)}",
        f"{summary.failed or ''}",
        f"{ratio or ''}",
        f"{linear or 'not measured'}",
        f"{estimate.seeds}",
        f"{first.D:,}",
        ", ".join(word for word in (first.rule, first.baseline, edition) if word),
        console.number(first.threshold),
        f"{estimate.first_crossing or 'none'}",
        console.steps_of(summary.records),
    ]


def _differences(summaries: Sequence[Summary]) -> list[str]:
    """Return what tells each measurement from others of its task, agent, network, projection."""
    texts = []
    for summary in summaries:
        alike = [other for other in summaries if other.title == summary.title]
        own = _marks(summary)
        others = [_marks(other) for other in alike]
        texts.append(
            ", ".join(
                text for name, text in own.items() if len({each.get(name) for each in others}) > 1
            )
        )
    return texts


def _marks(summary: Summary) -> dict[str, str]:
    """Return what two measurements of one title may differ in, in a few words each."""
    spec, first = summary.spec, summary.records[0]
    return {
        "budget": f"budget {spec.budget:,}",
        "rule": f"solved at {console.number(first.threshold)}",
        "edition": console.FIRST_EDITION if summary.is_first_edition else "this edition",
        "length": "full trials" if spec.stop_score is None else "early stop",
        **{f"set.{name}": f"{name} {setting}" for name, setting in spec.settings.items()},
        **{f"env.{name}": f"{name} {setting}" for name, setting in spec.protocol.items()},
    }


def print_remarks(summary: Summary) -> None:
    """Print what `show --details` says of one measurement."""
    say(f"{summary.title}: {answer(summary.estimate)}")
    for line in (*console.remarks(summary.estimate), *details(summary.estimate)):
        say(f"  {line}")
    if summary.reference is not None and summary.reference.is_given:
        say(f"  reference given, from this source: {summary.reference.source}")
    elif summary.reference is not None:
        scores = ", ".join(console.number(score) for score in summary.reference.scores)
        say(f"  reference by {summary.reference.agent}; its trials scored {scores or 'nothing'}")
    say(f"  name: {summary.path}")


def print_measurement_page(
    summary: Summary, linear: Control | None, ratio: yardstick.Ratio | None
) -> None:
    """Print one measurement in full: its answer, protocol, reference and every trial."""
    spec, first = summary.spec, summary.records[0]
    print_remarks(summary)
    protocol = ", ".join(f"{name} {setting}" for name, setting in spec.protocol.items())
    settings = ", ".join(f"{name} {setting}" for name, setting in spec.settings.items())
    noun = f"{steps_noun(_kind(spec.task))}s"
    judged_by = ", ".join(word for word in (first.rule, first.baseline) if word)
    say(f"  protocol (task version {spec.task_version}): {protocol}")
    say(f"  agent: {spec.agent} with {settings or 'no settings'}")
    say(f"  budget: {spec.budget:,} {noun} of search in a trial; simulator {spec.backend}")
    say(
        f"  solved at {console.number(first.threshold)} ({judged_by or 'normalised'}; random "
        f"{console.number(first.random)}, reference {console.number(first.reference)})"
    )
    say(f"  linear network: {linear or 'not measured'}; over MNIST: {ratio or 'not known'}")
    seconds = sum(record.seconds for record in summary.records)
    say(
        f"  {count(len(summary.records), 'trial')}, {console.steps_of(summary.records)} {noun}, "
        f"{duration(seconds)} in all"
    )
    columns = [
        ("d", "right"), ("seed", "right"), ("status", "left"), ("score", "right"),
        ("steps", "right"), ("time", "right"), ("reason", "left"),
    ]  # fmt: skip
    rows: list[list[Any]] = [
        [
            record.spec.d,
            record.spec.seed,
            record.status,
            console.number(record.score),
            f"{record.env_steps:,}",
            duration(record.seconds),
            (record.reason.splitlines() or [""])[0],
        ]
        for record in summary.records
    ]
    say_table(columns, rows)
    for line in reasons(summary.records):
        say(f"missing: {line}")


def _kind(task: str) -> str:
    """Return the kind of a task; "" where it is not registered here."""
    try:
        return resolve(task).kind
    except InputError:
        return ""
