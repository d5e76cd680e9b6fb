"""What the command line prints of measurements: tables, answers and comparisons."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rlid.cli.terminal import say, say_table
from rlid.dimension import Comparison, Estimate
from rlid.figures import families
from rlid.measurement import (
    MeasurementRun,
    Summary,
    answer,
    count,
    further,
    reasons,
    reliable,
    steps_noun,
)
from rlid.records import Record

FIRST_EDITION = "first edition"
"""Marks trials that one look could end: the stopping rule of the first edition."""


def print_measurement(measured: MeasurementRun) -> None:
    """Print the table of a measurement, why trials are missing, and the answer in one sentence."""
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
    say_table(columns, rows)
    judgement, reference = measured.judgement, measured.reference
    origin = reference.source if reference.is_given else f"by {reference.agent}"
    if judgement.baseline == "global":
        origin = "the task's own figure"
    say(
        f"solved: a score of at least {number(judgement.threshold)} "
        f"(random {number(judgement.random)}, reference {number(judgement.reference)} {origin}); "
        f"first crossing (the 2018 rule): {measured.estimate.first_crossing or 'none'}"
    )
    say(
        f"{count(len(measured.records), 'trial')}: {measured.trials_run} run now, "
        f"{len(measured.records) - measured.trials_run} from the store; "
        f"{steps_of(measured.records)} {steps_noun(measured.plan.task.kind)}s"
    )
    for line in reasons(measured.records):
        say(f"missing: {line}")
    for line in remarks(measured.estimate):
        say(line)
    say(measured.sentence)
    if measured.other is not None:
        say(measured.other.sentence)


def remarks(estimate: Estimate) -> list[str]:
    """Return what is said beside the answer: d_reliable, and what further trials would tell."""
    return [line for line in (reliable(estimate), further(estimate)) if line]


def print_missing(summary: Summary) -> None:
    """Say on standard error why trials of a measurement are missing."""
    for line in reasons(summary.records):
        say(f"{summary.title}: missing: {line}", error=True)


def warn_of_budget(summary: Summary) -> None:
    """Say on standard error when the answer may hang on the budget."""
    if summary.improving:
        say(
            f"{summary.title}: {count(len(summary.improving), 'unsolved trial')} next to the "
            f"threshold had not levelled off at the budget of {summary.spec.budget:,} steps: "
            "d_int90 may be smaller with a larger --budget",
            error=True,
        )


def print_gap(measured: Sequence[MeasurementRun]) -> None:
    """Print the smallest d_int90 over agents: an upper bound on what each task needs."""
    by_network: dict[str, list[MeasurementRun]] = {}
    for measurement in measured:
        by_network.setdefault(measurement.plan.network.architecture.name, []).append(measurement)
    for network, group in by_network.items():
        task = group[0].plan.task.name
        answered = [
            (measurement.estimate.figure, measurement.plan.agent_name)
            for measurement in group
            if measurement.estimate.figure is not None
        ]
        if answered:
            smallest, agent = min(answered, key=lambda pair: pair[0])
            say(
                f"{task} with {network}: at most {smallest}, the smallest d_int90 of "
                f"{len(group)} agents ({agent})"
            )
        else:
            say(f"{task} with {network}: no upper bound: none of {len(group)} agents has a d_int90")


def print_comparison(a: Summary, b: Summary, result: Comparison) -> None:
    """Print the verdict between two measurements."""
    for name, summary in (("A", a), ("B", b)):
        edition = f" ({FIRST_EDITION})" if summary.is_first_edition else ""
        say(f"{name}: {summary.title}: {answer(summary.estimate)}{edition}")
    if result.probability_a_harder is None:
        say("undecided: one of them has no answer")
        return
    ratio = "not known" if result.ratio is None else families.digits(result.ratio)
    low = "open" if result.ratio_low is None else families.digits(result.ratio_low)
    high = "open" if result.ratio_high is None else families.digits(result.ratio_high)
    has_interval = result.ratio_low is not None or result.ratio_high is not None
    interval = f"95 % interval {low} to {high}" if has_interval else "no interval"
    say(f"ratio A/B: {ratio} ({interval})")
    verdict = "undecided" if result.verdict == "undecided" else f"A is {result.verdict} than B"
    say(f"probability that A is harder: {result.probability_a_harder:.3f}; {verdict}")
    if result.detectable_ratio is not None:
        told_apart = families.digits(result.detectable_ratio)
        say(
            f"these trials could have told apart a ratio of {told_apart} or more (in four "
            "comparisons of five)"
        )
    elif has_interval:
        say("these trials bound the ratio on one side at most: no ratio could be told apart")


def number(value: float | None) -> str:
    """Return a score for a table."""
    return "" if value is None else f"{value:.4g}" if abs(value) < 1e4 else f"{value:.3e}"


def steps_of(records: Iterable[Record]) -> str:
    """Return the steps of records, summed, with thousands set apart."""
    return f"{sum(record.env_steps for record in records):,}"
