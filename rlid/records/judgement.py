"""The rule of success: which score counts as solved, and what a trial says by it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from rlid.errors import InputError
from rlid.records.measurement_spec import MeasurementSpec
from rlid.records.record import Record

Rule = Literal["normalised", "raw", "paper"]
Baseline = Literal["own", "global", "given"]


@dataclass(frozen=True)
class Judgement:
    """What a trial is judged by. It is recorded with the trial, but is no part of its spec.

    Attributes:
        threshold: the score from which on a trial is solved; None where nothing is judged.
        random: the mean score of random actions.
        reference: the score that the rule takes for full performance, whichever baseline it is.
        dmin: the smallest d that was open to the measurement.
        dmax: the largest d that was open to it.
        rule: how the threshold follows from `random` and `reference`, see `threshold_of`.
        baseline: where `reference` comes from: "own" is direct training of the same network,
            "global" the task's own figure, "given" the user's.
    """

    threshold: float | None = None
    random: float | None = None
    reference: float | None = None
    dmin: int = 1
    dmax: int = 1
    rule: Rule | None = None
    baseline: Baseline | None = None

    @classmethod
    def of(
        cls, question: MeasurementSpec, *, random: float, full: float, dmin: int = 1, dmax: int = 1
    ) -> Judgement:
        """Return how the trials of a measurement are judged.

        Args:
            question: gives the rule, the fraction and the baseline.
            random: the mean score of random actions.
            full: the score that counts as full performance, by the question's baseline.
            dmin: the smallest d that is open to the search.
            dmax: the largest.

        Raises:
            InputError: the rule takes a share of a `full` that is not positive.
        """
        return cls(
            threshold_of(question.rule, question.fraction, random, full),
            random,
            full,
            dmin,
            dmax,
            question.rule,
            question.baseline if question.reference is None else "given",
        )

    @classmethod
    def of_record(cls, record: Record) -> Judgement:
        """Return the judgement that a record carries."""
        return cls(
            record.threshold,
            record.random,
            record.reference,
            record.dmin,
            record.dmax,
            record.rule,
            record.baseline,
        )

    def at(self, full: float) -> Judgement:
        """Return the same rule with another score for full performance.

        A judgement without a threshold, a rule or a reference comes back as it is.
        """
        if self.threshold is None or self.random is None or self.reference is None:
            return self
        zero = self.random if self.rule == "normalised" else 0.0
        if self.rule is None or self.reference == zero:
            return self
        fraction = (self.threshold - zero) / (self.reference - zero)
        return replace(self, threshold=zero + fraction * (full - zero), reference=full)

    def is_success(self, score: float | None, reason: str = "") -> bool:
        """Whether a final score counts as solved; a trial that ended for a `reason` never does."""
        if self.threshold is None or score is None or reason:
            return False
        return score >= self.threshold

    def outcome(self, record: Record) -> bool | None:
        """Return whether a trial succeeds by this judgement; None where that is not known.

        Its own threshold gives what its status says. By a lower one a solved trial stays solved,
        and by a higher one an unsolved trial stays unsolved. Otherwise the score that decided
        is held against the threshold. What a trial that stopped early might have reached beyond
        that score is not known.
        """
        if record.is_missing or self.threshold is None:
            return None
        is_solved = record.status == "solved"
        if record.threshold is not None:
            rise = self.threshold - record.threshold
            may_differ = rise > 0.0 if is_solved else rise < 0.0
            if not may_differ:
                return is_solved
        if self.is_success(record.judged_score, record.reason):
            return True
        return None if is_solved and record.stopped_early else False


def threshold_of(rule: str, fraction: float, random: float, full: float) -> float:
    """Return the score that counts as solved.

    "normalised" takes the fraction of the way from `random` to `full`; "raw" and "paper" take the
    fraction of `full` (Li et al. 2018).

    Raises:
        InputError: a share of a `full` that is not positive was asked for.
    """
    if rule == "normalised":
        return random + fraction * (full - random)
    if full <= 0:
        raise InputError(
            f"--rule {rule}: {fraction:g} times a reference of {full:g} means nothing; "
            "use --rule normalised"
        )
    return fraction * full


def judged(record: Record, by: Judgement) -> Record:
    """Return a record as judged by another judgement than that of its run.

    A trial that might have stopped early was run for its own threshold, and stays as it is.
    """
    if record.spec.stop_score is not None or by.threshold is None:
        return record
    status = record.status
    if not record.is_missing:
        status = "solved" if by.is_success(record.judged_score, record.reason) else "unsolved"
    names = ("threshold", "random", "reference", "rule", "baseline")
    return record.model_copy(
        update={"status": status, **{name: getattr(by, name) for name in names}}
    )
