"""What the command line shows: progress, tables and the answer."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from rlid.dimension import Comparison, Estimate
from rlid.leaderboard import yardstick
from rlid.measurement import Control, Measurement, Summary, Watcher, answer, count
from rlid.records import Record

LINE_INTERVAL = 5.0
"""Seconds between two plain lines of progress, where there is no terminal to draw a bar on."""
ESTIMATE_INTERVAL = 1.0
"""The same between two estimates beside the bar, each of which takes a moment."""


def is_plain() -> bool:
    """Whether progress is to be shown as lines: no terminal, or a CI system."""
    return not sys.stderr.isatty() or bool(os.environ.get("CI"))


def watcher(*, quiet: bool) -> Watcher:
    """Return what shows the progress on standard error."""
    if quiet:
        return Watcher()
    return PlainWatcher() if is_plain() else BarWatcher()


class PlainWatcher(Watcher):
    """Shows progress as lines."""

    def __init__(self) -> None:
        """Start the clock."""
        self._started = self._last = time.monotonic()
        self._asked = self._done = 0

    def note(self, text: str) -> None:
        """Print the news."""
        print(text, file=sys.stderr, flush=True)

    def round(self, asked: int, new: int) -> None:
        """Take notice of a new round."""
        self._asked, self._done = asked, asked - new

    def trial(self, record: Record, estimate: Callable[[], Estimate] | None) -> None:
        """Print a line, unless the last one is very recent and more are to come."""
        self._done += 1
        if record.is_missing:
            self.note(f"{name_of(record)} failed: {record.status}: {record.reason.splitlines()[0]}")
        now = time.monotonic()
        if self._done < self._asked and now - self._last < LINE_INTERVAL:
            return
        self._last = now
        standing = "" if estimate is None else f" · {answer(estimate())}"
        self.note(f"{now - self._started:6.0f} s · {self._done}/{self._asked} trials{standing}")


class BarWatcher(Watcher):
    """Shows progress as a bar that is redrawn in place."""

    def __init__(self) -> None:
        """Draw the bar."""
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
        from rich.progress import TimeElapsedColumn as Elapsed

        self._progress = Progress(
            Elapsed(),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TextColumn("trials · {task.description}"),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = self._progress.add_task("starting", total=None)
        self._last = -ESTIMATE_INTERVAL
        self._progress.start()

    def note(self, text: str) -> None:
        """Print the news above the bar."""
        self._progress.console.print(text, highlight=False, markup=False, soft_wrap=True)

    def round(self, asked: int, new: int) -> None:
        """Lengthen the bar."""
        self._progress.update(self._task, total=asked, completed=asked - new)

    def trial(self, record: Record, estimate: Callable[[], Estimate] | None) -> None:
        """Advance the bar."""
        if record.is_missing:
            self.note(f"{name_of(record)} failed: {record.status}: {record.reason.splitlines()[0]}")
        self._progress.update(self._task, advance=1)
        if time.monotonic() - self._last >= ESTIMATE_INTERVAL:
            standing = "" if estimate is None else answer(estimate())
            self._progress.update(self._task, description=standing)
            self._last = time.monotonic()

    def close(self) -> None:
        """Take the bar down."""
        self._progress.stop()


def name_of(record: Record) -> str:
    """Return which trial a record is of, in words."""
    return (
        f"{record.spec.task} · {record.spec.agent} · d = {record.spec.d}, seed {record.spec.seed}"
    )


def print_table(
    columns: Sequence[tuple[str, str]], rows: Iterable[Sequence[object]], title: str = ""
) -> None:
    """Print a table to standard output; columns are (heading, "left" or "right")."""
    table = Table(title=title or None, title_justify="left", box=None, pad_edge=False)
    for heading, justify in columns:
        table.add_column(heading, justify=justify, overflow="fold")  # type: ignore[arg-type]
    for row in rows:
        table.add_row(*["" if cell is None else str(cell) for cell in row])
    # A pipe has no width: long lines are the reader's to cut.
    console = Console(width=None if sys.stdout.isatty() else 200, highlight=False, markup=False)
    console.print(table)


def print_measurement(measured: Measurement) -> None:
    """Print the table of a measurement and the answer in one sentence."""
    columns = [
        (name, "right") for name in ("d", "trials", "solved", "missing", "score", "25 %", "75 %")
    ]
    rows = [
        (
            point.d,
            point.n,
            point.successes,
            point.missing or "",
            number(point.median),
            number(point.q25),
            number(point.q75),
        )
        for point in measured.estimate.curve
    ]
    print_table(columns, rows)
    judged = measured.judgement
    print(
        f"solved: a score of at least {number(judged.threshold)} "
        f"(random {number(judged.random)}, reference {number(judged.reference)}); "
        f"first crossing (the 2018 rule): {measured.estimate.first_crossing or 'none'}"
    )
    print(
        f"{len(measured.records)} trials, {measured.trials_run} of them run now, the others "
        f"re-used from the store; {steps_of(measured.records)} environment steps"
    )
    print(measured.sentence)
    if measured.other is not None:
        print(measured.other.sentence)


def summary_row(
    summary: Summary, linear: Control | None, ratio: yardstick.Ratio | None
) -> list[Any]:
    """Return a measurement, the linear control of its task and its ratio to MNIST, as a row."""
    first = summary.records[0]
    spec, found = summary.spec, summary.estimate
    return [
        spec.task,
        spec.agent,
        spec.network,
        summary.records[0].D,
        spec.projection,
        answer(found).removeprefix("d_int90 ").removeprefix("= "),
        ratio or "",
        linear or "not measured",
        found.first_crossing or "none",
        found.seeds,
        len(summary.records),
        summary.failed or "",
        ", ".join(word for word in (first.rule, first.baseline) if word),
        number(summary.records[0].threshold),
        steps_of(summary.records),
    ]


def warn_of_budget(summary: Summary) -> None:
    """Say on standard error when the answer may hang on the budget."""
    if summary.improving:
        print(
            f"{summary.title}: {count(len(summary.improving), 'unsolved trial')} next to the "
            f"threshold had not levelled off at the budget of {summary.spec.budget:,} steps: "
            "d_int90 may be smaller with a larger --budget",
            file=sys.stderr,
        )


def print_gap(measured: Sequence[Measurement]) -> None:
    """Print the smallest d_int90 over agents: an upper bound on what each task needs."""
    by_network: dict[str, list[Measurement]] = {}
    for one in measured:
        by_network.setdefault(one.plan.network.architecture.name, []).append(one)
    for network, found in by_network.items():
        answered = [one for one in found if one.estimate.d_int90 is not None]
        if answered:
            best = min(answered, key=lambda one: one.estimate.d_int90 or 0)
            print(
                f"{best.plan.task.name} with {network}: at most {best.estimate.d_int90}, the "
                f"smallest d_int90 of {len(found)} agents ({best.plan.agent_name})"
            )
        else:
            print(
                f"{found[0].plan.task.name} with {network}: no upper bound: none of "
                f"{len(found)} agents has a d_int90"
            )


def print_comparison(a: Summary, b: Summary, result: Comparison) -> None:
    """Print the verdict between two measurements."""
    for name, item in (("A", a), ("B", b)):
        print(f"{name}: {item.title}: {answer(item.estimate)}")
    if result.probability_a_harder is None:
        print("undecided: one of them has no answer")
        return
    ratio = "not known" if result.ratio is None else f"{result.ratio:.3g}"
    low = "open" if result.ratio_low is None else f"{result.ratio_low:.3g}"
    high = "open" if result.ratio_high is None else f"{result.ratio_high:.3g}"
    has_interval = result.ratio_low is not None or result.ratio_high is not None
    interval = f"95 % interval {low} to {high}" if has_interval else "no interval"
    print(f"ratio A/B: {ratio} ({interval})")
    verdict = "undecided" if result.verdict == "undecided" else f"A is {result.verdict} than B"
    print(f"probability that A is harder: {result.probability_a_harder:.3f}; {verdict}")


def number(value: float | None) -> str:
    """Return a score for a table."""
    return "" if value is None else f"{value:.4g}" if abs(value) < 1e4 else f"{value:.3e}"


def steps_of(records: Iterable[Record]) -> str:
    """Return the environment steps of records with thousands set apart."""
    return f"{sum(record.env_steps for record in records):,}"
