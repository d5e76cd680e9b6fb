"""The question that a measurement answers: what was asked of `rlid run`, ready to be stored."""

from __future__ import annotations

import hashlib
import shlex
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rlid.errors import InputError, brief
from rlid.records.fields import Count, Finite, Name, Text
from rlid.records.spec import MAX_D, MAX_SEED
from rlid.records.strict_json import canonical

Dims = Annotated[tuple[Annotated[int, Field(ge=1, le=MAX_D)], ...], Field(max_length=10_000)]
DEFAULT_FRACTION = 0.9
PROTOCOL = ("observation", "backend")
"""Options that put something else in place of what the task's protocol says."""
OPTION_NAMES = {"settings": "set", "imports": "import"}
"""Options of the command line that have another name than the field."""


class MeasurementSpec(BaseModel):
    """The options of `rlid run` that bear on the answer; where and how fast it ran do not.

    Every option is declared here once, with its type, its default and its bounds:
    `rlid.measure`, the command line and published files follow these fields.

    Attributes:
        task: the task's name.
        agent: which optimizer searches z.
        network: the network's name in its canonical spelling.
        projection: the kind of random projection.
        dmax: the largest d, where every d up to it was open to the search.
        dims: the d that were open, where they were listed.
        seeds: how many seeds, from `seed` on.
        seed: the first seed.
        search: how the trials are chosen.
        precision: width of the interval over d_int90 at which the adaptive search ends.
        max_trials: the most trials that the adaptive search may ask for.
        round_size: trials of an adaptive round; it follows from the agent.
        budget: steps of one trial, where not the task's own.
        observation: the observation rule, where not the task's own.
        backend: the simulator, where not the task's own.
        device: where a gradient agent trains: "cpu", "cuda", "cuda:N" or "auto".
        full: whether every trial runs its whole budget.
        fraction: the share of the reference that counts as solved.
        rule: how the threshold follows from the reference, see `judgement.threshold_of`.
        baseline: "own" judges by this network's direct training, "global" by the task's figure.
        reference: a user's own reference score, in place of direct training.
        reference_source: where `reference` comes from, in words.
        settings: assignments to the agent's hyper-parameters, after the task's recipe.
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
    max_trials: Count | None = Field(default=None, ge=1)
    round_size: int = Field(default=5, ge=1, le=1000)
    budget: Count | None = Field(default=None, ge=1)
    observation: Name | None = None
    backend: Name | None = None
    device: Name = "cpu"
    full: bool = False
    fraction: float = Field(default=DEFAULT_FRACTION, gt=0, le=1)
    rule: Literal["normalised", "raw", "paper"] = "normalised"
    baseline: Literal["own", "global"] = "own"
    reference: Finite | None = None
    reference_source: Text = ""
    settings: tuple[Text, ...] = Field(default=(), max_length=100)
    imports: tuple[Name, ...] = Field(default=(), max_length=100)

    @classmethod
    def checked(cls, fields: dict[str, Any]) -> MeasurementSpec:
        """Return the spec with these fields.

        Raises:
            InputError: one of them is out of range; the message names the option.
        """
        try:
            return cls(**fields)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            name = str(first["loc"][0])
            value = fields.get(name)
            try:
                text = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
            except ValueError:
                # Python writes out no number of more than 4,300 digits.
                text = brief(value)
            raise InputError(f"{option_name(name)} {text}: {complaint(first)}") from None

    @property
    def digest(self) -> str:
        """Eight hexadecimal digits of the question; options at their default do not enter."""
        asked = self.model_dump(mode="json", exclude_defaults=True)
        return hashlib.sha256(canonical(asked).encode()).hexdigest()[:8]

    @property
    def is_usual_projection(self) -> bool:
        """Whether it has the kind of projection that is the default."""
        return bool(self.projection == type(self).model_fields["projection"].default)

    @property
    def judged_by(self) -> str:
        """The rule of success in a few words: "normalised", "paper, global", "raw at 0.8"."""
        words: list[str] = [self.rule]
        if self.reference is not None:
            words.append(f"given reference {self.reference:g}")
        elif self.baseline != "own":
            words.append(self.baseline)
        text = ", ".join(words)
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
        # Published files hold this text: its order is fixed.
        for name in (
            "projection", "seed", "search", "precision", "max_trials", "budget", *PROTOCOL,
            "device", "full", "fraction", "rule", "baseline", "reference", "reference_source",
        ):  # fmt: skip
            value = getattr(self, name)
            if value != MeasurementSpec.model_fields[name].default:
                words += [option_name(name)] + ([] if value is True else [f"{value}"])
        for name in ("settings", "imports"):
            words += [word for value in getattr(self, name) for word in (option_name(name), value)]
        return shlex.join(words)


def option_name(field: str) -> str:
    """Return the command line's option for a field of MeasurementSpec: "--max-trials"."""
    return "--" + OPTION_NAMES.get(field, field).replace("_", "-")


def complaint(error: Any) -> str:
    """Return what is wrong with a value, in words, from pydantic's account of it."""
    bounds = error.get("ctx", {})
    if error["type"] == "literal_error":
        return f"use one of {bounds['expected']}".replace("'", "").replace(" or ", ", ")
    words = {
        "greater_than_equal": f"must be at least {bounds.get('ge')}",
        "greater_than": f"must be above {bounds.get('gt')}",
        "less_than_equal": f"must be at most {bounds.get('le')}",
        "less_than": f"must be below {bounds.get('lt')}",
        "finite_number": "must be finite",
        "int_type": "must be a whole number",
        "int_parsing": "must be a whole number",
        "int_from_float": "must be a whole number",
        "float_type": "must be a number",
        "float_parsing": "must be a number",
        "bool_type": "must be true or false",
        "bool_parsing": "must be true or false",
        "string_type": "must be a text",
        "tuple_type": "must be a list",
        "list_type": "must be a list",
        "missing": "is missing",
    }
    message = str(error["msg"])
    return words.get(error["type"], message[:1].lower() + message[1:])
