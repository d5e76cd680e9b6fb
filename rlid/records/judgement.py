"""The rule of success: what a trial is judged by, and what it comes to by another judgement."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rlid.records.record import Record


@dataclass(frozen=True)
class Judgement:
    """What a trial is judged by; it is recorded, and no part of its spec.

    dmin and dmax are the ends of the range in which its measurement looks for the threshold;
    `reference` is what the rule takes for full performance, whichever baseline it is.
    """

    threshold: float | None = None
    random: float | None = None
    reference: float | None = None
    dmin: int = 1
    dmax: int = 1
    rule: Literal["normalised", "raw", "paper"] | None = None
    baseline: Literal["own", "global"] | None = None


def judged(record: Record, by: Judgement | Record) -> Record:
    """Return the record as judged by something else than at the time.

    A trial that might have stopped early was run for its threshold, and stays as it is.
    """
    if record.spec.stop_score is not None or by.threshold is None:
        return record
    status = record.status
    if not record.is_missing:
        score = record.judged_score
        has_passed = score is not None and score >= by.threshold
        status = "solved" if has_passed and not record.reason else "unsolved"
    names = ("threshold", "random", "reference", "rule", "baseline")
    return record.model_copy(
        update={"status": status, **{name: getattr(by, name) for name in names}}
    )
