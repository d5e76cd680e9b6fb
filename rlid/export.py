"""The smallest solved policy of a measurement as a file: z rounded as far as it still succeeds."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rlid import policy, policy_file
from rlid.course import standard_error
from rlid.files import write_whole
from rlid.policy_file import WIDTHS, PolicyFile
from rlid.policy_report import Attempt, PolicyReport
from rlid.problem import Problem
from rlid.record import Record
from rlid.store import Store, StoreError, slug
from rlid.summary import Summary
from rlid.task import Task, import_packages, resolve

MAX_CANDIDATES = 4
"""Solved trials of the smallest d that are tried, the best scores first."""
FLOAT_BYTES = 4
SUFFIX = ".rlid"


@dataclass(frozen=True)
class _Candidate:
    """A solved trial: its problem, z, and the seeds of its episodes."""

    record: Record
    problem: Problem
    z: NDArray[np.float32]
    validation: tuple[int, ...]
    scoring: tuple[int, ...]


def export(
    summary: Summary, store: Store, imports: Sequence[str] = ()
) -> tuple[PolicyFile, PolicyReport]:
    """Round the smallest solved policy of a measurement; validate the widths, score the choice.

    The fewest bits are taken at which the validation mean still clears the threshold by one
    standard error, as in a trial; where none do, the best validated. The final scoring, on fresh
    episodes, happens once, whatever it says.

    Raises:
        ValueError: nothing is solved, or the task is another one here.
        DamagedRecord: a z in the store is damaged.
        EnvironmentFault: the environment failed.
    """
    import_packages(imports)
    task = _task_of(summary)
    candidates = [_candidate(task, record, store) for record in _smallest(summary)]
    threshold = candidates[0].record.threshold
    if threshold is None:
        raise ValueError(f"{summary.title}: its trials were judged by no threshold")
    attempts: list[Attempt] = []
    for bits in sorted(WIDTHS):
        attempts += [_validate(candidate, bits) for candidate in candidates]
        if any(one.mean - one.error >= threshold for one in attempts):
            break
    clear = [one for one in attempts if one.mean - one.error >= threshold]
    best = max(clear or attempts, key=lambda one: one.mean)
    chosen = next(one for one in candidates if one.record.spec.seed == best.seed)
    return _finish(task, chosen, best.bits, attempts, threshold)


def _smallest(summary: Summary) -> list[Record]:
    solved = [record for record in summary.records if record.status == "solved"]
    if not solved:
        raise ValueError(f"{summary.title}: no trial is solved, so there is no policy to export")
    d = min(record.spec.d for record in solved)
    at_d = [record for record in solved if record.spec.d == d]
    return sorted(at_d, key=lambda record: (-(record.score or 0.0), record.spec.seed))[
        :MAX_CANDIDATES
    ]


def _task_of(summary: Summary) -> Task:
    task, spec = resolve(summary.spec.task), summary.spec
    if task.kind == "synthetic":
        raise ValueError(f"{task.name!r} is a synthetic task: it has no policy")
    for variant in policy.variants(task):
        found = variant.version, variant.protocol(), variant.backend
        if found == (spec.task_version, spec.protocol, spec.backend):
            return variant
    raise ValueError(
        f"{summary.title} was measured with version {spec.task_version} of the task, and its "
        f"protocol; here it is version {task.version}, or has other settings"
    )


def _candidate(task: Task, record: Record, store: Store) -> _Candidate:
    spec = record.spec
    problem = policy.make(task, spec.network, spec.projection, spec.d, spec.seed)
    fresh = policy.draw(spec.seed, "export", task.validation_episodes + task.scoring_episodes)
    parts = fresh[: task.validation_episodes], fresh[task.validation_episodes :]
    return _Candidate(record, problem, store.z(record), *parts)


def _validate(candidate: _Candidate, bits: int) -> Attempt:
    codes, scale = policy_file.encode_z(candidate.z, bits)
    z = policy_file.decode_z(codes, bits, scale)
    values = policy.score(candidate.problem, z, candidate.validation, "validation")
    return Attempt(
        seed=candidate.record.spec.seed,
        bits=bits,
        mean=float(values.mean()),
        error=standard_error(values),
    )


def _finish(
    task: Task, chosen: _Candidate, bits: int, attempts: list[Attempt], threshold: float
) -> tuple[PolicyFile, PolicyReport]:
    spec, problem = chosen.record.spec, chosen.problem
    codes, scale = policy_file.encode_z(chosen.z, bits)
    z = policy_file.decode_z(codes, bits, scale)
    file = PolicyFile(
        task=task.name,
        task_version=task.version,
        protocol=policy_file.protocol_digest(task),
        network=spec.network,
        projection=spec.projection,
        projection_version=spec.projection_version,
        seed=spec.seed,
        theta_sha256=bytes.fromhex(problem.subspace.theta_sha256(z)),
        bits=bits,
        scale=scale,
        codes=codes,
    )
    scores = policy.score(problem, z, chosen.scoring)
    data = file.dump()
    policy_file.parse(data)
    hidden = sum(chosen.record.hidden_state.values())
    return file, PolicyReport(
        trial=chosen.record.key,
        d=spec.d,
        D=problem.subspace.D,
        seed=spec.seed,
        bits=bits,
        z_bytes=-(-file.z_bits // 8),
        file_bytes=len(data),
        file_sha256=hashlib.sha256(data).hexdigest(),
        network_bytes=FLOAT_BYTES * problem.subspace.D,
        description_bits=8 * (len(data) + FLOAT_BYTES * hidden),
        attempts=attempts,
        score=float(scores.mean()),
        episodes=len(scores),
        threshold=threshold,
        solved=bool(scores.mean() >= threshold),
    )


def path(store: Store, summary: Summary) -> Path:
    """Return where a store keeps the exported policy of a measurement."""
    name = slug(summary.path.replace("/", "-"))
    return store.folder / "policies" / slug(summary.spec.task) / f"{name}{SUFFIX}"


def save(file: PolicyFile, report: PolicyReport, target: Path) -> None:
    """Write a policy file, and its report beside it.

    Raises:
        StoreError: it cannot be written.
    """
    try:
        write_whole(target, file.dump())
        text = report.model_dump_json(indent=1) + "\n"
        write_whole(target.with_suffix(".json"), text.encode())
    except OSError as error:
        raise StoreError(f"{str(target)!r} cannot be written: {error.strerror or error}") from error
