"""Whether d_int90 is at most N, for continuous integration, with as few trials as it takes.

The probability of success rises with d, so d_int90 is at most N exactly where at d = N it is at
least one half. All trials are run at d = N, one for each seed, in rounds of fixed size. After each
round the posterior of that probability (uniform prior) says whether to go on. Several looks make
false alarms likelier, so that a verdict needs a posterior of SURE; where the trials run out first,
the rule of Li et al. (2018) decides: the median seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rlid.measurement.answer import count
from rlid.measurement.inference import reasons
from rlid.measurement.reference import Standard, establish
from rlid.measurement.run import reference_json
from rlid.measurement.runner import Runner
from rlid.records import Record

ROUND = 5
"""Trials between two looks at the posterior."""
MAX_TRIALS = 30
SURE = 0.98
"""The posterior probability from which on no further trial is run."""


@dataclass(frozen=True)
class Check:
    """The verdict on `d_int90 <= limit`.

    Attributes:
        title: the measurement in one line.
        limit: the largest d_int90 that passes.
        standard: what the trials are judged by.
        records: the trials, all at d = limit.
        probability: that at least half of all seeds solve the task at the limit.
    """

    title: str
    limit: int
    standard: Standard
    records: tuple[Record, ...]
    probability: float

    @property
    def solved(self) -> int:
        """How many trials have solved the task at the limit."""
        return sum(record.status == "solved" for record in self.records)

    @property
    def known(self) -> int:
        """How many trials are not missing."""
        return sum(not record.is_missing for record in self.records)

    @property
    def failed(self) -> int:
        """How many trials are missing."""
        return len(self.records) - self.known

    @property
    def is_decided(self) -> bool:
        """Whether the posterior is sure, so that the median seed need not decide."""
        return not 1 - SURE < self.probability < SURE

    @property
    def passes(self) -> bool:
        """Whether d_int90 is at most the limit, and no trial failed."""
        within = self.probability >= 0.5 if self.is_decided else 2 * self.solved >= self.known
        return within and self.failed == 0 and self.known > 0

    @property
    def sentence(self) -> str:
        """The verdict in one line."""
        if self.failed:
            verdict = f"no verdict: {count(self.failed, 'trial')} failed"
        else:
            verdict = f"d_int90 is {'at most' if self.passes else 'above'} {self.limit}"
        how = f"probability {self.probability:.3f} that it is at most {self.limit}"
        if not self.is_decided:
            how += ", so the median seed decides"
        solved = f"{self.solved} of {self.known} seeds solve the task at d = {self.limit}"
        word = "PASS" if self.passes else "FAIL"
        return f"{word} {self.title}: {verdict} ({solved}; {how})"

    def to_json(self) -> dict[str, Any]:
        """Return what `rlid check --json` prints."""
        return {
            "title": self.title,
            "max_dint": self.limit,
            "passes": self.passes,
            "decided": self.is_decided,
            "solved": self.solved,
            "trials": self.known,
            "failed_trials": self.failed,
            "probability": round(self.probability, 6),
            "threshold": self.standard.judgement.threshold,
            "reference_record": reference_json(self.standard.reference),
            "scores": [record.score for record in self.records],
            "reasons": reasons(self.records),
        }


def check(runner: Runner, limit: int) -> Check:
    """Run trials at d = limit until it is decided; the runner's plan has that d alone.

    Raises:
        ReferenceRefused: direct training does not work on this task.
        TrialsFailed: the first trials all failed.
        StoreError: the store cannot be written.
    """
    plan = runner.plan
    standard = establish(runner)
    judgement = standard.judgement
    records: list[Record] = []
    while True:
        left = plan.seeds[len(records) :][:ROUND]
        probability = _probability(records)
        if not left or (records and not 1 - SURE < probability < SURE):
            return Check(plan.title, limit, standard, tuple(records), probability)
        specs = [plan.spec(limit, seed, judgement.threshold) for seed in left]
        records += runner.run(plan, specs, judgement, records)


def _probability(records: Sequence[Record]) -> float:
    """Return the posterior probability that at least half of all seeds succeed."""
    from scipy.special import betaincc  # slow to import

    solved = sum(record.status == "solved" for record in records)
    known = sum(not record.is_missing for record in records)
    return float(betaincc(1 + solved, 1 + known - solved, 0.5))
