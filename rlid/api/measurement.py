"""A measurement as users of Python hold it: its answer, its trials, its figure and its policies."""

from __future__ import annotations

import base64
import html
import io
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rlid.api.tables import curve_rows, dataframe, html_table
from rlid.dimension import Estimate
from rlid.errors import InputError
from rlid.figures import plots, style
from rlid.measurement import (
    MeasurementRun,
    Plan,
    Summary,
    answer,
    count,
    further,
    reliable,
    summary,
)
from rlid.policies import Policy, policy
from rlid.records import Judgement, Record
from rlid.store import Reference, Store, write_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DOTS_PER_INCH = 80
"""Resolution of the figure in a notebook."""


@dataclass(frozen=True, repr=False, eq=False)
class Measurement:
    """The intrinsic dimension of one task, by one agent, network and projection.

    Attributes:
        records: the trials: in the order in which the search asked for them, or by d and seed
            where they were loaded from a store.
        estimate: d_int90, its interval, and the rest that follows from the trials.
        store: the folder that holds the trials.
        reference: what the threshold rests on; None where the store knows it no more.
        run: what `measure` did; None where the measurement was loaded.
        asked: digests of the questions that the trials answer; they are part of the name.
    """

    records: tuple[Record, ...]
    estimate: Estimate
    store: Path
    reference: Reference | None = None
    run: MeasurementRun | None = None
    asked: tuple[str, ...] = ()

    @classmethod
    def of_run(cls, run: MeasurementRun, store: Path) -> Measurement:
        """Return what a search came to, whose trials lie in a store."""
        asked = (run.plan.question.digest,)
        return cls(run.records, run.estimate, store, run.reference, run, asked)

    @classmethod
    def of_summary(cls, stored: Summary, store: Path) -> Measurement:
        """Return a measurement of a store."""
        return cls(stored.records, stored.estimate, store, stored.reference, asked=stored.asked)

    @cached_property
    def summary(self) -> Summary:
        """The trials by rising d and seed, and what follows from them.

        Raises:
            InputError: there is no trial.
        """
        if not self.records:
            raise InputError("this measurement has no trials")
        ordered = sorted(self.records, key=lambda record: (record.spec.d, record.spec.seed))
        return Summary(tuple(ordered), self.estimate, self.reference, self.asked)

    @property
    def d_int90(self) -> int | None:
        """The smallest d at which half of the seeds succeed; None where the answer is no figure.

        `estimate` says why: it lies above dmax, the trials give a bracket, or they give no answer.
        """
        return self.estimate.figure

    @property
    def interval(self) -> tuple[int | None, int | None]:
        """The ends of the 95 % interval of d_int90, None where it is open or not claimed."""
        return self.estimate.ci_low, self.estimate.ci_high

    @property
    def title(self) -> str:
        """Task, agent, network and projection in one line."""
        return self.run.plan.title if self.run else self.summary.title

    @property
    def name(self) -> str:
        """The name by which `rlid compare` and `StoredResults` know it."""
        return self.summary.path

    @property
    def sentence(self) -> str:
        """The answer in one line."""
        if self.run is not None:
            return self.run.sentence
        return f"{self.title}: {answer(self.estimate)}, {count(self.estimate.seeds, 'seed')}"

    @property
    def plan(self) -> Plan:
        """What was to be run.

        Raises:
            InputError: it was loaded from a store, which keeps trials and no plans.
        """
        return self._own_run("plan").plan

    @property
    def judgement(self) -> Judgement:
        """The threshold, and what it follows from."""
        return self.run.judgement if self.run else Judgement.of_record(self.summary.records[0])

    @property
    def trials_run(self) -> int:
        """How many trials were run now; the others were in the store."""
        return self.run.trials_run if self.run else 0

    @property
    def seconds(self) -> float:
        """Seconds that it took now."""
        return self.run.seconds if self.run else 0.0

    def to_json(self) -> dict[str, Any]:
        """Return the object of `rlid run --json`, or of `rlid show --json` where it was loaded."""
        return self.run.to_json() if self.run else summary.to_json(self.summary)

    def to_dataframe(self) -> Any:
        """Return the trials as a pandas DataFrame, one row each; see `rlid.api.tables`.

        Raises:
            InputError: pandas is not installed.
        """
        return dataframe(self.records)

    def plot(self, path: str | os.PathLike[str] | None = None) -> Figure:
        """Return the figure: success and score against d.

        Args:
            path: also write it there, in the format of the name's ending, such as "cartpole.svg".

        Raises:
            InputError: there is no trial, or no format has this ending.
        """
        figure = plots.figure(self.summary, answer(self.estimate))
        if path is not None:
            target = Path(path)
            kinds = figure.canvas.get_supported_filetypes()
            if target.suffix[1:] not in kinds:
                raise InputError(
                    f"{os.fspath(path)!r}: the name must end in one of {', '.join(sorted(kinds))}"
                )
            write_whole(target, style.drawn(figure, target.suffix[1:]))
        return figure

    def z(self, record: Record) -> NDArray[np.float32]:
        """Return the coordinates z (d,) of the solution that a trial found.

        Raises:
            DamagedRecord: the store has none for it.
        """
        return Store(self.store).z(record)

    def policy(self, d: int | None = None, seed: int | None = None) -> Policy:
        """Return a policy that solved the task, ready to act: that of the smallest d.

        Args:
            d: of trials with this d alone.
            seed: of the trial with this seed alone.

        Raises:
            InputError: no such trial is solved, or the task is another one here.
        """
        solved = [
            record
            for record in self.summary.records
            if record.status == "solved"
            and d in (None, record.spec.d)
            and seed in (None, record.spec.seed)
        ]
        if not solved:
            asked = {"d": d, "seed": seed}
            parts = [f"{name} = {value}" for name, value in asked.items() if value is not None]
            which = f" with {' and '.join(parts)}" if parts else ""
            raise InputError(f"{self.title}: no solved trial{which}")
        return policy_of(solved[0], Store(self.store))

    def __repr__(self) -> str:
        """Return the answer in one line."""
        return f"<Measurement {self.sentence}>"

    def _repr_html_(self) -> str:
        """Return what a notebook shows: the answer, a table with a row for each d, the figure."""
        lines = [self.sentence, *(line for line in self._remarks() if line)]
        texts = "".join(f"<div>{html.escape(line)}</div>" for line in lines)
        table = html_table(("d", "trials", "solved", "median score"), curve_rows(self.estimate))
        return f"{texts}{table}{self._image() if self.records else ''}"

    def _remarks(self) -> list[str]:
        judgement = self.judgement
        solved = (
            "" if judgement.threshold is None else f"solved: at least {judgement.threshold:.4g}"
        )
        return [solved, reliable(self.estimate), further(self.estimate)]

    def _image(self) -> str:
        file = io.BytesIO()
        self.plot().savefig(file, format="png", dpi=DOTS_PER_INCH)
        data = base64.b64encode(file.getvalue()).decode()
        return f'<img alt="success and score against d" src="data:image/png;base64,{data}">'

    def _own_run(self, what: str) -> MeasurementRun:
        if self.run is None:
            raise InputError(f"a measurement that was loaded from a store has no {what}")
        return self.run


def policy_of(record: Record, store: Store) -> Policy:
    """Return the policy that a trial found, rebuilt from its z in the store.

    Raises:
        InputError: the task is another one here, or has no policy.
        DamagedRecord: the store has no z of the trial.
    """
    spec = record.spec
    task = policy.task_of(spec)
    return Policy.of(task, spec.network, spec.projection, spec.seed, store.z(record))
