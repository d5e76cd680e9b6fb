"""The files of suites: named lists of measurements, as validated TOML data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rlid.agent import AGENTS
from rlid.errors import InputError, first_line
from rlid.measurement.dims import read_dims
from rlid.measurement.toml_text import read_toml
from rlid.networks import parse
from rlid.records import MeasurementSpec, complaint
from rlid.registry import unknown

SUFFIX = ".toml"
MAX_BYTES = 1_000_000
"""Of a suite's file."""
MAX_ROWS = 1000
FIELDS = frozenset(MeasurementSpec.model_fields) - {"imports", "round_size"}
"""What a row may say. Packages are imported only where the command line names them."""
EXTENT = ("dmax", "dims", "seeds")
"""Fields of a row that say how far the measurement goes: up to which d, with how many seeds."""
OF_AGENT = ("agent", "settings", "budget")
"""Fields of a row that belong to its own agent, and do not pass on to another one."""


REPLACEABLE = ("agent", "network")
"""Fields that options may replace so that two rows ask the same question."""


class SuiteFile(BaseModel):
    """The content of a suite's file.

    Attributes:
        title: the suite in one line.
        defaults: fields of every row that does not set them.
        row: the rows, each with fields of a measurement; `task` is the one that each must have.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    title: str = Field(default="", max_length=300)
    defaults: dict[str, Any] = Field(default_factory=dict)
    row: list[dict[str, Any]] = Field(min_length=1, max_length=MAX_ROWS)


@dataclass(frozen=True)
class SuiteRow:
    """One row of a suite: the options of a measurement.

    Attributes:
        options: fields of a MeasurementSpec, `task` among them.
    """

    options: Mapping[str, Any]

    @property
    def task(self) -> str:
        """The task's name."""
        return str(self.options["task"])

    @property
    def dmax(self) -> int:
        """The largest d that the row names; 0 where it leaves that to the task."""
        return int(max([self.options.get("dmax", 0), *self.options.get("dims", ())]))

    @property
    def seeds(self) -> int:
        """How many seeds it takes."""
        return int(self.options.get("seeds", MeasurementSpec.model_fields["seeds"].default))

    @property
    def subject(self) -> tuple[str, ...]:
        """What the row measures, and how: every field but those of its EXTENT."""
        fields = {key: value for key, value in self.options.items() if key not in EXTENT}
        return SuiteRow(fields).fields

    @property
    def fields(self) -> tuple[str, ...]:
        """All its fields in words, by which two rows are the same."""
        return tuple(f"{key}={value!r}" for key, value in sorted(self.options.items()))

    @property
    def label(self) -> str:
        """The row's name for `--only`: the task, and the agent and network where it names them."""
        names = (self.options.get(name) for name in ("task", "agent", "network"))
        return "/".join(name for name in names if name)


@dataclass(frozen=True)
class Suite:
    """A named list of measurements.

    Attributes:
        name: what it is called.
        title: what it is, in one line.
        rows: the measurements.
    """

    name: str
    title: str
    rows: tuple[SuiteRow, ...]

    def adapted(
        self,
        *,
        agent: str | None = None,
        network: str | None = None,
        seeds: int | None = None,
        settings: Sequence[str] = (),
        only: str | None = None,
    ) -> Suite:
        """Return the suite with other options in every row.

        A row whose agent or network is replaced may then differ from another one in its d and its
        number of seeds alone: both become one row, with the largest d and the most seeds. Rows that
        are then the same are kept once. All others stay as they are.

        Args:
            agent: an agent in place of each row's own. The settings and the budget of a row are
                those of its own agent: they are left out for another one.
            network: a network in place of each row's own.
            seeds: how many seeds, in place of each row's own number.
            settings: assignments to the agent's hyper-parameters, after the task's recipe.
            only: keep the rows whose label or task this pattern fits, such as "cartpole*".

        Raises:
            InputError: the agent or the network is unknown, or no row fits the pattern.
        """
        if agent is not None:
            AGENTS[agent]
        if network is not None:
            network = parse(network).name
        kept = [row for row in self.rows if only is None or _fits(row, only)]
        if not kept:
            labels = ", ".join(row.label for row in self.rows)
            raise InputError(f"--only {only!r}: fits no row of suite {self.name!r}: {labels}")
        chosen = {"agent": agent, "network": network, "seeds": seeds}
        given: dict[str, Any] = {name: value for name, value in chosen.items() if value is not None}
        if settings:
            given["settings"] = tuple(settings)
        rows = []
        for row in kept:
            options = dict(row.options)
            if agent is not None and agent != options.get("agent"):
                options = {key: value for key, value in options.items() if key not in OF_AGENT}
            adapted = {**options, **given}
            is_replaced = any(adapted.get(name) != row.options.get(name) for name in REPLACEABLE)
            rows.append((SuiteRow(adapted), is_replaced))
        return replace(self, rows=_merged(rows))


