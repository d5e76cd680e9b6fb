"""Whether an answer hangs on the budget: trials next to the threshold, run for longer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from rlid.dimension import Estimate
from rlid.measurement.answer import answer, answer_json
from rlid.measurement.inference import infer
from rlid.measurement.run import MeasurementRun
from rlid.measurement.runner import Runner
from rlid.records import Record

FACTOR = 2
FOLDER = "budget-checks"
"""Folder in the store for these trials: chosen because they failed, they are no sample."""


@dataclass(frozen=True)
class BudgetCheck:
    """What FACTOR times the budget changes.

    Attributes:
        budget: steps of a trial of the measurement.
        rerun: the records of the unsolved trials inside the interval, run again with the larger
            budget.
        before: the answer of the measurement.
        after: the answer with `rerun` in their places; where one failed, nothing is known of it
            with the larger budget, and the first record stays.
    """

    budget: int
    rerun: tuple[Record, ...]
    before: Estimate
    after: Estimate

    @property
    def solved(self) -> int:
        """How many trials the larger budget has solved."""
        return sum(record.status == "solved" for record in self.rerun)

    @property
    def failed(self) -> int:
        """How many of them failed, so that nothing is known of them."""
        return sum(record.is_missing for record in self.rerun)

    @property
    def moves(self) -> bool:
        """Whether d_int90 differs with the larger budget."""
        return (self.before.d_int90, self.before.censored) != (
            self.after.d_int90,
            self.after.censored,
        )

    @property
    def sentence(self) -> str:
        """The outcome in one line."""
        if not self.rerun:
            return "budget check: no unsolved trial lies next to the threshold"
        tried = f"{len(self.rerun)} unsolved trials next to the threshold"
        if self.failed == len(self.rerun):
            return f"budget check: no verdict: all {tried} failed"
        verdict = "the answer moves" if self.moves else "the answer stays"
        failed = f" ({self.failed} failed)" if self.failed else ""
        return (
            f"budget check: {FACTOR} x {self.budget:,} steps solve {self.solved} of the "
            f"{tried}{failed}; "
            f"{answer(self.after)} instead of {answer(self.before)}: {verdict}"
        )

    def to_json(self) -> dict[str, Any]:
        """Return what `rlid run --json` prints of it."""
        return {
            "budget": FACTOR * self.budget,
            "rerun": len(self.rerun),
            "solved": self.solved,
            "failed": self.failed,
            "moves": self.moves,
            **answer_json(self.after),
        }


def check_budget(runner: Runner, measured: MeasurementRun) -> BudgetCheck:
    """Run the unsolved trials next to the threshold again, with FACTOR times the budget.

    They are judged as the measurement is, by the same reference.

    Raises:
        StoreError: the store cannot be written.
    """
    plan, before = measured.plan, measured.estimate
    low = min(before.ci_low or before.d_int90 or plan.dmax, plan.dmax)
    high = before.ci_high or before.d_int90 or plan.dmax
    near = [
        record
        for record in measured.records
        if record.status == "unsolved" and low <= record.spec.d <= high
    ]
    longer = replace(plan, task=replace(plan.task, budget=FACTOR * plan.task.budget))
    stop = None if plan.is_full else measured.judgement.threshold
    specs = [longer.spec(record.spec.d, record.spec.seed, stop) for record in near]
    with runner.apart(FOLDER) as apart:
        rerun = apart.run(longer, specs, measured.judgement)
    replaced = {(record.spec.d, record.spec.seed): record for record in measured.records}
    replaced.update(
        {(record.spec.d, record.spec.seed): record for record in rerun if not record.is_missing}
    )
    records = list(replaced.values())
    after = infer(records, measured.reference, dmin=min(plan.dims), dmax=plan.dmax)
    return BudgetCheck(plan.task.budget, tuple(rerun), before, after)
