"""The published form of a measurement: one file with its trials' rows, and all they rest on."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import Field

from rlid.dimension import Estimate, TrialOutcome, estimate
from rlid.errors import DamagedRecord
from rlid.measurement import answer_json, as_trial, curve_json
from rlid.policies import PolicyReport
from rlid.records import (
    MAX_D,
    REFERENCE_SEED,
    Count,
    Finite,
    MeasurementSpec,
    Name,
    Record,
    Sha256,
    Status,
    StrictModel,
    Text,
    TrialSpec,
    Value,
    canonical,
    parse_json,
    validate,
)
from rlid.store import Machine, Reference, StoredMeasurement

MAX_BYTES = 64 * 1024 * 1024
MAX_TRIALS = 100_000


class TrialRow(StrictModel):
    """One trial: its record without the spec, the judgement and the learning curve."""

    d: int = Field(ge=1, le=MAX_D)
    seed: int = Field(ge=0, lt=REFERENCE_SEED)
    key: Sha256
    status: Status
    reason: Text = ""
    score: Finite | None
    episodes: Count
    env_steps: Count
    search_steps: Count
    validation_steps: Count
    scoring_steps: Count
    stopped_early: bool
    seconds: float = Field(ge=0)
    hidden_state: dict[Name, Count] = Field(default_factory=dict, max_length=100)
    notes: dict[Name, Value] = Field(default_factory=dict, max_length=100)
    theta_sha256: Sha256 | None
    z_sha256: Sha256 | None
    versions: int = Field(ge=0, description="index into the file's list of versions")


class PublishedCurvePoint(StrictModel):
    """What happened at one d."""

    d: int
    n: int
    successes: int
    missing: int
    median: Finite | None
    q25: Finite | None
    q75: Finite | None


class Answer(StrictModel):
    """What follows from the rows."""

    d_int90: int | None
    ci_low: int | None
    ci_high: int | None
    censored: bool
    withheld: Text
    first_crossing: int | None


class Published(StrictModel):
    """One measurement, complete enough to be re-derived by anyone.

    `common` is what the specs of all trials share: everything but d and seed.
    `reference` is what the rule takes for full performance: direct training's score, or the
    task's own baseline. `sha256` is that of the canonical JSON of all the rest. It shows that a
    file has changed by accident or in part; whoever changes it on purpose can compute it anew.
    """

    schema_version: Literal[1] = 1
    command: Text
    question: MeasurementSpec
    kind: Literal["rl", "supervised", "synthetic"]
    common: dict[Name, Any]
    D: int = Field(ge=1, le=MAX_D)
    random: Finite
    reference: Finite
    threshold: Finite
    answer: Answer
    curve: list[PublishedCurvePoint]
    env_steps: Count
    hidden_state: dict[Name, Count]
    smallest_solved: int | None
    reference_record: Reference
    machine: Machine
    versions: list[dict[Name, Name]] = Field(max_length=1000)
    policy: PolicyReport | None = None
    rows: list[TrialRow] = Field(max_length=MAX_TRIALS)
    sha256: Sha256

    @property
    def name(self) -> str:
        """The stem of its files: what tells it apart from other measurements of the task."""
        asked = self.question
        return "-".join((asked.agent, asked.network, asked.projection, asked.digest))

    @property
    def dmax(self) -> int:
        """The largest d that was open to the search."""
        return bounds(self.question, self.D)[1]

    @property
    def title(self) -> str:
        """The measurement in one line."""
        asked = self.question
        return f"{asked.task} · {asked.agent} · {asked.network} (D = {self.D}) · {asked.projection}"

    def spec(self, d: int, seed: int) -> TrialSpec:
        """Return the spec of one of its trials.

        Raises:
            DamagedRecord: there is no such spec.
        """
        return validate(TrialSpec, {**self.common, "d": d, "seed": seed})

    def smallest(self) -> TrialRow | None:
        """Return the solved row of the smallest d, the best score first, then the first seed."""
        solved = [row for row in self.rows if row.status == "solved"]
        return min(solved, key=lambda row: (row.d, -(row.score or 0.0), row.seed), default=None)

    def trials(self) -> list[TrialOutcome]:
        """Return the rows as the estimator and the search see them."""
        return [as_trial(record) for record in self.records()]

    def estimate(self) -> Estimate:
        """Return what follows from the rows, computed anew."""
        low, high = bounds(self.question, self.D)
        return estimate(self.trials(), dmin=low, dmax=high)

    def records(self) -> list[Record]:
        """Return the rows as records, without learning curves.

        Raises:
            DamagedRecord: a row fits no spec, or names versions that are not listed.
        """
        if any(row.versions >= len(self.versions) for row in self.rows):
            raise DamagedRecord("a row names versions that are not listed")
        low, high = bounds(self.question, self.D)
        judged: dict[str, Any] = {
            "threshold": self.threshold,
            "random": self.random,
            "reference": self.reference,
            "rule": self.question.rule,
            "baseline": self.question.baseline,
        }
        return [
            Record(
                **row.model_dump(exclude={"d", "seed", "key", "versions"}),
                **judged,
                spec=self.spec(row.d, row.seed),
                dmin=low,
                dmax=high,
                D=self.D,
                curve=[],
                versions=self.versions[row.versions],
            )
            for row in self.rows
        ]

    def digest(self) -> str:
        """Return the SHA-256 of all but the digest itself."""
        return _digest(self.model_dump(mode="json", exclude={"sha256"}))

    def dump(self) -> str:
        """Return the file's text."""
        return self.model_dump_json(indent=1) + "\n"


