"""Suites: the rows of a named list of measurements, planned and run as one thing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from rlid.errors import (
    EngineError,
    EnvironmentFault,
    InputError,
    ReferenceRefused,
    TrialsFailed,
    first_line,
)
from rlid.measurement.plan import Plan, plan
from rlid.measurement.run import MeasurementRun, run_plan
from rlid.measurement.runner import Runner
from rlid.measurement.suite_file import Suite, SuiteRow
from rlid.measurement.suite_order import Rate, one_rate, run_order
from rlid.registry import import_packages

ROW_FAILURES = (EngineError, EnvironmentFault, InputError, ReferenceRefused, TrialsFailed)
"""What ends one row and not the suite; a store that cannot be written ends the suite."""


@dataclass(frozen=True)
class PlannedRow:
    """A row with its plan; `reason` says why it has none."""

    row: SuiteRow
    plan: Plan | None
    reason: str = ""


@dataclass(frozen=True)
class RowResult:
    """What came out of a row.

    Attributes:
        planned: the row and its plan.
        measurement: what was measured; None where the row failed.
        reason: why it failed.
    """

    planned: PlannedRow
    measurement: MeasurementRun | None
    reason: str = ""

    @property
    def status(self) -> str:
        """Return "measured", "failed", or "does not fit" where there was no plan to run."""
        if self.measurement is not None:
            return "measured"
        return "failed" if self.planned.plan is not None else "does not fit"

    @property
    def is_complete(self) -> bool:
        """Whether it was measured and no trial is missing."""
        return self.measurement is not None and not any(
            record.is_missing for record in self.measurement.records
        )

    def to_json(self) -> dict[str, Any]:
        """Return the row's object in the report of its suite."""
        plan = self.planned.plan
        fields: dict[str, Any] = {"task": self.planned.row.task}
        if plan is not None:
            fields |= {"agent": plan.agent_name, "network": plan.network.architecture.name}
        fields |= {"status": self.status, "reason": self.reason}
        return fields if self.measurement is None else {**self.measurement.to_json(), **fields}


def planned_rows(suite: Suite, imports: Sequence[str] = ()) -> list[PlannedRow]:
    """Return every row of a suite with its plan, or with why it has none. Nothing is trained.

    Args:
        suite: the rows.
        imports: packages that register environments, tasks or agents.
    """
    import_packages(imports)
    planned = []
    for row in suite.rows:
        options = dict(row.options)
        try:
            checked = plan(options.pop("task"), **options, imports=tuple(imports))
            planned.append(PlannedRow(row, checked))
        except (InputError, EnvironmentFault) as error:
            planned.append(PlannedRow(row, None, first_line(error)))
    return planned


def run_rows(
    planned: Sequence[PlannedRow],
    runner_of: Callable[[Plan], AbstractContextManager[Runner]],
    hear: Callable[[int, RowResult], None] = lambda number, result: None,
    rate: Rate = one_rate,
) -> list[RowResult]:
    """Run the rows, the longest first, each with all workers; a row that fails ends no other.

    Trials in the store are not run again, so that an interrupted suite resumes, and rows that
    share trials share them.

    Args:
        planned: the rows.
        runner_of: makes the runner of a plan.
        hear: hears a row's result as soon as it ends, and how many rows ended before.
        rate: core seconds per search step of a plan's trials, to tell which rows are long.

    Returns:
        The results in the order of `planned`, whatever the order in which the rows ran.

    Raises:
        StoreError: the store cannot be read or written.
    """
    results: dict[int, RowResult] = {}
    for number, index in enumerate(run_order(planned, rate)):
        row = planned[index]
        if row.plan is None:
            result = RowResult(row, None, row.reason)
        else:
            try:
                with runner_of(row.plan) as runner:
                    result = RowResult(row, run_plan(runner))
            except ROW_FAILURES as error:
                result = RowResult(row, None, first_line(error))
        results[index] = result
        hear(number, result)
    return [results[index] for index in range(len(planned))]
