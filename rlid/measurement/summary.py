"""The measurements that a store holds, recomputed from its records alone."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from rlid.dimension import Comparison, Estimate, compare
from rlid.errors import InputError
from rlid.measurement import names
from rlid.measurement.answer import answer_json, curve_json, details_json
from rlid.measurement.inference import as_trial, infer, reasons, under_other_references
from rlid.records import REFERENCE_SEED, Judgement, Record, TrialSpec, judged
from rlid.store import Reference, Store, StoredMeasurement, references
from rlid.store import measurements as stored_measurements
from rlid.task import resolve

IMPROVING_SIGMAS = 2.0
"""Standard errors by which late validations must exceed earlier ones to count as improving."""

Group = tuple[str, float | None]
"""What trials of one measurement share: their spec's group, and the threshold."""


@dataclass(frozen=True)
class Summary:
    """Trials that differ in d and seed alone, and what follows from them.

    Attributes:
        records: the trials, by rising d, then seed.
        estimate: what follows from them.
        reference: what their threshold rests on, where the store still knows it.
        asked: digests of the questions of finished runs that they answer.
    """

    records: tuple[Record, ...]
    estimate: Estimate
    reference: Reference | None = None
    asked: tuple[str, ...] = ()

    @property
    def spec(self) -> TrialSpec:
        """The spec of the first trial: all but d and seed is common to all."""
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
        """The measurement's name everywhere: task/agent/network/projection/digest."""
        return "/".join(self.names[0])

    @property
    def names(self) -> tuple[tuple[str, ...], ...]:
        """Every name that it answers to, in parts; the first is the one that is shown."""
        digests = (*self.asked, names.group_digest(self.records[0]))
        return tuple(names.parts_of(self.spec, digest) for digest in digests)

    @property
    def is_first_edition(self) -> bool:
        """Whether one look could end its trials: the stopping rule of the first edition."""
        return is_first_edition(self.spec)

    @property
    def improving(self) -> tuple[Record, ...]:
        """The unsolved trials at d_int90 or below it, in its interval, that had not levelled off.

        With a larger budget they might be solved, and d_int90 be smaller.
        """
        low, high = improving_range(self.estimate)
        return tuple(
            record
            for record in self.records
            if low <= record.spec.d <= high and is_improving(record)
        )

    @property
    def failed(self) -> int:
        """How many trials are missing."""
        return sum(record.is_missing for record in self.records)

    @property
    def env_steps(self) -> int:
        """Environment steps of all its trials."""
        return sum(record.env_steps for record in self.records)


def improving_range(estimate: Estimate) -> tuple[int, int]:
    """Return from which d to which unsolved trials that still improve limit the answer.

    It is the part of the interval up to d_int90. Where d_int90 lies above dmax, it is every d: a
    larger budget might bring the answer to any of them. Without an answer it is empty.
    """
    if estimate.censored:
        return 1, estimate.dmax
    high = estimate.d_int90
    return (1, 0) if high is None else (estimate.ci_low or high, high)


def summarise(
    records: Iterable[Record], reference: Reference | None = None, asked: tuple[str, ...] = ()
) -> Summary:
    """Return the summary of one group's records, in any order.

    Args:
        records: the trials.
        reference: what they were judged by; without it, its error is not in the interval.
        asked: digests of the questions that they answer.
    """
    ordered = tuple(sorted(records, key=lambda record: (record.spec.d, record.spec.seed)))
    dmin = min(min(record.dmin, record.spec.d) for record in ordered)
    dmax = max(max(record.dmax, record.spec.d) for record in ordered)
    return Summary(ordered, infer(ordered, reference, dmin=dmin, dmax=dmax), reference, asked)


def compare_summaries(a: Summary, b: Summary) -> Comparison:
    """Return whether the task of A is harder than that of B, the references' errors included."""
    return compare(
        [as_trial(record) for record in a.records],
        [as_trial(record) for record in b.records],
        dmax_a=a.estimate.dmax,
        dmax_b=b.estimate.dmax,
        dmin_a=a.estimate.dmin,
        dmin_b=b.estimate.dmin,
        alternatives_a=under_other_references(a.records, a.reference),
        alternatives_b=under_other_references(b.records, b.reference),
    )


