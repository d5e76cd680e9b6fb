"""The smallest solved policy of a measurement as a file: z rounded as far as it still succeeds.

The smallest file is not always that of the smallest d: more numbers of fewer bits may take less.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rlid.errors import InputError, StoreError
from rlid.measurement import Summary
from rlid.policies import policy, policy_file
from rlid.policies.policy_file import WIDTHS, PolicyFile
from rlid.policies.report import Attempt, PolicyReport
from rlid.problem import Problem
from rlid.records import Record
from rlid.registry import import_packages
from rlid.store import Store, slug, write_whole
from rlid.task import Task, resolve
from rlid.training import standard_error

MAX_ATTEMPTS = 200
"""Validations at most: each costs as much as validating a candidate of a trial."""
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
    """Round the solved policies of a measurement; validate, and score the smallest that holds.

    A width holds where the validation mean still clears the threshold by one standard error, as
    in a trial. Solved trials are tried by rising d, each at fewer and fewer bits until one no
    longer holds, and only at widths that would make a smaller file than the smallest so far; of
    equally small ones the best validated is taken, and where none holds the best of all. The final
    scoring, on fresh episodes, happens once, whatever it says.

    Raises:
        InputError: nothing is solved, or the task is another one here.
        DamagedRecord: a z in the store is damaged.
        EnvironmentFault: the environment failed.
    """
    import_packages(imports)
    task = _task_of(summary)
    records = _solved(summary)
    threshold = records[0].threshold
    if threshold is None:
        raise InputError(f"{summary.title}: its trials were judged by no threshold")
    tried: list[tuple[Record, Attempt]] = []
    size: float = math.inf
    for record in records:
        widths = [bits for bits in WIDTHS if record.spec.d * bits <= size]
        if not widths or len(tried) >= MAX_ATTEMPTS:
            continue
        candidate = _candidate(task, record, store)
        for bits in widths:
            attempt = _validate(candidate, bits)
            tried.append((record, attempt))
            if not _holds(attempt, threshold):
                break
            size = record.spec.d * bits
    holding = [pair for pair in tried if _holds(pair[1], threshold)]
    chosen, attempt = min(holding, key=_size) if holding else max(tried, key=_mean)
    attempts = [attempt for _, attempt in tried]
    return _finish(task, _candidate(task, chosen, store), attempt.bits, attempts, threshold)


def _holds(attempt: Attempt, threshold: float) -> bool:
    return attempt.mean - attempt.error >= threshold


def _size(pair: tuple[Record, Attempt]) -> tuple[int, float]:
    return pair[0].spec.d * pair[1].bits, -pair[1].mean


def _mean(pair: tuple[Record, Attempt]) -> float:
    return pair[1].mean


def _solved(summary: Summary) -> list[Record]:
    """Return the solved trials by rising d, the best scores first."""
    solved = [record for record in summary.records if record.status == "solved"]
    if not solved:
        raise InputError(f"{summary.title}: no trial is solved, so there is no policy to export")
    return sorted(
        solved, key=lambda record: (record.spec.d, -(record.score or 0.0), record.spec.seed)
    )


def _task_of(summary: Summary) -> Task:
    task, spec = resolve(summary.spec.task), summary.spec
    if task.kind == "synthetic":
        raise InputError(f"{task.name!r} is a synthetic task: it has no policy")
    for variant in policy.variants(task):
        found = variant.version, variant.protocol(), variant.backend
        if found == (spec.task_version, spec.protocol, spec.backend):
            return variant
    raise InputError(
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
        d=candidate.record.spec.d,
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
    return store.room("policies", slug(summary.spec.task)) / f"{name}{SUFFIX}"


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
