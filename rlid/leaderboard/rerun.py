"""Trials of a published measurement, repeated alone in a process and a store of their own."""

from __future__ import annotations

import signal
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from rlid import projections
from rlid.agent import has_gpu
from rlid.engine import Agenda, Cell, LocalEngine
from rlid.errors import EngineError, InputError
from rlid.leaderboard.comparable import is_within_noise
from rlid.leaderboard.from_records import row_of
from rlid.leaderboard.known import known_of
from rlid.leaderboard.published import Published, TrialRow
from rlid.leaderboard.sample import Sample
from rlid.policies import policy
from rlid.records import MERGED_FROM, Judgement, Record, TrialSpec
from rlid.registry import import_packages
from rlid.store import Leases, Store
from rlid.task import Task

IGNORED = {"seconds", "versions", "reason"}
"""Fields in which a repeated trial may differ: the time, the versions, and an error's words."""
POLICY_NOISE = 4.0
"""Standard errors by which two scores of one policy may differ."""
NEAR = 2.0
"""Rows whose d is within this factor show how far the scores of a trial spread."""


@dataclass(frozen=True)
class Repeated:
    """One repeated training or policy.

    Attributes:
        name: what was repeated, in words.
        differences: the fields in which it differs, one line each.
        is_like: whether its score is nevertheless among those of the file's similar trials.
    """

    name: str
    differences: tuple[str, ...]
    is_like: bool = False


def repeat(
    published: Published,
    rows: Sequence[TrialRow],
    jobs: int = 1,
    imports: Sequence[str] = (),
    max_hours: float | None = None,
) -> list[tuple[TrialRow, list[str]]]:
    """Run trials again; return each row with the fields in which it differs, one line each.

    Only packages that the caller names are imported; a file cannot ask for an import.

    Raises:
        InputError: the task is unknown, or another one here.
        EngineError: the trials took longer than `max_hours`.
    """
    records = _rows_again(published, rows, jobs, imports, max_hours)
    return [(row, _differences(row, record)) for row, record in records]


def repeat_sample(
    published: Published,
    source: Path,
    sample: Sample,
    seed: int,
    jobs: int = 1,
    imports: Sequence[str] = (),
    max_hours: float | None = None,
) -> list[Repeated]:
    """Repeat what was drawn of a measurement: trials, direct trainings, and the policy.

    Args:
        published: the measurement.
        source: its file, beside which the policy lies.
        sample: what was drawn.
        seed: of the fresh episodes of the policy.
        jobs: worker processes.
        imports: packages that register the task.
        max_hours: the most hours that trials, and then direct trainings, may take.

    Raises:
        InputError: the task is unknown, or another one here.
        EngineError: the trials took longer than `max_hours`.
    """
    outcomes = [
        Repeated(
            f"d = {row.d}, seed {row.seed}",
            tuple(_differences(row, record)),
            _is_like(published, row, record),
        )
        for row, record in _rows_again(published, sample.rows, jobs, imports, max_hours)
    ]
    if sample.direct:
        outcomes += _repeat_direct(published, sample.direct, jobs, imports, max_hours)
    if sample.has_policy:
        outcomes.append(_play(published, source, seed, imports))
    return outcomes


def _rows_again(
    published: Published,
    rows: Sequence[TrialRow],
    jobs: int,
    imports: Sequence[str],
    max_hours: float | None,
) -> list[tuple[TrialRow, Record | None]]:
    """Run the trials of rows again; return each row with its new record, None without one."""
    if not rows:
        return []
    specs = [published.spec(row.d, row.seed) for row in rows]
    judgement = replace(published.judgement, dmin=1, dmax=1)
    records = _run(published, specs, judgement, jobs, imports, max_hours)
    return [(row, records.get(spec.key)) for row, spec in zip(rows, specs, strict=True)]


def _run(
    published: Published,
    specs: Sequence[TrialSpec],
    judgement: Judgement,
    jobs: int,
    imports: Sequence[str],
    max_hours: float | None,
) -> dict[str, Record]:
    """Run trials in a store of their own; return their records by key."""
    if published.question.device != "cpu" and not has_gpu():
        raise InputError(f"{published.title}: trained on a GPU, and torch finds none here")
    import_packages(imports)
    known = known_of(published.question)
    task = _same_task(known.task, specs[0])
    weights = published.D if known.network is None else known.network.D
    records: dict[str, Record] = {}

    def on_record(record: Record) -> None:
        records[record.key] = record

    with (
        tempfile.TemporaryDirectory(prefix="rlid-") as folder,
        LocalEngine(jobs, task.patience) as engine,
    ):
        store, leases = Store(folder), Leases(folder)
        cells = [
            Cell(task.name, tuple(imports), (spec,), judgement, str(store.folder)) for spec in specs
        ]
        with ended_after(max_hours):
            engine.run(Agenda(cells, store, leases, lambda _: weights, on_record))
        leases.close()
    return records


