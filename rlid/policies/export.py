"""The smallest solved policy of a measurement as a file: z rounded as far as it still succeeds.

The smallest file is not always that of the smallest d: more numbers of fewer bits may take less.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rlid.errors import InputError
from rlid.measurement import Summary
from rlid.policies import policy, policy_file
from rlid.policies.policy_file import WIDTHS, PolicyFile
from rlid.policies.report import Attempt, PolicyReport
from rlid.problem import Problem
from rlid.records import Record
from rlid.registry import import_packages
from rlid.store import Store
from rlid.task import Task
from rlid.training import standard_error

MAX_ATTEMPTS = 200
"""Validations at most: each costs as much as validating a candidate of a trial."""
MAX_CONFIRMATIONS = 20
"""Candidates at most that are played again on fresh episodes."""
CONFIRMING_ERRORS = 2.0
"""Standard errors by which a candidate must clear the threshold in its confirmation."""
FLOAT_BYTES = 4

Export = tuple[Record, Attempt]
"""A solved trial, and its z at one width in validation."""


@dataclass(frozen=True)
class _Candidate:
    """A solved trial: its problem, z, and the seeds of its episodes by what they are for."""

    record: Record
    problem: Problem
    z: NDArray[np.float32]
    validation: tuple[int, ...]
    reporting: tuple[int, ...]
    confirmation: tuple[int, ...]
    gate: tuple[int, ...]


def export(
    summary: Summary, store: Store, imports: Sequence[str] = ()
) -> tuple[PolicyFile, PolicyReport]:
    """Round the solved policies of a measurement, and take the smallest file that succeeds.

    A width holds where the validation mean clears the threshold by one standard error. Solved
    trials are tried by rising d, at fewer and fewer bits until a width does not hold, and only at
    widths that would make a smaller file than the smallest so far.

    The smallest of many noisy candidates passes by luck more often than one does. So candidates
    that hold are played again, by rising size, on fresh episodes, as at the end of a trial: a
    confirmation must clear the threshold by two standard errors, and a scoring must reach it. The
    first that does both is exported. Its score is that of further episodes, which decided nothing.
    Tasks without episodes have nothing fresh to play: there the smallest that holds is scored.

    Where no candidate succeeds, the best validated one is exported as not solved.

    Raises:
        InputError: nothing is solved, a z was not merged with its trial, or this rlid has another
            version of the task.
        DamagedRecord: a z in the store is damaged.
        EnvironmentFault: the environment failed.
    """
    import_packages(imports)
    task = _task_of(summary)
    records = _solved(summary)
    threshold = records[0].threshold
    if threshold is None:
        raise InputError(f"{summary.title}: its trials were judged by no threshold")
    tried = _validated(task, records, store, threshold)
    attempts = [attempt for _, attempt in tried]
    holding = sorted((pair for pair in tried if _holds(pair[1], threshold)), key=_size)
    best = max(tried, key=_mean)
    if task.kind != "rl":
        record, attempt = holding[0] if holding else best
        candidate = _candidate(task, record, store)
        return _finish(task, candidate, attempt.bits, attempts, threshold)
    candidates = holding[:MAX_CONFIRMATIONS] or [best]
    for number, (record, attempt) in enumerate(candidates):
        candidate = _candidate(task, record, store, number)
        deciding = _confirm(candidate, attempt.bits, threshold)
        if deciding is not None:
            return _finish(task, candidate, attempt.bits, attempts, threshold, number + 1, deciding)
    record, attempt = best
    candidate = _candidate(task, record, store)
    return _finish(task, candidate, attempt.bits, attempts, threshold, len(candidates))


def _validated(
    task: Task, records: Sequence[Record], store: Store, threshold: float
) -> list[Export]:
    """Return what was validated: solved trials by rising d, each at fewer and fewer bits."""
    tried: list[Export] = []
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
    return tried


def _confirm(candidate: _Candidate, bits: int, threshold: float) -> float | None:
    """Return the mean return of the scoring that a candidate passed; None where it fell short."""
    z = _rounded(candidate, bits)
    confirmation = policy.score(candidate.problem, z, candidate.confirmation)
    if confirmation.mean() - CONFIRMING_ERRORS * standard_error(confirmation) < threshold:
        return None
    mean = float(policy.score(candidate.problem, z, candidate.gate).mean())
    return mean if mean >= threshold else None


def _rounded(candidate: _Candidate, bits: int) -> NDArray[np.float32]:
    """Return z (d,) at a width."""
    codes, scale = policy_file.encode_z(candidate.z, bits)
    return policy_file.decode_z(codes, bits, scale)


def _holds(attempt: Attempt, threshold: float) -> bool:
    return attempt.mean - attempt.error >= threshold


def _size(pair: Export) -> tuple[int, float]:
    return pair[0].spec.d * pair[1].bits, -pair[1].mean


def _mean(pair: Export) -> float:
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
    return policy.task_of(summary.spec)


def _candidate(task: Task, record: Record, store: Store, number: int = 0) -> _Candidate:
    """Return a solved trial, ready to be played.

    Args:
        task: the task.
        record: the trial.
        store: the store that holds its z.
        number: how many candidates were confirmed before: each has fresh episodes of its own.
    """
    spec = record.spec
    if record.is_merged and not store.has_z(record):
        raise InputError(
            f"the z of d = {spec.d}, seed {spec.seed} is not in the store: the trial was merged "
            "from a published file, which holds one z alone; export the policy where it was run"
        )
    problem = policy.make(task, spec.network, spec.projection, spec.d, spec.seed)
    confirming = task.confirmation_episodes or task.scoring_episodes
    fixed = task.validation_episodes + task.scoring_episodes
    per_candidate = confirming + task.scoring_episodes
    seeds = policy.draw(spec.seed, "export", fixed + (number + 1) * per_candidate)
    own = seeds[fixed + number * per_candidate :]
    return _Candidate(
        record=record,
        problem=problem,
        z=store.z(record),
        validation=seeds[: task.validation_episodes],
        reporting=seeds[task.validation_episodes : fixed],
        confirmation=own[:confirming],
        gate=own[confirming:],
    )


def _validate(candidate: _Candidate, bits: int) -> Attempt:
    z = _rounded(candidate, bits)
    values = policy.score(candidate.problem, z, candidate.validation, "validation")
    return Attempt(
        d=candidate.record.spec.d,
        seed=candidate.record.spec.seed,
        bits=bits,
        mean=float(values.mean()),
        error=standard_error(values),
    )


def _finish(
    task: Task,
    candidate: _Candidate,
    bits: int,
    attempts: list[Attempt],
    threshold: float,
    confirmations: int = 0,
    deciding_score: float | None = None,
) -> tuple[PolicyFile, PolicyReport]:
    """Return the policy file of a candidate, and the report with its further scoring.

    Args:
        task: the task.
        candidate: the trial.
        bits: the width of an entry of z.
        attempts: all validations.
        threshold: the score that counts as solved.
        confirmations: how many candidates were played again; 0 for a task without episodes.
        deciding_score: the mean return of the scoring that it passed, where it passed one.
    """
    spec, problem = candidate.record.spec, candidate.problem
    codes, scale = policy_file.encode_z(candidate.z, bits)
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
    scores = policy.score(problem, z, candidate.reporting)
    score = float(scores.mean())
    data = file.dump()
    policy_file.parse(data)
    hidden = sum(candidate.record.hidden_state.values())
    has_passed = score >= threshold if not confirmations else deciding_score is not None
    return file, PolicyReport(
        trial=candidate.record.key,
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
        score=score,
        episodes=len(scores),
        threshold=threshold,
        solved=has_passed,
        confirmations=confirmations,
        deciding_score=deciding_score,
    )
