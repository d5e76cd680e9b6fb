"""What follows from a published measurement: derived from its rows once, then passed on.

Every table, page and claim reads an `Assessment`, so that each posterior is fitted once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from rlid.dimension import Estimate, estimate
from rlid.leaderboard.published import Published, bounds
from rlid.measurement import Summary, as_trial
from rlid.records import MISSING, MeasurementSpec, Record
from rlid.task import Task, resolve

FULL_SEEDS = {"rl": 10, "supervised": 5, "synthetic": 5}
"""Seeds from which on a measurement may be full, by the kind of its task."""
FULL_REFERENCE_SEEDS = 5
"""Seeds of direct training from which on a measurement may be full."""


@dataclass(frozen=True)
class Assessment:
    """A published measurement and what follows from its rows.

    Attributes:
        published: the file.
        summary: the rows as records (without learning curves) and their estimate.
    """

    published: Published
    summary: Summary

    @property
    def estimate(self) -> Estimate:
        """d_int90, its interval, and what they rest on."""
        return self.summary.estimate

    @property
    def d(self) -> int | None:
        """d_int90 where it is a figure; None where it is a bracket, above dmax or withheld."""
        return None if self.estimate.bracket else self.estimate.d_int90

    @property
    def middle(self) -> float | None:
        """What it is ordered by: d_int90, the middle of its bracket, or None without either."""
        bracket = self.estimate.bracket
        return math.sqrt(bracket[0] * bracket[1]) if bracket else self.estimate.d_int90

    @property
    def seeds(self) -> int:
        """How many seeds have a trial that is not missing."""
        return len({row.seed for row in self.published.rows if row.status not in MISSING})

    @property
    def reference_seeds(self) -> int | None:
        """Seeds of the direct training that sets the reference; None where the task sets it."""
        record = self.published.reference_record
        if self.published.question.baseline == "global":
            return None
        counts = [
            sum(trial.score is not None for trial in direct.trials)
            for direct in record.direct
            if direct.agent == record.agent
        ]
        return max(counts, default=0)

    @property
    def improving(self) -> int | None:
        """How many unsolved trials at d_int90 or below, in its interval, were still improving.

        None where the file does not say: files of the first edition do not.
        """
        estimate = self.estimate
        unsolved = [row for row in self.published.rows if row.status == "unsolved"]
        if any(row.is_improving is None for row in unsolved):
            return None
        low, high = estimate.ci_low or estimate.d_int90 or 1, estimate.d_int90 or 0
        return sum(bool(row.is_improving) and low <= row.d <= high for row in unsolved)

    @property
    def shortcomings(self) -> tuple[str, ...]:
        """Why the measurement is provisional; empty where it is full."""
        estimate, kind = self.estimate, self.published.kind
        reference_seeds, reasons = self.reference_seeds, []
        if self.seeds < FULL_SEEDS[kind]:
            reasons.append(f"{_seeds(self.seeds)}, not {FULL_SEEDS[kind]}")
        if reference_seeds is not None and reference_seeds < FULL_REFERENCE_SEEDS:
            reasons.append(f"reference from {_seeds(reference_seeds)}, not {FULL_REFERENCE_SEEDS}")
        if estimate.withheld:
            reasons.append("no answer")
        elif estimate.bracket:
            reasons.append("a bracket, no figure")
        elif estimate.ci_low is None or estimate.ci_high is None:
            reasons.append("no closed interval")
        elif estimate.relative_width > 1.0:
            reasons.append("interval wider than d_int90")
        return tuple(reasons)

    @property
    def is_default(self) -> bool:
        """Whether it keeps the task's own agent, network, budget and protocol."""
        question = self.published.question
        task = _task(question.task)
        return (
            task is not None
            and (question.agent, question.network) == (task.agent, task.network)
            and task.version == self.published.common.get("task_version")
            and question.projection == "onehot"
            and (question.budget, question.observation, question.backend) == (None, None, None)
            and not question.settings
        )


def assess(published: Published) -> Assessment:
    """Return a published measurement with what follows from its rows.

    Raises:
        DamagedRecord: a row fits no spec.
        ValueError: no answer follows from the rows.
    """
    records = tuple(published.records())
    return Assessment(
        published, Summary(records, estimate_of(records, published.question, published.D))
    )


def estimate_of(records: Sequence[Record], question: MeasurementSpec, D: int) -> Estimate:
    """Return the estimate from the trials of a measurement.

    Args:
        records: its trials, judged by its rule.
        question: what was asked, which says the d that were open.
        D: the number of weights.

    Raises:
        ValueError: a pair (d, seed) occurs twice, or a d was not open.
    """
    low, high = bounds(question, D)
    return estimate([as_trial(record) for record in records], dmin=low, dmax=high)


def _task(name: str) -> Task | None:
    """Return a task by its name, or None where it is not registered here."""
    try:
        return resolve(name)
    except ValueError:
        return None


def _seeds(count: int) -> str:
    return "1 seed" if count == 1 else f"{count} seeds"
