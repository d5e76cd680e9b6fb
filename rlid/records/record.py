"""The validated schema of a trial: its spec (the key) and the record of what came out."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import json
import math
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rlid.records.fields import Count, Finite, Name, Sha256, Text, Value, visible

SCHEMA_VERSION = 1
MAX_CURVE_POINTS = 200
MAX_D = 10**9
MAX_SEED = 2**32
REFERENCE_SEED = 2**32
"""Direct training for the reference uses seeds from here on; measurements stay below."""

M = TypeVar("M", bound=BaseModel)
Status = Literal["solved", "unsolved", "error", "nonfinite", "timeout"]
MISSING = ("error", "nonfinite", "timeout")
"""Statuses that are the environment's or the machine's fault: such a trial says nothing of d."""
LATER = {"candidate": "best"}
"""Fields that specs got later, with their defaults: the keys of earlier trials stay valid."""
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


class DamagedRecord(ValueError):
    """Text that is not a valid record; the message says what is wrong in one line."""


class NewerRecord(DamagedRecord):
    """A record of a later schema than this version of rlid reads."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Spec(_Model):
    """All that a trial's result depends on. Same spec, same result: it is never run twice."""

    task: Name
    task_version: int = Field(ge=1)
    protocol: dict[Name, Value] = Field(max_length=100)
    backend: Name
    dtype: Literal["float32", "float64"] = "float32"
    agent: Name
    settings: dict[Name, Value] = Field(max_length=100)
    network: Name
    projection: Name
    projection_version: int = Field(ge=1)
    d: int = Field(ge=1, le=MAX_D)
    seed: int = Field(ge=0, lt=2 * REFERENCE_SEED)
    stop_score: Finite | None = None
    budget: int = Field(ge=1, le=10**15)
    candidate: Literal["best", "last"] = "best"
    """Which z is scored when the budget ends: the best validated one, or the last."""

    @property
    def key(self) -> str:
        """SHA-256 of the canonical JSON: sorted names, no spaces."""
        return hashlib.sha256(canonical(self._plain()).encode()).hexdigest()

    def _plain(self, *left_out: str) -> dict[str, Any]:
        """Return the fields; those added later only where they are not at their default."""
        later = {name for name in LATER if getattr(self, name) == LATER[name]}
        return self.model_dump(exclude=later | set(left_out))

    @property
    def group(self) -> str:
        """The canonical JSON without d and seed: what the trials of one measurement share.

        Subspaces of dimension D and direct training (identity) are different projections, so that
        a reference never mixes with a measurement.
        """
        return canonical(self._plain("d", "seed"))


class Record(_Model):
    """What came out of one trial. Steps are environment steps, scores are mean returns."""

    schema_version: Literal[1] = 1
    spec: Spec
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
    hidden_state: dict[Name, Count] = Field(default_factory=dict, max_length=100)
    notes: dict[Name, Value] = Field(default_factory=dict, max_length=100)
    theta_sha256: Sha256 | None = None
    z_sha256: Sha256 | None = None
    versions: dict[Name, Name] = Field(max_length=50)
    rule: Literal["normalised", "raw", "paper"] | None = None
    baseline: Literal["own", "global"] | None = None

    @property
    def key(self) -> str:
        """The spec's key."""
        return self.spec.key

    @property
    def is_missing(self) -> bool:
        """Whether the environment or the machine failed, so that nothing is known of this trial."""
        return self.status in MISSING


@dataclass(frozen=True)
class Judgement:
    """What a trial is judged by; it is recorded, and no part of its spec.

    dmin and dmax are the ends of the range in which its measurement looks for the threshold;
    `reference` is what the rule takes for full performance, whichever baseline it is.
    """

    threshold: float | None = None
    random: float | None = None
    reference: float | None = None
    dmin: int = 1
    dmax: int = 1
    rule: Literal["normalised", "raw", "paper"] | None = None
    baseline: Literal["own", "global"] | None = None


def judged(record: Record, by: Judgement | Record) -> Record:
    """Return the record as judged by something else than at the time.

    A trial that might have stopped early was run for its threshold, and stays as it is.
    """
    if record.spec.stop_score is not None or by.threshold is None:
        return record
    status = record.status
    if not record.is_missing:
        has_passed = record.score is not None and record.score >= by.threshold
        status = "solved" if has_passed and not record.reason else "unsolved"
    names = ("threshold", "random", "reference", "rule", "baseline")
    return record.model_copy(
        update={"status": status, **{name: getattr(by, name) for name in names}}
    )


def missing_record(
    spec: Spec, judgement: Judgement, D: int, status: Status, reason: str, seconds: float
) -> Record:
    """Return the record of a trial that the environment or the machine ended from outside."""
    return Record(
        spec=spec,
        status=status,
        reason=reason[:4000],
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
    """Return the versions of what a result may depend on."""
    found = {"python": platform.python_version()}
    for name in VERSIONED:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def canonical(value: Mapping[str, Any]) -> str:
    """Return JSON that is the same for equal values: sorted names, no spaces, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def written(record: Record) -> str:
    """Return the text that a record's file holds."""
    return record.model_dump_json(indent=1) + "\n"


def parse_json(text: str) -> Any:
    """Read strict JSON: no NaN or infinity, no name twice.

    Raises:
        DamagedRecord: the text is not that.
    """
    try:
        return _STRICT.decode(text)
    except DamagedRecord:
        raise
    except (ValueError, RecursionError) as error:
        raise DamagedRecord(f"not JSON: {error}".splitlines()[0]) from None


def parse_record(text: str) -> Record:
    """Read a record from strict JSON.

    Raises:
        NewerRecord: it is of a later schema.
        DamagedRecord: it is not one.
    """
    with contextlib.suppress(ValidationError):
        # What reads back as it was written has no name twice; this is four times as fast.
        record = Record.model_validate_json(text)
        if written(record) == text:
            return record
    value = parse_json(text)
    version = value.get("schema_version") if isinstance(value, dict) else None
    if type(version) is int and version > SCHEMA_VERSION:
        raise NewerRecord(f"a record of schema {version}: upgrade rlid to read it")
    return validate(Record, value)


def validate(model: type[M], value: Any) -> M:
    """Return JSON's `value` as a `model`, each of its types as it is: "1" is no number.

    Raises:
        DamagedRecord: it is none; the first complaint in one line.
    """
    try:
        return model.model_validate_json(json.dumps(value), strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = visible(" ".join(".".join(map(str, first["loc"])).split("\n"))) or "record"
        raise DamagedRecord(f"{where}: {first['msg']}") from None


def thin_curve(curve: list[tuple[int, float]]) -> list[tuple[int, float]]:
    """Return at most MAX_CURVE_POINTS of the points, evenly spaced, the last one included."""
    step = math.ceil(len(curve) / MAX_CURVE_POINTS) if curve else 1
    return curve[::-1][::step][::-1]


def _refuse(constant: str) -> Any:
    raise DamagedRecord(f"{constant} is not allowed in a record")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise DamagedRecord("a name stands twice in one object")
    return result


_STRICT = json.JSONDecoder(parse_constant=_refuse, object_pairs_hook=_unique)
