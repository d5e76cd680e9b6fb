"""What follows from a published measurement: derived from its rows once, then passed on.

Every table, page and claim reads an `Assessment`, so that each posterior is fitted once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from rlid.dimension import Estimate
from rlid.errors import InputError
from rlid.leaderboard import compared
from rlid.leaderboard.published import Published, bounds
from rlid.measurement import REFERENCE_SEEDS, Summary, count, improving_range, infer
from rlid.records import DEFAULT_FRACTION, MISSING, MeasurementSpec, Record
from rlid.store import Reference
from rlid.task import Task, resolve

FULL_SEEDS = {"rl": 10, "supervised": 5, "synthetic": 5}
"""Seeds from which on a measurement may be full, by the kind of its task."""


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
        return self.estimate.figure

    @property
    def middle(self) -> float | None:
        """What it is ordered by: d_int90, the middle of its bracket, or None without either."""
        bracket = self.estimate.bracket
        return math.sqrt(bracket[0] * bracket[1]) if bracket else self.estimate.figure

    @property
    def seeds(self) -> int:
        """How many seeds have a trial that is not missing."""
        return len({row.seed for row in self.published.rows if row.status not in MISSING})

    @property
    def reference_seeds(self) -> int | None:
        """Seeds of the direct training that sets the reference; None where the task sets it."""
        if self.published.question.baseline == "global":
            return None
        return len(self.published.reference_record.scores)

    @property
    def improving(self) -> int | None:
        """How many unsolved trials at d_int90 or below, in its interval, were still improving.

        Where d_int90 lies above dmax, all count.
        None where the file does not say: files of the first edition do not.
        """
        estimate = self.estimate
        unsolved = [row for row in self.published.rows if row.status == "unsolved"]
        if any(row.is_improving is None for row in unsolved):
            return None
        low, high = improving_range(estimate)
        return sum(bool(row.is_improving) and low <= row.d <= high for row in unsolved)

    @property
    def shortcomings(self) -> tuple[str, ...]:
        """Why the measurement is provisional; empty where it is full."""
        estimate, kind = self.estimate, self.published.kind
        reference_seeds, reasons = self.reference_seeds, []
        if self.seeds < FULL_SEEDS[kind]:
            reasons.append(f"{count(self.seeds, 'seed')}, not {FULL_SEEDS[kind]}")
        if self.published.reference_record.is_given:
            reasons.append("reference given by the user")
        elif reference_seeds is not None and reference_seeds < REFERENCE_SEEDS:
            reasons.append(
                f"reference from {count(reference_seeds, 'seed')}, not {REFERENCE_SEEDS}"
            )
        if estimate.withheld:
            reasons.append("no answer")
        elif estimate.bracket:
            reasons.append("a bracket, no figure")
        elif estimate.ci_low is None or estimate.ci_high is None or estimate.is_open_below:
            reasons.append("no closed interval")
        elif estimate.relative_width > 1.0:
            reasons.append("interval wider than d_int90")
        return (*reasons, *compared.reasons(self.published))

    @property
    def is_own_problem(self) -> bool:
        """Whether it has the task's own network and the usual projection, whatever the agent."""
        question = self.published.question
        task = _task(question.task)
        return (
            task is not None and question.network == task.network and question.is_usual_projection
        )

    @property
    def is_default(self) -> bool:
        """Whether it keeps the task's own agent, network, budget and protocol."""
        question = self.published.question
        task = _task(question.task)
        return (
            task is not None
            and (question.agent, question.network) == (task.agent, task.network)
            and task.version == self.published.common.get("task_version")
            and question.is_usual_projection
            and (question.budget, question.observation, question.backend) == (None, None, None)
            and question.reference is None
            and question.fraction == DEFAULT_FRACTION
            and not question.settings
        )


def assess(published: Published) -> Assessment:
    """Return a published measurement with what follows from its rows.

    Raises:
        DamagedRecord: a row fits no spec.
        ValueError: no answer follows from the rows.
    """
    records = tuple(published.records())
    reference = published.reference_record
    estimate = estimate_of(records, published.question, published.D, reference)
    return Assessment(
        published, Summary(records, estimate, reference, (published.question.digest,))
    )


def estimate_of(
    records: Sequence[Record], question: MeasurementSpec, D: int, reference: Reference
) -> Estimate:
    """Return the estimate from the trials of a measurement, the reference's error included.

    Args:
        records: its trials, judged by its rule.
        question: what was asked, which says the d that were open.
        D: the number of weights.
        reference: what the rule rests on.

    Raises:
        ValueError: a pair (d, seed) occurs twice, or a d was not open.
    """
    low, high = bounds(question, D)
    return infer(records, reference, dmin=low, dmax=high)


def _task(name: str) -> Task | None:
    """Return a task by its name, or None where it is not registered here."""
    try:
        return resolve(name)
    except InputError:
        return None
