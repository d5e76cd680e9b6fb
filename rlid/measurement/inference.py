"""From the records of a measurement to its answer, the error of its reference included."""

from __future__ import annotations

from collections.abc import Sequence

from rlid.dimension import Estimate, TrialOutcome, estimate, reference_posterior
from rlid.records import Judgement, Record
from rlid.store import Reference

Alternatives = list[tuple[float, list[TrialOutcome]]]
FEWEST_SCORES = 3
"""Trials of direct training below which their spread, and so the reference's error, is unknown."""
MOSTLY = 0.5
"""The share of missing trials from which on a measurement is not published."""


def as_trial(record: Record) -> TrialOutcome:
    """Return a record as a row of the estimator."""
    return TrialOutcome(
        d=record.spec.d,
        seed=record.spec.seed,
        success=None if record.is_missing else record.status == "solved",
        score=record.score,
        is_full=not record.stopped_early,
        cost=record.env_steps,
    )


def infer(
    records: Sequence[Record], reference: Reference | None, *, dmin: int, dmax: int
) -> Estimate:
    """Return d_int90 and its interval from the records of one measurement, in any order.

    Args:
        records: trials that share their judgement.
        reference: what their judgement rests on; None leaves its error out of the interval.
        dmin: the smallest d that was open to the search.
        dmax: the largest.
    """
    trials = [as_trial(record) for record in records]
    return estimate(
        trials, dmin=dmin, dmax=dmax, alternatives=under_other_references(records, reference)
    )


def under_other_references(records: Sequence[Record], reference: Reference | None) -> Alternatives:
    """Return the trials as each draw from the posterior of the reference judges them.

    A trial that stopped early stays solved as far as its score reaches; what it might have
    reached beyond that is not known, and the trial counts as missing in that draw.

    Returns:
        (weight, trials) of each draw. Nothing where the reference has no known error: it is the
        task's own figure or the user's, it rests on fewer than FEWEST_SCORES trials, or it is not
        the one that these records were judged by. Trials that an earlier run judged by a figure of
        the user's, which was equal, count for the measured one like any others.
    """
    if reference is None or not records or records[0].baseline == "global":
        return []
    judgement = Judgement.of_record(records[0])
    scores = reference.scores
    if judgement.reference != reference.reference or len(scores) < FEWEST_SCORES:
        return []
    draws, weights = reference_posterior(scores)
    by_outcomes: dict[tuple[bool | None, ...], float] = {}
    for draw, weight in zip(draws, weights, strict=True):
        other = judgement.at(float(draw))
        outcomes = tuple(other.outcome(record) for record in records)
        by_outcomes[outcomes] = by_outcomes.get(outcomes, 0.0) + float(weight)
    return [
        (weight, [_with(record, success) for record, success in zip(records, row, strict=True)])
        for row, weight in by_outcomes.items()
    ]


def why_not_published(records: Sequence[Record]) -> str:
    """Return why a measurement is not fit to be published; "" where it is.

    It is not where half or more of its trials are missing.
    """
    missing = sum(record.is_missing for record in records)
    if not records or missing < MOSTLY * len(records):
        return ""
    return f"{missing} of {len(records)} trials are missing: {reasons(records)[0]}"


def reasons(records: Sequence[Record]) -> list[str]:
    """Return why trials are missing: one line for each reason, with the trials it holds for."""
    by_reason: dict[str, list[Record]] = {}
    for record in records:
        if record.is_missing:
            line = (record.reason.splitlines() or ["no reason was recorded"])[0]
            by_reason.setdefault(f"{record.status}: {line}", []).append(record)
    return [f"{_named(group)}: {reason}" for reason, group in by_reason.items()]


def _named(records: Sequence[Record]) -> str:
    """Return which trials these are: "d = 4, seed 2", and how many more there are."""
    first = min(records, key=lambda record: (record.spec.d, record.spec.seed))
    more = f" and {len(records) - 1} more" if len(records) > 1 else ""
    return f"d = {first.spec.d}, seed {first.spec.seed}{more}"


def _with(record: Record, success: bool | None) -> TrialOutcome:
    trial = as_trial(record)
    return TrialOutcome(trial.d, trial.seed, success, trial.score, trial.is_full, trial.cost)
