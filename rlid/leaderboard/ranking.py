"""The leaderboard: every published measurement, RL and supervised, ranked on one scale."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlid.leaderboard import paper, yardstick
from rlid.leaderboard import publish as publisher
from rlid.leaderboard.assessment import Assessment, assess
from rlid.leaderboard.published import Published
from rlid.leaderboard.row import LeaderboardRow
from rlid.leaderboard.yardstick import Ratio
from rlid.records import canonical

SECONDS_PER_HOUR = 3600.0


@dataclass(frozen=True)
class Board:
    """What is shown of a folder of published measurements, derived once.

    Attributes:
        assessments: every measurement with what follows from it.
        chosen: one measurement of each thing measured, in the order of the table.
        rows: the table: the chosen measurements, then what only the paper has.
        by_page: the row of every measurement, by the path of its page.
    """

    assessments: tuple[Assessment, ...]
    chosen: tuple[Assessment, ...]
    rows: tuple[LeaderboardRow, ...]
    by_page: dict[str, LeaderboardRow]


def board(published: Iterable[Published]) -> Board:
    """Return the leaderboard of published measurements; each posterior is fitted once.

    Raises:
        DamagedRecord: a row fits no spec.
        ValueError: no answer follows from the rows of a measurement.
    """
    assessments = tuple(assess(measurement) for measurement in published)
    best = tuple(chosen(assessments))
    of_mnist = [
        assessment.summary
        for assessment in best
        if assessment.published.question.task == yardstick.TASK
    ]
    by_page = {
        page_of(assessment): row_of(assessment, yardstick.ratio(assessment.summary, of_mnist))
        for assessment in assessments
    }
    rows = [by_page[page_of(assessment)] for assessment in best]
    return Board(assessments, best, (*rows, *_only_published_elsewhere(rows)), by_page)


def chosen(assessments: Iterable[Assessment]) -> list[Assessment]:
    """Return one measurement of each thing measured: that with the most seeds, then trials.

    Measurements of one thing differ only in how trials were searched for, and in whether solved
    trials ran on; another first seed, or another threshold, makes another thing. One of the first
    edition gives way to a later measurement of the same question, whatever its threshold.
    """
    listed = list(assessments)
    measured_again = {
        _subject(assessment) for assessment in listed if not assessment.published.is_first_edition
    }
    best: dict[tuple[str, float], Assessment] = {}
    for assessment in listed:
        published = assessment.published
        if published.is_first_edition and _subject(assessment) in measured_again:
            continue
        key = (_subject(assessment), published.threshold)
        if key not in best or _weight(assessment) > _weight(best[key]):
            best[key] = assessment
    return sorted(best.values(), key=rank)


def _subject(assessment: Assessment) -> str:
    """Return what is measured, as canonical JSON, whatever rule of stopping its trials follow.

    Fields that an older file lacks have their defaults.
    """
    published = assessment.published
    rule = {"d", "seed", "stopping", "stop_score", "agent_version"}
    common = published.spec(1, 0).model_dump(mode="json", exclude=rule)
    question = published.question
    return canonical({**common, "judged_by": question.judged_by, "first_seed": question.seed})


def _weight(assessment: Assessment) -> tuple[int, int, str]:
    return assessment.seeds, len(assessment.published.rows), assessment.published.name


def rank(assessment: Assessment) -> tuple[Any, ...]:
    """Return the sort key: by d_int90, then those above their dmax, then those without an answer.

    A bracket stands at its geometric mean.
    """
    published, middle = assessment.published, assessment.middle
    group = 0 if middle is not None else 1 if assessment.estimate.is_above else 2
    return group, middle or published.dmax, published.question.task, published.name


def page_of(assessment: Assessment) -> str:
    """Return the path of a measurement's page below the folder of results."""
    return publisher.path(assessment.published, Path()).with_suffix(".html").as_posix()


def row_of(assessment: Assessment, ratio: Ratio | None) -> LeaderboardRow:
    """Return the row of a measurement.

    Args:
        assessment: the measurement and what follows from it.
        ratio: how it compares with MNIST; None where that is not known.
    """
    published, estimate = assessment.published, assessment.estimate
    question, d = published.question, assessment.d
    elsewhere = paper.published_figure(question.task, question.network)
    shortcomings = assessment.shortcomings
    low, high = estimate.bracket or (None, None)
    return LeaderboardRow(
        task=question.task,
        kind=published.kind,
        network=question.network,
        D=published.D,
        agent=question.agent,
        projection=question.projection,
        rule=question.judged_by,
        d_int90=d,
        ci_low=estimate.ci_low,
        ci_high=estimate.ci_high,
        bracket_low=low,
        bracket_high=high,
        d_reliable=estimate.d_reliable,
        reliable_low=estimate.reliable_low,
        reliable_high=estimate.reliable_high,
        dmax=published.dmax,
        censored=estimate.censored,
        is_least=estimate.is_least,
        is_beyond=estimate.is_beyond,
        is_open_below=estimate.is_open_below,
        withheld=estimate.withheld,
        ratio=None if ratio is None else round(ratio.value, 6),
        ratio_rule="" if ratio is None else ratio.other_rule,
        compression=None if d is None else round(published.D / d, 2),
        manifold=None if d is None else published.D - d,
        policy_bytes=(
            None if published.solved_policy is None else published.solved_policy.file_bytes
        ),
        seeds=assessment.seeds,
        trials=len(published.rows),
        reference=published.reference,
        reference_seeds=assessment.reference_seeds,
        reference_source=published.reference_record.source,
        random=published.random,
        hidden_state=sum(published.hidden_state.values()),
        env_steps=published.env_steps,
        status="provisional" if shortcomings else "full",
        provisional_because="; ".join(shortcomings),
        edition="first edition" if published.is_first_edition else "",
        budget=published.common.get("budget"),
        is_own_budget=question.budget is None,
        improving=assessment.improving,
        paper="" if elsewhere is None else elsewhere.figure,
        paper_note="" if elsewhere is None else elsewhere.note,
        command=published.command,
        page=page_of(assessment),
        published_by=published.origin.by if published.origin else "",
        published_when=published.origin.when if published.origin else "",
        version=_version(published),
        is_own_problem=assessment.is_own_problem,
        settings=" ".join(question.settings),
        hours=round(sum(row.seconds for row in published.rows) / SECONDS_PER_HOUR, 3),
    )


def _version(published: Published) -> str:
    """Return the versions of rlid that ran the trials, as they stand in the file."""
    versions = {listed["rlid"] for listed in published.versions if "rlid" in listed}
    return ", ".join(sorted(versions))


def _only_published_elsewhere(rows: Sequence[LeaderboardRow]) -> list[LeaderboardRow]:
    """Return a row for each figure of the paper that has no measurement here."""
    measured = {(row.task, row.network.partition("+")[0]) for row in rows}
    return [
        LeaderboardRow(
            figure.task,
            figure.kind,
            figure.network,
            status=figure.missing,
            paper=figure.figure,
            paper_note=figure.note,
        )
        for figure in paper.PAPER
        if (figure.task, figure.network) not in measured
    ]
