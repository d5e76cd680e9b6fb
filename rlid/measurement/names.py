"""The name of a measurement, which is the same in the store, in its published file and on screen.

It is task/agent/network/projection/digest. The digest is that of the question, as in the name of
the published file; trials of a run that is not finished are named by what their specs share.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from rlid.errors import InputError
from rlid.records import MeasurementSpec, Record, TrialSpec
from rlid.store import StoredMeasurement

if TYPE_CHECKING:
    from rlid.measurement.summary import Summary


def parts_of(spec: TrialSpec, digest: str) -> tuple[str, ...]:
    """Return the parts of the name of a trial's measurement."""
    return as_name((spec.task, spec.agent, spec.network, spec.projection, digest))


def name_of(question: MeasurementSpec) -> tuple[str, ...]:
    """Return the parts of the name of a finished measurement, by its question."""
    parts = (question.task, question.agent, question.network, question.projection)
    return as_name((*parts, question.digest))


def as_name(parts: Sequence[str]) -> tuple[str, ...]:
    """Return the parts of a measurement's name; a slash inside a part is written as "_"."""
    return tuple(part.replace("/", "_") for part in parts)


def typed_parts(wanted: str, tasks: Iterable[str]) -> tuple[str, ...]:
    """Return the parts of a name as it is typed, in which a task may have its own slashes.

    Args:
        wanted: such as "table:data/iris.csv,target=species/adam".
        tasks: the names of the tasks that may be meant.
    """
    for task in sorted(tasks, key=len, reverse=True):
        if wanted == task or wanted.startswith(f"{task}/"):
            return (*as_name((task,)), *wanted[len(task) :].split("/")[1:])
    return tuple(wanted.split("/"))


def group_digest(record: Record) -> str:
    """Return eight hexadecimal digits of what the trials of a record's measurement share."""
    name = record.spec.group
    if record.spec.stop_score is None:
        name += f"/{record.threshold}"
    return hashlib.sha256(name.encode()).hexdigest()[:8]


def digests_of(records: Sequence[Record], finished: Iterable[StoredMeasurement]) -> tuple[str, ...]:
    """Return the digests of the questions that records of one group answer, the widest first.

    Two questions that differ in d and seeds alone share their trials.

    Args:
        records: the trials of one measurement.
        finished: the measurements of finished runs in their store.
    """
    keys, threshold = {record.key for record in records}, records[0].threshold
    asked = [
        measurement
        for measurement in finished
        if measurement.threshold == threshold and not keys.isdisjoint(measurement.trials)
    ]
    asked.sort(key=lambda measurement: (-len(measurement.trials), measurement.question.digest))
    return tuple(measurement.question.digest for measurement in asked)


def select(summaries: Sequence[Summary], wanted: str) -> Summary:
    """Return the one measurement that `wanted` names: task/agent/network/projection/digest.

    The first parts are enough where they fit one measurement alone; the digest may follow them
    at once, as in task/agent/digest.

    Raises:
        InputError: none or several are named so.
    """
    parts = typed_parts(wanted, {summary.spec.task for summary in summaries})
    matching = [
        summary for summary in summaries if any(fits(name, parts) for name in summary.names)
    ]
    if len(matching) == 1:
        return matching[0]
    what = "several measurements are" if matching else "no measurement is"
    names = ", ".join(summary.path for summary in matching or summaries)
    raise InputError(f"{what} named {wanted!r}: name one of {names}")


def fits(name: tuple[str, ...], parts: tuple[str, ...]) -> bool:
    """Whether parts are the first ones of a measurement's name, or these and its digest."""
    start, last = parts[:-1], parts[-1]
    return name[: len(parts)] == parts or (last == name[-1] and name[: len(start)] == start)
