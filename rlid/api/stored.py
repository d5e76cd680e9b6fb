"""`rlid.load`: the measurements of a store, with their trials, z and policies."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlid.api.measurement import Measurement, policy_of
from rlid.api.tables import dataframe, html_table
from rlid.errors import InputError
from rlid.measurement import answer, count, measurements, select
from rlid.policies import Policy
from rlid.records import Record
from rlid.store import Store


class StoredResults:
    """What a store holds; a sequence of measurements, which names select too."""

    def __init__(self, folder: Path, task: str | None = None) -> None:
        """Read nothing yet; `task` leaves the others out."""
        self.folder, self._task = folder, task

    @cached_property
    def measurements(self) -> list[Measurement]:
        """The measurements, in a fixed order."""
        stored = measurements(Store(self.folder), self._task)
        return [Measurement.of_summary(each, self.folder) for each in stored]

    @cached_property
    def trials(self) -> list[Record]:
        """Every trial, those of direct training included."""
        return list(Store(self.folder).records(self._task))

    def z(self, record: Record) -> NDArray[np.float32]:
        """Return the coordinates z (d,) that a trial found.

        Raises:
            DamagedRecord: there are none.
        """
        return Store(self.folder).z(record)

    def policy(self, record: Record) -> Policy:
        """Return the policy that a trial found, ready to act.

        Raises:
            InputError: the task is another one here, or has no policy.
            DamagedRecord: the store has no z of the trial.
        """
        return policy_of(record, Store(self.folder))

    def to_dataframe(self) -> Any:
        """Return the trials of all measurements as a pandas DataFrame, one row each.

        Raises:
            InputError: pandas is not installed.
        """
        return dataframe(record for each in self.measurements for record in each.records)

    def __len__(self) -> int:
        """Return the number of measurements."""
        return len(self.measurements)

    def __iter__(self) -> Iterator[Measurement]:
        """Yield the measurements."""
        return iter(self.measurements)

    def __getitem__(self, which: int | str) -> Measurement:
        """Return a measurement by its position, or by its name or the first parts of it.

        Raises:
            InputError: no measurement, or more than one, has a name that begins so.
            IndexError: there is none at this position.
        """
        if isinstance(which, str):
            chosen = select([each.summary for each in self.measurements], which)
            return next(each for each in self.measurements if each.summary is chosen)
        return self.measurements[which]

    def __repr__(self) -> str:
        """Return one line for the store and one for each measurement."""
        first = f"<store {str(self.folder)!r}: {count(len(self), 'measurement')}>"
        return "\n".join([first, *(f"  {each.sentence}" for each in self)])

    def _repr_html_(self) -> str:
        """Return what a notebook shows: a table with a row for each measurement."""
        rows = [(each.name, answer(each.estimate), f"{len(each.records)}") for each in self]
        return html_table(("measurement", "answer", "trials"), rows)


def load(store: str | os.PathLike[str] = "rlid-store", task: str | None = None) -> StoredResults:
    """Return the measurements of a store. Nothing is trained.

    Args:
        store: the folder.
        task: only the measurements of this task.

    Raises:
        InputError: there is no such folder.
    """
    folder = Path(os.path.abspath(store))
    if not folder.is_dir():
        raise InputError(f"no store at {os.fspath(store)!r}: name its folder, or measure first")
    return StoredResults(folder, task)
