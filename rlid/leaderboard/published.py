"""The published form of a measurement: one file with the rows of its trials.

The file also holds everything that the rows rest on: the question, the protocol and the reference.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, replace
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from rlid.dimension import Estimate
from rlid.errors import DamagedRecord
from rlid.policies import PolicyReport
from rlid.records import (
    MAX_D,
    REFERENCE_SEED,
    Count,
    Judgement,
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
from rlid.store import Machine, Reference

MAX_BYTES = 16 * 1024 * 1024
"""Bytes of a published file; one with a hundred trials has about 100,000."""
MAX_TRIALS = 10_000
MAX_POINTS = 10_000
"""Points of the curve: one for each d that was tried."""
MAX_SECONDS = 1e10
"""Of a trial: three hundred years, so that a sum over trials stays finite."""
MAX_SCORE = 1e100
"""Size of a score, beyond any return: squares and differences of scores stay finite."""


def is_possible(score: float) -> bool:
    """Whether a score is of a size that a published file may hold."""
    return abs(score) <= MAX_SCORE


def _of_a_trial(score: float) -> float:
    if not is_possible(score):
        raise ValueError(f"a score beyond {MAX_SCORE:g}, which no trial has")
    return score


Score = Annotated[float, AfterValidator(_of_a_trial)]


class TrialRow(StrictModel):
    """One trial: its record without the spec, the judgement and the learning curve.

    Attributes:
        deciding_score: the mean of the scoring that decided whether the trial is solved, where
            the trial is of the confirmed stopping rule; `score` is then a further scoring.
        is_improving: whether an unsolved trial's validations still rose when its budget ended;
            None where the file does not say.
    """

    d: int = Field(ge=1, le=MAX_D)
    seed: int = Field(ge=0, lt=REFERENCE_SEED)
    key: Sha256
    status: Status
    reason: Text = ""
    score: Score | None
    deciding_score: Score | None = None
    episodes: Count
    env_steps: Count
    search_steps: Count
    validation_steps: Count
    scoring_steps: Count
    stopped_early: bool
    is_improving: bool | None = None
    seconds: float = Field(ge=0, le=MAX_SECONDS)
    hidden_state: dict[Name, Count] = Field(default_factory=dict, max_length=100)
    notes: dict[Name, Value] = Field(default_factory=dict, max_length=100)
    theta_sha256: Sha256 | None
    z_sha256: Sha256 | None
    versions: int = Field(ge=0, description="index into the file's list of versions")


class PublishedCurvePoint(StrictModel):
    """The trials at one d, and the quartiles of their scores."""

    d: int
    n: int
    successes: int
    missing: int
    median: Score | None
    q25: Score | None
    q75: Score | None


class Answer(StrictModel):
    """What follows from the rows; see `rlid.dimension.Estimate`.

    Beside a bracket there is no `d_int90`. Files of the first edition say nothing of `d_reliable`,
    its interval and the bracket.
    """

    d_int90: int | None
    ci_low: int | None
    ci_high: int | None
    censored: bool
    withheld: Text
    first_crossing: int | None
    d_reliable: int | None = None
    reliable_low: int | None = None
    reliable_high: int | None = None
    bracket: tuple[int, int] | None = None

    @classmethod
    def of(cls, estimate: Estimate) -> Answer:
        """Return the part of an estimate that is published."""
        fields = {name: getattr(estimate, name) for name in cls.model_fields}
        return cls(**fields | ({} if estimate.bracket is None else {"d_int90": None}))


class Origin(StrictModel):
    """Who published a measurement, when, and with which rlid; all of it is what they say.

    Attributes:
        rlid: the version.
        source: the commit or the archive that rlid was installed from; "" where that is not known.
        processor: of the machine on which the run ended.
        capability: the instructions that torch, numpy, oneDNN and MKL used, as the records of the
            trials have them.
        by: who published it, in their own words.
        when: when it was measured, in their own words.
    """

    rlid: Name
    source: Text = ""
    processor: Text = ""
    capability: dict[Name, Text] = Field(default_factory=dict, max_length=20)
    by: Text = ""
    when: Text = ""


class Published(StrictModel):
    """One measurement, complete enough to be re-derived by anyone.

    A file that lacks a field of a later version has its default, and is written again without it,
    so that digests of earlier files stay valid.

    Attributes:
        common: what the specs of all trials share: every field but d and seed.
        reference: the score that the rule takes for full performance: that of direct training, or
            the task's own baseline.
        sha256: the SHA-256 of the canonical JSON of all other fields. It reveals a change by
            accident or in part; whoever changes a file on purpose can compute it anew.
    """

    schema_version: Literal[1] = 1
    command: Text
    question: MeasurementSpec
    kind: Literal["rl", "supervised", "synthetic"]
    common: dict[Name, Any] = Field(max_length=100)
    D: int = Field(ge=1, le=MAX_D)
    random: Score
    reference: Score
    threshold: Score
    answer: Answer
    curve: list[PublishedCurvePoint] = Field(max_length=MAX_POINTS)
    env_steps: Count
    hidden_state: dict[Name, Count] = Field(max_length=100)
    smallest_solved: int | None
    reference_record: Reference
    machine: Machine
    versions: list[Annotated[dict[Name, Name], Field(max_length=50)]] = Field(max_length=1000)
    policy: PolicyReport | None = None
    origin: Origin | None = None
    rows: list[TrialRow] = Field(max_length=MAX_TRIALS)
    sha256: Sha256

    @property
    def name(self) -> str:
        """The stem of its files: what tells it apart from other measurements of the task."""
        asked = self.question
        return "-".join((asked.agent, asked.network, asked.projection, asked.digest))

    @property
    def is_first_edition(self) -> bool:
        """Whether one look could end a trial unsolved, as in rlid 0.1: see `TrialSpec.stopping`.

        Trials whose last candidate is scored (`--rule paper`) never rested on that rule.
        """
        common = self.common
        has_old_rule = common.get("stopping", "look") == "look"
        return self.kind == "rl" and has_old_rule and common.get("candidate", "best") == "best"

    @property
    def dmax(self) -> int:
        """The largest d that was open to the search."""
        return bounds(self.question, self.D)[1]

    @property
    def solved_policy(self) -> PolicyReport | None:
        """The report of its exported policy, where that counts as a solution."""
        return self.policy if self.policy is not None and self.policy.solved else None

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

    @property
    def judgement(self) -> Judgement:
        """What the trials are judged by."""
        judgement = Judgement.of(self.question, random=self.random, full=self.reference)
        low, high = bounds(self.question, self.D)
        # The file's own threshold: it may differ in the last bit from what this machine computes.
        return replace(judgement, threshold=self.threshold, dmin=low, dmax=high)

    def records(self) -> list[Record]:
        """Return the rows as records, without learning curves.

        Raises:
            DamagedRecord: a row fits no spec, or names versions that are not listed.
            InputError: the rule takes a share of a reference that is not positive.
        """
        if any(row.versions >= len(self.versions) for row in self.rows):
            raise DamagedRecord("a row names versions that are not listed")
        judgement = asdict(self.judgement)
        return [
            Record(
                **row.model_dump(exclude={"d", "seed", "key", "versions", "is_improving"}),
                **judgement,
                spec=self.spec(row.d, row.seed),
                D=self.D,
                curve=[],
                versions=self.versions[row.versions],
            )
            for row in self.rows
        ]

    def digest(self) -> str:
        """Return the SHA-256 of all fields that were set, but for the digest itself."""
        fields = self.model_dump(mode="json", exclude={"sha256"}, exclude_unset=True)
        return hashlib.sha256(canonical(fields).encode()).hexdigest()

    def dump(self) -> str:
        """Return the text of the file."""
        return self.model_dump_json(indent=1, exclude_unset=True) + "\n"


def parse(text: str) -> Published:
    """Read a published measurement from strict JSON.

    Raises:
        DamagedRecord: it is not one; the message says what is wrong in one line.
    """
    return validate(Published, parse_json(text))


def bounds(question: MeasurementSpec, D: int) -> tuple[int, int]:
    """Return the smallest and the largest d that were open to the search."""
    if question.dims:
        return question.dims[0], question.dims[-1]
    if question.dmax:
        return 1, question.dmax
    return D, D
