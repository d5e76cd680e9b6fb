"""The question a measurement answers: what was asked of `rlid run`, ready to be stored."""

from __future__ import annotations

import hashlib
import shlex
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from rlid.records.fields import Count, Name, Text
from rlid.records.spec import MAX_D, MAX_SEED
from rlid.records.strict_json import canonical

Dims = Annotated[tuple[Annotated[int, Field(ge=1, le=MAX_D)], ...], Field(max_length=10_000)]
DEFAULT_FRACTION = 0.9
PROTOCOL = ("observation", "backend")
"""Options that put something else in place of what the task's protocol says."""


class MeasurementSpec(BaseModel):
    """The options of `rlid run` that bear on the answer; how it was run is no part of it.

    Attributes:
        dmax: the largest d, where every d up to it was open to the search.
        dims: the d that were open, where they were listed.
        seeds: how many seeds, from `seed` on.
        budget: steps of one trial, where another than the task's own was asked for.
        observation: the observation rule, where another than the task's own was asked for.
        backend: the simulator, where another than the task's own was asked for.
        settings: assignments to the agent's hyper-parameters, besides the task's recipe.
        imports: packages that register environments, tasks or agents.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    task: Name
    agent: Name
    network: Name
    projection: Name = "onehot"
    dmax: int | None = Field(default=None, ge=1, le=MAX_D)
    dims: Dims | None = None
    seeds: int = Field(default=10, ge=1, le=10_000)
    seed: int = Field(default=0, ge=0, lt=MAX_SEED)
    search: Literal["adaptive", "bisect", "grid"] = "adaptive"
    precision: float = Field(default=0.25, gt=0)
    max_trials: Count | None = None
    budget: Count | None = None
    observation: Name | None = None
    backend: Name | None = None
    full: bool = False
    fraction: float = Field(default=DEFAULT_FRACTION, gt=0, le=1)
    rule: Literal["normalised", "raw", "paper"] = "normalised"
    baseline: Literal["own", "global"] = "own"
    settings: tuple[Text, ...] = Field(default=(), max_length=100)
    imports: tuple[Name, ...] = Field(default=(), max_length=100)

    @property
    def digest(self) -> str:
        """Eight hexadecimal digits of the question; options at their default do not enter."""
        asked = self.model_dump(mode="json", exclude_defaults=True)
        return hashlib.sha256(canonical(asked).encode()).hexdigest()[:8]

    @property
    def judged_by(self) -> str:
        """The rule of success in a word or two: "normalised", "paper, global", "raw at 0.8"."""
        text = self.rule if self.baseline == "own" else f"{self.rule}, {self.baseline}"
        return text if self.fraction == DEFAULT_FRACTION else f"{text} at {self.fraction:g}"

    @property
    def command(self) -> str:
        """The command that asks it, in one fixed wording."""
        words = ["rlid", "run", self.task, "--agent", self.agent, "--network", self.network]
        if self.dims is not None:
            words += ["--dims", ",".join(map(str, self.dims))]
        elif self.dmax is not None:
            words += ["--dmax", str(self.dmax)]
        words += ["--seeds", str(self.seeds)]
        for name in (
            "projection",
            "seed",
            "search",
            "precision",
            "max_trials",
            "budget",
            *PROTOCOL,
        ):
            value = getattr(self, name)
            if value != MeasurementSpec.model_fields[name].default:
                words += [f"--{name.replace('_', '-')}", f"{value}"]
        words += ["--full"] if self.full else []
        for name in ("fraction", "rule", "baseline"):
            value = getattr(self, name)
            if value != MeasurementSpec.model_fields[name].default:
                words += [f"--{name}", f"{value}"]
        for assignment in self.settings:
            words += ["--set", assignment]
        for package in self.imports:
            words += ["--import", package]
        return shlex.join(words)
