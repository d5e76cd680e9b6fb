"""The record of a trial: what came out, validated, and how it is written and read."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import math
import platform
import re
from functools import cache
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, ValidationError

from rlid.errors import DamagedRecord
from rlid.records.fields import Count, Finite, Name, Sha256, Text, Value, kept_text
from rlid.records.processor import capability
from rlid.records.spec import MAX_D, TrialSpec
from rlid.records.strict_json import StrictModel, parse_json, validate

if TYPE_CHECKING:
    from rlid.records.judgement import Judgement

SCHEMA_VERSION = 1
MAX_CURVE_POINTS = 200
NOT_WHOLE = "its content is not that of its SHA-256"
"""Why a record is damaged whose text and checksum differ."""
_END = "\n}\n"
_CHECKSUM = re.compile(r',\n "sha256": "[0-9a-f]{64}"\n}\n\Z')
_CHECKSUM_LENGTH = 90
MAX_NAMES = 100
"""Entries of a record's dictionaries, such as its notes."""
MERGED_FROM = "merged_from"
"""The note of a record that was merged from a published file: the file's digest."""

Status = Literal["solved", "unsolved", "error", "nonfinite", "timeout"]
MISSING = ("error", "nonfinite", "timeout")
"""Statuses of a fault of the environment, the agent or the machine: they say nothing of d."""
VERSIONED = (
    "rlid",
    "numpy",
    "torch",
    "gymnasium",
    "stable-baselines3",
    "cma",
    "mujoco",
    "ale-py",
    "minatar",
)


class Record(StrictModel):
    """What came out of one trial. Steps are environment steps, scores are mean returns.

    Attributes:
        status: "solved", "unsolved", or why nothing is known of the trial ("error", "nonfinite",
            "timeout").
        reason: why the trial is missing or diverged, in one line.
        score: mean return of `episodes` fresh episodes. Where `deciding_score` stands beside it,
            these episodes decided nothing, so that `score` may be below the threshold of a solved
            trial.
        deciding_score: mean return of the scoring that decided, in trials of stopping "confirmed".
        validation_steps: steps of looks, confirmations, and second looks at the budget's end.
        scoring_steps: steps of every scoring.
        curve: (search steps, mean return) of each look.
    """

    schema_version: Literal[1] = 1
    spec: TrialSpec
    status: Status
    reason: Text = ""
    score: Finite | None
    episodes: Count
    threshold: Finite | None
    random: Finite | None
    reference: Finite | None
    dmin: int = Field(ge=1, le=MAX_D)
    dmax: int = Field(ge=1, le=MAX_D)
    D: int = Field(ge=1, le=MAX_D)
    env_steps: Count
    search_steps: Count
    validation_steps: Count
    scoring_steps: Count
    stopped_early: bool
    seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    curve: list[tuple[Count, Finite]] = Field(max_length=MAX_CURVE_POINTS)
    hidden_state: dict[Name, Count] = Field(default_factory=dict, max_length=MAX_NAMES)
    notes: dict[Name, Value] = Field(default_factory=dict, max_length=MAX_NAMES)
    theta_sha256: Sha256 | None = None
    z_sha256: Sha256 | None = None
    versions: dict[Name, Name] = Field(max_length=50)
    rule: Literal["normalised", "raw", "paper"] | None = None
    baseline: Literal["own", "global", "given"] | None = None
    deciding_score: Finite | None = None

    @property
    def judged_score(self) -> float | None:
        """The score that is held against the threshold."""
        return self.score if self.deciding_score is None else self.deciding_score

    @property
    def key(self) -> str:
        """The spec's key."""
        return self.spec.key

    @property
    def is_merged(self) -> bool:
        """Whether it was merged from a published file, which holds the z of one trial alone."""
        return MERGED_FROM in self.notes

    @property
    def is_missing(self) -> bool:
        """Whether the environment, the agent or the machine failed, so that nothing is known."""
        return self.status in MISSING


def missing_record(
    spec: TrialSpec, judgement: Judgement, D: int, status: Status, reason: str, seconds: float
) -> Record:
    """Return the record of a trial that the environment or the machine ended from outside."""
    return Record(
        spec=spec,
        status=status,
        reason=kept_text(reason),
        score=None,
        episodes=0,
        threshold=judgement.threshold,
        random=judgement.random,
        reference=judgement.reference,
        dmin=judgement.dmin,
        dmax=judgement.dmax,
        rule=judgement.rule,
        baseline=judgement.baseline,
        D=D,
        env_steps=0,
        search_steps=0,
        validation_steps=0,
        scoring_steps=0,
        stopped_early=False,
        seconds=round(seconds, 4),
        curve=[],
        versions=versions(),
    )


@cache
def versions() -> dict[str, str]:
    """Return the versions of what a result may depend on, and the instructions they use here."""
    present = {"python": platform.python_version()}
    for name in VERSIONED:
        try:
            present[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return present | capability()


def written(record: Record) -> str:
    """Return the text that a record's file holds: the record, and the SHA-256 of its own text."""
    text = _text(record.model_dump_json(indent=1))
    return f"{text[: -len(_END)]}{_checksum_line(text)}{_END}"


def split_checksum(text: str) -> tuple[str, bool]:
    """Return the text of a record without its checksum, and whether the checksum agrees.

    Files of rlid 0.1 have no checksum, which agrees with everything.
    """
    match = _CHECKSUM.search(text, max(0, len(text) - _CHECKSUM_LENGTH))
    if match is None:
        return text, True
    body = text[: match.start()] + _END
    return body, _checksum_line(body) + _END == match.group()


def parse_record(text: str) -> Record:
    """Read a record from strict JSON, with or without its checksum.

    Raises:
        NewerRecord: the text is a record of a later schema.
        DamagedRecord: the text is no record, or not the one that its checksum is of.
    """
    body, is_whole = split_checksum(text)
    record = _parse(body)
    if not is_whole:
        raise DamagedRecord(NOT_WHOLE)
    return record


def _parse(text: str) -> Record:
    with contextlib.suppress(ValidationError):
        # Text that is written back the same has no name twice; this is four times as fast. Fields
        # that older files lack are left out.
        record = Record.model_validate_json(text)
        if _text(record.model_dump_json(indent=1, exclude_unset=True)) == text:
            return record
    return validate(Record, parse_json(text))


def _text(json: str) -> str:
    return json + "\n"


def _checksum_line(text: str) -> str:
    return f',\n "sha256": "{hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()}"'


def thin_curve(curve: list[tuple[int, float]]) -> list[tuple[int, float]]:
    """Return at most MAX_CURVE_POINTS of the points, evenly spaced, the last one included."""
    step = math.ceil(len(curve) / MAX_CURVE_POINTS) if curve else 1
    return curve[::-1][::step][::-1]
