"""Strict JSON: no NaN, no name twice, exact types, and one text for equal values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from rlid.errors import DamagedRecord, NewerRecord, UnknownField, first_line
from rlid.records.fields import visible

M = TypeVar("M", bound=BaseModel)
MAX_DEPTH = 32
"""Levels of objects and lists in each other; files of ours have fewer than ten."""
MAX_MEMBERS = 10_000
"""Names in one object; those of ours have fewer than a thousand."""
MAX_CONTAINERS = 500_000
"""Objects and lists in one text: a byte of them takes a hundred bytes of memory."""


class StrictModel(BaseModel):
    """A frozen model that takes its own fields, finite numbers, and nothing else."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def canonical(value: Mapping[str, Any]) -> str:
    """Return JSON that is the same for equal values: sorted names, no spaces, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def parse_json(text: str) -> Any:
    """Read strict JSON: no NaN or infinity, no name twice.

    Raises:
        DamagedRecord: the text is not that.
    """
    try:
        value = _STRICT.decode(text)
        _check_depth(value)
        return value
    except DamagedRecord:
        raise
    except (ValueError, RecursionError) as error:
        raise DamagedRecord(f"not JSON: {first_line(error)}") from None


def validate(model: type[M], value: Any) -> M:
    """Return JSON's `value` as a `model`, each of its types as it is: "1" is no number.

    Raises:
        NewerRecord: it is of a later schema than this version of rlid reads.
        UnknownField: it has a field that the model has not.
        DamagedRecord: it is none; the first complaint in one line.
    """
    schema = model.model_fields.get("schema_version")
    version = value.get("schema_version") if isinstance(value, dict) else None
    if schema is not None and type(version) is int and version > schema.default:
        raise NewerRecord(f"written in schema {version}: upgrade rlid to read it")
    try:
        return model.model_validate_json(json.dumps(value), strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = visible(" ".join(".".join(map(str, first["loc"])).split("\n"))) or "record"
        kind = UnknownField if first["type"] == "extra_forbidden" else DamagedRecord
        raise kind(f"{where}: {first['msg']}") from None


def _check_depth(value: Any) -> None:
    """Refuse JSON whose depth could exhaust the stack, or whose parts the memory."""
    level, depth, containers = [value], 0, 0
    while level:
        containers += len(level)
        if depth > MAX_DEPTH:
            raise DamagedRecord(f"not JSON of ours: nested deeper than {MAX_DEPTH}")
        if containers > MAX_CONTAINERS:
            raise DamagedRecord(f"not JSON of ours: more than {MAX_CONTAINERS} objects and lists")
        level = (
            [
                inner
                for outer in level
                for inner in (outer.values() if isinstance(outer, dict) else outer)
                if isinstance(inner, dict | list)
            ]
            if depth or isinstance(value, dict | list)
            else []
        )
        depth += 1


def _refuse(constant: str) -> Any:
    raise DamagedRecord(f"{constant} is not allowed in a record")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(pairs) > MAX_MEMBERS:
        raise DamagedRecord(f"not JSON of ours: an object of {len(pairs)} names")
    result = dict(pairs)
    if len(result) != len(pairs):
        raise DamagedRecord("a name stands twice in one object")
    return result


_STRICT = json.JSONDecoder(parse_constant=_refuse, object_pairs_hook=_unique)