def _same_task(task: Task, spec: TrialSpec) -> Task:
    protocols = [(variant.protocol(), variant.backend) for variant in policy.variants(task)]
    if (spec.protocol, spec.backend) not in protocols:
        raise InputError(f"task {task.name!r} is another one here: its protocol differs")
    return task


@contextmanager
def ended_after(hours: float | None) -> Iterator[None]:
    """End what runs in the main thread after some hours.

    Raises:
        EngineError: the time is over.
    """
    if hours is None:
        yield
        return

    def end(*_: Any) -> None:
        raise EngineError(f"not within --max-hours {hours:g}")

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, hours * 3600)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _repeat_direct(
    published: Published,
    pairs: Sequence[tuple[str, int]],
    jobs: int,
    imports: Sequence[str],
    max_hours: float | None,
) -> list[Repeated]:
    record = published.reference_record
    task = known_of(published.question).task
    trained = {direct.agent: direct for direct in record.direct}
    specs = {
        (agent, seed): published.spec(record.D, seed).model_copy(
            update={
                "agent": agent,
                "settings": trained[agent].settings,
                "budget": trained[agent].budget,
                "projection": "identity",
                "projection_version": projections.version("identity"),
                "stop_score": task.ceiling,
                "stopping": record.stopping,
                "candidate": "best",
            }
        )
        for agent, seed in pairs
    }
    floor = record.random if task.floor is None else task.floor
    judgement = Judgement(floor, record.random, dmin=record.D, dmax=record.D)
    records = _run(published, list(specs.values()), judgement, jobs, imports, max_hours)
    outcomes = []
    for (agent, seed), spec in specs.items():
        row = next(trial for trial in trained[agent].trials if trial.seed == seed)
        again, spread = records.get(spec.key), trained[agent].scores
        lines = [
            f"{name} is {getattr(again, name)!r}, not {getattr(row, name)!r}"
            for name in ("score", "env_steps", "theta_sha256")
            if again is not None and getattr(again, name) != getattr(row, name)
        ]
        if again is None or again.is_missing:
            lines = ["it could not be run here"]
        score = None if again is None else again.score
        way = record.reference - record.random
        is_like = score is not None and is_within_noise(score, spread, way)
        name = f"direct training by {agent}, seed {seed}"
        outcomes.append(Repeated(name, tuple(lines), is_like))
    return outcomes


def _play(published: Published, source: Path, seed: int, imports: Sequence[str]) -> Repeated:
    """Play the exported policy on fresh episodes, and hold its score against the report."""
    report, name = published.policy, "the exported policy"
    if report is None:
        return Repeated(name, ())
    try:
        loaded = policy.Policy.load(source.with_suffix(".rlid"), imports)
        scores = np.asarray(loaded.evaluate(max(2, report.episodes), seed))
    except InputError as error:
        return Repeated(name, (f"it could not be played here: {error}",))
    mean = float(scores.mean())
    noise = (
        POLICY_NOISE
        * float(scores.std(ddof=1) if len(scores) > 1 else 0)
        * (2 / max(1, len(scores))) ** 0.5
    )
    if abs(mean - report.score) <= noise + 1e-6 * abs(report.score):
        return Repeated(name, ())
    return Repeated(name, (f"its score is {mean:.6g} here, not {report.score:.6g}",))


def _is_like(published: Published, row: TrialRow, again: Record | None) -> bool:
    """Whether the score of a repeated trial is within the noise of those at a similar d."""
    if again is None or again.score is None:
        return False
    scores = [
        other.score
        for other in published.rows
        if other.score is not None and row.d / NEAR <= other.d <= row.d * NEAR
    ]
    return is_within_noise(again.score, scores, published.threshold - published.random)


def _differences(row: TrialRow, again: Record | None) -> list[str]:
    """Return the differing fields, one line each, among those that the file states."""
    if again is None:
        return ["it left no record"]
    if again.is_missing and again.status != row.status:
        return [f"it could not be run here: {again.reason}"]
    ignored = set(IGNORED)
    if row.stopped_early and again.search_steps >= again.spec.budget:
        # Earlier versions also said it of a trial that its last candidate of the budget ended.
        ignored.add("stopped_early")
    first = row.model_dump(exclude=ignored, exclude_unset=True)
    second = row_of(again, 0).model_dump(exclude=ignored)
    if "notes" in first:
        first["notes"].pop(MERGED_FROM, None)
    return [
        f"{name} is {second[name]!r}, not {first[name]!r}"
        for name in first
        if first[name] != second[name]
    ]