def measurements(store: Store, task: str | None = None) -> list[Summary]:
    """Return the measurements of a store (or of one task), in a fixed order.

    Direct training on the reference's own seeds is no measurement and is left out.

    Raises:
        StoreError: the store cannot be read, or a file in it is damaged.
    """
    groups: dict[Group, list[Record]] = {}
    for record in store.records(task):
        if record.spec.seed < REFERENCE_SEED:
            groups.setdefault((record.spec.group, record.threshold), []).append(record)
    finished = _Finished(store)
    summaries = [
        summarise(group, finished.reference_of(group[0]), names.digests_of(group, finished.runs))
        for group in _shared(groups, finished.runs).values()
    ]
    return sorted(summaries, key=_order)


class _Finished:
    """The finished runs of a store: what records were judged by, and what they answer."""

    def __init__(self, store: Store) -> None:
        """Read the files of finished runs; damaged ones are passed over."""
        self._store = store
        self.runs = tuple(stored_measurements.readable(store))

    def reference_of(self, record: Record) -> Reference | None:
        """Return the reference with the scores that a record carries.

        The store's own or the shipped one is looked at first, then those that finished runs kept.
        """
        spec = record.spec
        protocol = (spec.task, spec.task_version, spec.protocol, spec.network)
        current = references.find(self._store.folder, *protocol)
        if current is not None and _is_behind(current, record):
            return current
        return next(
            (
                run.reference
                for run in self.runs
                if run.reference.fits(*protocol) and _is_behind(run.reference, record)
            ),
            None,
        )


def _is_behind(reference: Reference, record: Record) -> bool:
    """Whether a record's scores are those of a reference, and both are measured or both given."""
    if reference.is_given != (record.baseline == "given") or reference.random != record.random:
        return False
    return record.baseline == "global" or reference.reference == record.reference


def is_first_edition(spec: TrialSpec) -> bool:
    """Whether a trial could be ended by one look at an environment, as in the first edition.

    Supervised and synthetic tasks keep that rule: their validation and test data are fixed.
    """
    if spec.stopping != "look" or spec.candidate == "last":
        return False
    try:
        return resolve(spec.task).kind == "rl"
    except InputError:
        # A task that is not registered here; nearly all of those are environments.
        return True


def _order(summary: Summary) -> tuple[str, str, str, float]:
    first = summary.records[0]
    return summary.title, summary.spec.group, first.key, first.threshold or 0.0


def _shared(
    groups: dict[Group, list[Record]], runs: Iterable[StoredMeasurement]
) -> dict[Group, list[Record]]:
    """Return the groups with every trial that was run to its end in all of its thresholds' groups.

    It is stored as judged by the first run that asked for it. A later run may have judged it by
    another reference. Where finished runs answer all trials of a group by other thresholds, nothing
    is left that its own one answers.
    """
    full: dict[str, list[Record]] = {}
    for (name, _), records in groups.items():
        if records[0].spec.stop_score is None:
            full.setdefault(name, []).extend(records)
    group_of = {record.key: name for name, records in full.items() for record in records}
    later: dict[Group, Judgement] = {}
    answered: dict[str, set[str]] = {}
    for run in runs:
        for name in {group_of[key] for key in run.trials if key in group_of}:
            later[name, run.threshold] = run.judgement
            answered.setdefault(name, set()).update(run.trials)
    judgements = later | {
        group: Judgement.of_record(records[0])
        for group, records in groups.items()
        if group in later or {record.key for record in records} - answered.get(group[0], set())
    }
    return {
        group: [judged(record, by) for record in full.get(group[0], groups.get(group, []))]
        for group, by in judgements.items()
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


def hidden_state(records: Iterable[Record]) -> dict[str, int]:
    """Return every number besides z that some solution needs, by name."""
    largest: dict[str, int] = {}
    for record in records:
        for name, size in record.hidden_state.items():
            largest[name] = max(size, largest.get(name, 0))
    return largest


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
        "stopping": spec.stopping,
        "first_edition": summary.is_first_edition,
        **answer_json(summary.estimate),
        **details_json(summary.estimate),
        "trials": len(summary.records),
        "failed_trials": summary.failed,
        "reasons": reasons(summary.records),
        "env_steps": summary.env_steps,
        "hidden_state": hidden_state(summary.records),
        "improving": len(summary.improving),
        "name": summary.path,
        "curve": curve_json(summary.estimate),
    }