def suite_names() -> list[str]:
    """Return the names of the suites that ship with rlid."""
    folder = files("rlid") / "suites"
    return sorted(
        path.name.removesuffix(SUFFIX) for path in folder.iterdir() if path.name.endswith(SUFFIX)
    )


def load_suite(name: str) -> Suite:
    """Return a suite that ships with rlid, by its name, or that of a file, by its path.

    Raises:
        InputError: there is no such suite, or the file is no suite; the message is one line.
    """
    if name in suite_names():
        return parse_suite(name, (files("rlid") / "suites" / f"{name}{SUFFIX}").read_bytes())
    path = Path(name)
    if path.suffix != SUFFIX:
        raise InputError(
            f"{unknown('suite', name, suite_names())}; a suite of your own is a file NAME.toml"
        )
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputError(f"suite {name!r} cannot be read: {error.strerror or error}") from None
    if len(data) > MAX_BYTES:
        raise InputError(f"suite {name!r}: the file has more than {MAX_BYTES:,} bytes")
    return parse_suite(path.stem, data)


def parse_suite(name: str, data: bytes) -> Suite:
    """Return the suite that a TOML file holds.

    Args:
        name: what the suite is called.
        data: the content of the file, UTF-8.

    Raises:
        InputError: it is no TOML, or no suite; the message names the row and the field.
    """
    try:
        content = SuiteFile(**read_toml(data))
    except InputError as error:
        raise InputError(f"suite {name!r} is not valid TOML: {error}") from None
    except (ValidationError, TypeError) as error:
        raise InputError(f"suite {name!r}: {_complaint(error)}") from None
    if "task" in content.defaults:
        raise InputError(f"suite {name!r}: [defaults] may not set task; each row names its own")
    defaults = _checked(name, "[defaults]", {**content.defaults, "task": "any"})
    rows = []
    for number, fields in enumerate(content.row, 1):
        where = f"row {number}"
        own = _checked(name, where, fields)
        inherited = dict(defaults)
        # A row that lists its d takes no dmax from the defaults, and the other way round.
        for given, other in (("dims", "dmax"), ("dmax", "dims")):
            if given in own:
                inherited.pop(other, None)
        rows.append(SuiteRow({**inherited, **own}))
    if len({row.fields for row in rows}) < len(rows):
        raise InputError(f"suite {name!r}: two rows are the same")
    return Suite(name, content.title, tuple(rows))


def _merged(rows: Sequence[tuple[SuiteRow, bool]]) -> tuple[SuiteRow, ...]:
    """Return rows, each with whether its agent or network was replaced, with these merged."""
    merged: dict[tuple[str, ...], SuiteRow] = {}
    # Of rows that nothing replaced only equal ones are merged, not even by way of a third row.
    own = {row.subject: row.fields for row, is_replaced in reversed(rows) if not is_replaced}
    for row, is_replaced in rows:
        key = own.get(row.subject, row.subject) if is_replaced else row.fields
        merged[key] = _wider(merged.get(key, row), row)
    return tuple(merged.values())


def _wider(row: SuiteRow, other: SuiteRow) -> SuiteRow:
    """Return the row with the larger d, the first of equal ones, with the seeds of either."""
    wider = other if other.dmax > row.dmax else row
    return SuiteRow({**wider.options, "seeds": max(row.seeds, other.seeds)})


def _fits(row: SuiteRow, pattern: str) -> bool:
    return fnmatchcase(row.label, pattern) or fnmatchcase(row.task, pattern)


def _checked(name: str, where: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a row with their types and bounds checked.

    Raises:
        InputError: a field is unknown or out of range, or there is no task.
    """
    for field in fields:
        if field not in FIELDS:
            raise InputError(f"suite {name!r}, {where}: {unknown('field', field, sorted(FIELDS))}")
    if "task" not in fields:
        raise InputError(f'suite {name!r}, {where}: name a task, such as task = "cartpole"')
    options = dict(fields)
    try:
        if isinstance(options.get("dims"), str):
            options["dims"] = read_dims(options["dims"])
        elif isinstance(options.get("dims"), list):
            options["dims"] = tuple(options["dims"])
        if isinstance(options.get("settings"), list):
            options["settings"] = tuple(options["settings"])
        spec = MeasurementSpec.checked({"agent": "any", "network": "any", **options})
    except InputError as error:
        raise InputError(f"suite {name!r}, {where}: {error}") from None
    # As the spec has them: "5" in a list of d is the number 5.
    return {name: getattr(spec, name) for name in options}


def _complaint(error: ValidationError | TypeError) -> str:
    if isinstance(error, TypeError):
        return first_line(error)
    first = error.errors(include_url=False)[0]
    place = ".".join(map(str, first["loc"]))
    if first["type"] == "extra_forbidden":
        return unknown("field", place, sorted(SuiteFile.model_fields))
    if first["loc"] == ("row",) and first["type"] in ("missing", "list_type", "too_short"):
        return "name its rows, each below a line [[row]]"
    return f"{place}: {complaint(first)}"