def parse(text: str) -> Published:
    """Read a published measurement from strict JSON.

    Raises:
        DamagedRecord: it is not one; the message says what is wrong in one line.
    """
    return validate(Published, parse_json(text))


def bounds(question: MeasurementSpec, D: int) -> tuple[int, int]:  # noqa: N803
    """Return the smallest and the largest d that were open to the search."""
    if question.dims:
        return question.dims[0], question.dims[-1]
    if question.dmax:
        return 1, question.dmax
    return D, D


def publish(
    measured: StoredMeasurement, records: Sequence[Record], policy: PolicyReport | None = None
) -> Published:
    """Return the published form of a measurement from its records, in the order of (d, seed)."""
    question, reference = measured.question, measured.reference
    versions: list[dict[str, str]] = []
    for record in records:
        if record.versions not in versions:
            versions.append(record.versions)
    first = records[0]
    rows = [row_of(record, versions.index(record.versions)) for record in records]
    low, high = bounds(question, first.D)
    found = estimate([as_trial(record) for record in records], dmin=low, dmax=high)
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
        "answer": answer_json(found),
        "curve": curve_json(found),
        "env_steps": sum(row.env_steps for row in rows),
        "hidden_state": largest_hidden_state(rows),
        "smallest_solved": min((row.d for row in rows if row.status == "solved"), default=None),
        "reference_record": reference.model_dump(mode="json"),
        "machine": measured.machine.model_dump(mode="json"),
        "versions": versions,
        "policy": None if policy is None else policy.model_dump(mode="json"),
        "rows": [row.model_dump(mode="json") for row in rows],
    }
    complete = validate(Published, {**fields, "sha256": "0" * 64})
    return complete.model_copy(update={"sha256": complete.digest()})


def row_of(record: Record, versions: int) -> TrialRow:
    """Return a record as a row."""
    fields = record.model_dump(include=set(TrialRow.model_fields) - {"versions"})
    return TrialRow(
        **fields, d=record.spec.d, seed=record.spec.seed, key=record.key, versions=versions
    )


def largest_hidden_state(rows: Sequence[TrialRow]) -> dict[str, int]:
    """Return every number besides z that some solution needs, by name."""
    found: dict[str, int] = {}
    for row in rows:
        for name, size in row.hidden_state.items():
            found[name] = max(size, found.get(name, 0))
    return dict(sorted(found.items()))


def _digest(value: dict[str, Any]) -> str:
    return hashlib.sha256(canonical(value).encode()).hexdigest()
