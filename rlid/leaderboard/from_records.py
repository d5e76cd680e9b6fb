"""The published form of a measurement, made from the records of its trials."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rlid.leaderboard.assessment import estimate_of
from rlid.leaderboard.origin import origin_of
from rlid.leaderboard.published import Answer, Published, TrialRow
from rlid.measurement import curve_json, summary
from rlid.policies import PolicyReport
from rlid.records import Record, validate
from rlid.store import StoredMeasurement


def publish(
    measured: StoredMeasurement,
    records: Sequence[Record],
    policy: PolicyReport | None = None,
    by: str = "",
    when: str = "",
) -> Published:
    """Return the published form of a measurement.

    Args:
        measured: what the run left in the store.
        records: its trials, judged by its rule, in the order of (d, seed).
        policy: the report of its exported policy, where there is one.
        by: who publishes it, in their own words.
        when: when it was measured, in their own words; by default the day on which the run ended.
    """
    question, reference = measured.question, measured.reference
    versions: list[dict[str, str]] = []
    for record in records:
        if record.versions not in versions:
            versions.append(record.versions)
    first = records[0]
    rows = [row_of(record, versions.index(record.versions)) for record in records]
    estimate = estimate_of(records, question, first.D, reference)
    fields: dict[str, Any] = {
        "schema_version": 1,
        "command": question.command,
        "question": question.model_dump(mode="json"),
        "kind": measured.kind,
        "common": first.spec.model_dump(mode="json", exclude={"d", "seed"}),
        "D": first.D,
        "random": reference.random,
        "reference": measured.judgement.reference,
        "threshold": measured.threshold,
        "answer": Answer.of(estimate).model_dump(mode="json"),
        "curve": curve_json(estimate),
        "env_steps": sum(row.env_steps for row in rows),
        "hidden_state": largest_hidden_state(rows),
        "smallest_solved": min((row.d for row in rows if row.status == "solved"), default=None),
        "reference_record": reference.model_dump(mode="json"),
        "machine": measured.machine.model_dump(mode="json"),
        "versions": versions,
        "policy": None if policy is None else policy.model_dump(mode="json"),
        "origin": origin_of(measured, versions, by, when).model_dump(mode="json"),
        "rows": [row.model_dump(mode="json") for row in rows],
    }
    unsigned = validate(Published, {**fields, "sha256": "0" * 64})
    return signed(unsigned)


def signed(published: Published) -> Published:
    """Return a published measurement with the digest of its fields."""
    return published.model_copy(update={"sha256": published.digest()})


def row_of(record: Record, versions: int) -> TrialRow:
    """Return a record as a row.

    Args:
        record: the trial.
        versions: index of its versions in the list of the file.
    """
    fields = record.model_dump(include=set(TrialRow.model_fields) - {"versions"})
    return TrialRow(
        **fields,
        d=record.spec.d,
        seed=record.spec.seed,
        key=record.key,
        is_improving=summary.is_improving(record),
        versions=versions,
    )


def largest_hidden_state(rows: Sequence[TrialRow]) -> dict[str, int]:
    """Return how many numbers besides z a solution needs, by name: the largest over the rows."""
    sizes: dict[str, int] = {}
    for row in rows:
        for name, size in row.hidden_state.items():
            sizes[name] = max(size, sizes.get(name, 0))
    return dict(sorted(sizes.items()))
