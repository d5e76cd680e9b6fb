"""The measurements that a store holds, recomputed from its records alone."""

from __future__ import annotations

import hashlib
import math
import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from rlid.dimension import Estimate, TrialOutcome, estimate
from rlid.errors import InputError
from rlid.records import REFERENCE_SEED, Record, TrialSpec, judged
from rlid.store import Store

IMPROVING_SIGMAS = 2.0
"""Standard errors by which late validations must exceed earlier ones to count as improving."""


@dataclass(frozen=True)
class Summary:
    """Trials that differ in d and seed alone, and what follows from them."""

    records: tuple[Record, ...]
    estimate: Estimate

    @property
    def spec(self) -> TrialSpec:
        """The spec of one of its trials: all but d and seed is common to all."""
        return self.records[0].spec

    @property
    def title(self) -> str:
        """The measurement in one line."""
        spec = self.spec
        return (
            f"{spec.task} · {spec.agent} · {spec.network} (D = {self.records[0].D}) · "
            f"{spec.projection}"
        )

    @property
    def path(self) -> str:
        """The measurement's name for `rlid compare`: task/agent/network/projection/digest."""
        spec = self.spec
        parts = (spec.task, spec.agent, spec.network, spec.projection, self.digest)
        return "/".join(part.replace("/", "_") for part in parts)

    @property
    def digest(self) -> str:
        """Eight hexadecimal digits that tell apart measurements with the same title."""
        whole = self.spec.stop_score is None
        name = self.spec.group + (f"/{self.records[0].threshold}" if whole else "")
        return hashlib.sha256(name.encode()).hexdigest()[:8]

    @property
    def improving(self) -> tuple[Record, ...]:
        """The unsolved trials at d_int90 or below it, in its interval, that had not levelled off.

        With a larger budget they might be solved, and d_int90 be smaller.
        """
        found = self.estimate
        if found.d_int90 is None:
            return ()
        low = found.d_int90 if found.ci_low is None else found.ci_low
        return tuple(
            record
            for record in self.records
            if low <= record.spec.d <= found.d_int90 and is_improving(record)
        )

    @property
    def failed(self) -> int:
        """How many trials are missing."""
        return sum(record.is_missing for record in self.records)

    @property
    def env_steps(self) -> int:
        """Environment steps of all its trials."""
        return sum(record.env_steps for record in self.records)


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


def summarise(records: Iterable[Record]) -> Summary:
    """Return the summary of one group's records, in any order."""
    ordered = tuple(sorted(records, key=lambda record: (record.spec.d, record.spec.seed)))
    dmin = min(min(record.dmin, record.spec.d) for record in ordered)
    dmax = max(max(record.dmax, record.spec.d) for record in ordered)
    trials = [as_trial(record) for record in ordered]
    return Summary(ordered, estimate(trials, dmin=dmin, dmax=dmax))


def measurements(store: Store, task: str | None = None) -> list[Summary]:
    """Return the measurements of a store (or of one task), in a fixed order.

    Direct training on the reference's own seeds is no measurement and is left out.
    """
    groups: dict[tuple[str, float | None], list[Record]] = {}
    for record in store.records(task):
        if record.spec.seed < REFERENCE_SEED:
            groups.setdefault((record.spec.group, record.threshold), []).append(record)
    found = [summarise(group) for group in _shared(groups).values()]
    return sorted(found, key=_order)


def _order(item: Summary) -> tuple[str, str, str, float]:
    first = item.records[0]
    return item.title, item.spec.group, first.key, first.threshold or 0.0


def _shared(
    groups: dict[tuple[str, float | None], list[Record]],
) -> dict[tuple[str, float | None], list[Record]]:
    """Return the groups with every trial that was run to its end in all of its thresholds' groups.

    It is stored as judged by the first of them.
    """
    whole: dict[str, list[Record]] = {}
    for (name, _), records in groups.items():
        if records[0].spec.stop_score is None:
            whole.setdefault(name, []).extend(records)
    return {
        (name, threshold): [judged(record, records[0]) for record in whole.get(name, records)]
        for (name, threshold), records in groups.items()
    }


def is_improving(record: Record) -> bool:
    """Whether an unsolved trial's validations were still rising when its budget ended.

    The mean of the last quarter of its learning curve is held against that of the quarter before,
    by the standard error of their difference (Welch 1947).
    """
    quarter = len(record.curve) // 4
    if record.status != "unsolved" or quarter < 2:
        return False
    scores = [score for _, score in record.curve]
    late, before = scores[-quarter:], scores[-2 * quarter : -quarter]
    error = math.sqrt((statistics.variance(late) + statistics.variance(before)) / quarter)
    return statistics.mean(late) - statistics.mean(before) > IMPROVING_SIGMAS * error


def select(found: list[Summary], wanted: str) -> Summary:
    """Return the one measurement that `wanted` names: task/agent/network/projection, or its start.

    Raises:
        InputError: none or several are named so.
    """
    parts = wanted.split("/")
    matching = [item for item in found if item.path.split("/")[: len(parts)] == parts]
    if len(matching) == 1:
        return matching[0]
    what = "several measurements are" if matching else "no measurement is"
    names = ", ".join(item.path for item in matching or found)
    raise InputError(f"{what} named {wanted!r}: name one of {names}")


def answer_json(found: Estimate) -> dict[str, Any]:
    """Return the part of a JSON answer that follows from the estimate alone."""
    return {
        "d_int90": found.d_int90,
        "ci_low": found.ci_low,
        "ci_high": found.ci_high,
        "censored": found.censored,
        "withheld": found.withheld,
        "first_crossing": found.first_crossing,
    }


def curve_json(found: Estimate) -> list[dict[str, Any]]:
    """Return the curve of a JSON answer: one object for each d that was tried."""
    names = ("d", "n", "successes", "missing", "median", "q25", "q75")
    return [{name: getattr(point, name) for name in names} for point in found.curve]


def hidden_state(records: Iterable[Record]) -> dict[str, int]:
    """Return every number besides z that some solution needs, by name."""
    found: dict[str, int] = {}
    for record in records:
        for name, size in record.hidden_state.items():
            found[name] = max(size, found.get(name, 0))
    return found


def to_json(summary: Summary) -> dict[str, Any]:
    """Return what `rlid show --json` prints of a measurement."""
    first, spec = summary.records[0], summary.spec
    return {
        "task": spec.task,
        "task_version": spec.task_version,
        "agent": spec.agent,
        "settings": spec.settings,
        "network": spec.network,
        "D": first.D,
        "projection": spec.projection,
        "budget": spec.budget,
        "dmax": summary.estimate.dmax,
        "seeds": summary.estimate.seeds,
        "random": first.random,
        "reference": first.reference,
        "threshold": first.threshold,
        "rule": first.rule,
        "baseline": first.baseline,
        **answer_json(summary.estimate),
        "trials": len(summary.records),
        "failed_trials": summary.failed,
        "env_steps": summary.env_steps,
        "hidden_state": hidden_state(summary.records),
        "improving": len(summary.improving),
        "name": summary.path,
        "curve": curve_json(summary.estimate),
    }
