"""Trials of a published measurement, repeated alone in a process and a store of their own."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from rlid.engine import Agenda, Cell, LocalEngine
from rlid.errors import InputError
from rlid.leaderboard.from_records import row_of
from rlid.leaderboard.published import Published, TrialRow
from rlid.policies import policy
from rlid.records import Record
from rlid.registry import import_packages
from rlid.store import Leases, Store, this_machine
from rlid.task import resolve

IGNORED = {"seconds", "versions", "reason"}
"""Fields in which a repeated trial may differ: the time, the versions, and an error's words."""


def draw_rows(published: Published, n: int, seed: int) -> list[TrialRow]:
    """Draw n rows without replacement, or all where there are fewer."""
    rng = np.random.default_rng(seed)
    picked = rng.choice(len(published.rows), min(n, len(published.rows)), replace=False)
    return [published.rows[index] for index in sorted(picked.tolist())]


def repeat(
    published: Published, rows: Sequence[TrialRow], jobs: int = 1, imports: Sequence[str] = ()
) -> list[tuple[TrialRow, list[str]]]:
    """Run trials again; return each row with the fields in which it differs, one line each.

    Only packages that the caller names are imported; a file cannot ask for an import.

    Raises:
        InputError: the task is unknown, or another one here.
    """
    import_packages(imports)
    specs = [published.spec(row.d, row.seed) for row in rows]
    task = resolve(published.question.task)
    protocols = [(variant.protocol(), variant.backend) for variant in policy.variants(task)]
    if (specs[0].protocol, specs[0].backend) not in protocols:
        raise InputError(f"task {task.name!r} is another one here: its protocol differs")
    judgement = replace(published.judgement, dmin=1, dmax=1)
    records: dict[str, Record] = {}
    with (
        tempfile.TemporaryDirectory(prefix="rlid-") as folder,
        LocalEngine(jobs, task.patience) as engine,
    ):
        store, leases = Store(folder), Leases(folder)
        cells = [
            Cell(task.name, tuple(imports), (spec,), judgement, str(store.folder)) for spec in specs
        ]

        def on_record(record: Record) -> None:
            records[record.key] = record

        engine.run(Agenda(cells, store, leases, lambda _: published.D, on_record))
        leases.close()
    return [
        (row, _differences(row, records.get(spec.key)))
        for row, spec in zip(rows, specs, strict=True)
    ]


def other_processor(published: Published) -> list[str]:
    """Return a note where the trials ran on another kind of processor; else nothing."""
    here, there = this_machine().processor, published.machine.processor
    if here == there:
        return []
    return [
        f"measured on {there}, repeated on {here}: libraries may add up in another order there, "
        "so that a trial may come out otherwise; training by gradients follows the last bits of "
        "every sum, and mostly does; what must agree is d_int90"
    ]


def _differences(row: TrialRow, again: Record | None) -> list[str]:
    """Return the differing fields, one line each, among those that the file states."""
    if again is None:
        return ["it left no record"]
    if again.is_missing and again.status != row.status:
        return [f"it could not be run here: {again.reason}"]
    first = row.model_dump(exclude=IGNORED, exclude_unset=True)
    second = row_of(again, 0).model_dump(exclude=IGNORED)
    return [
        f"{name} is {second[name]!r}, not {first[name]!r}"
        for name in first
        if first[name] != second[name]
    ]
