"""Checks of the policy that belongs to a published measurement: its z, its file, its report."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rlid.errors import DamagedRecord, InputError, PolicyFileError
from rlid.leaderboard.known import Known
from rlid.leaderboard.published import Published
from rlid.policies import bounds
from rlid.store import parse_z, read_limited
from rlid.subspace import make_subspace

FLOAT_BYTES = 4
ROUNDING = 1e-9
MAX_POLICY_BYTES = 64 * 1024 * 1024
SAME_EVERYWHERE = "onehot"
"""The projection whose weights have the same bits on every processor."""


def beside(
    published: Published, source: Path, known: Known | None
) -> Iterator[tuple[str, list[str]]]:
    """Yield what files lie beside a published file, and what is wrong with each.

    Args:
        published: the measurement.
        source: its file; the others have its name with another suffix.
        known: what rlid knows of it, so that weights are rebuilt from z; None where it does not.
    """
    for name, suffix, is_named, check in (
        ("z", ".safetensors", published.smallest() is not None, z_problems),
        ("policy", ".rlid", published.policy is not None, file_problems),
    ):
        file = source.with_suffix(suffix)
        try:
            if file.is_file() or file.is_symlink():
                lines = list(check(published, file, known))
            elif is_named:
                lines = [f"the file names a {name}, which does not lie beside it"]
            else:
                continue
        except OSError as error:
            lines = [f"cannot be read: {error.strerror or error}"]
        except DamagedRecord as error:
            lines = [str(error)]
        yield name, [f"{file.name}: {line}" for line in lines]


def z_problems(published: Published, file: Path, known: Known | None = None) -> Iterator[str]:
    """Yield what is wrong with the z of the smallest solved policy, a safetensors file."""
    row = published.smallest()
    data = read_limited(file, MAX_POLICY_BYTES)
    if row is None or hashlib.sha256(data).hexdigest() != row.z_sha256:
        yield "not the z of the smallest solved row"
        return
    try:
        z = parse_z(data, row.d)
    except DamagedRecord as error:
        yield str(error)
        return
    if not np.isfinite(z).all():
        yield "z is not finite"
        return
    theta = _theta_sha256(published, known, z, row.seed)
    if theta not in (None, row.theta_sha256):
        yield "the weights that follow from it are not those of its row"


def _theta_sha256(
    published: Published, known: Known | None, z: NDArray[np.float32], seed: int
) -> str | None:
    """Return the SHA-256 of the weights at z (d,), or None where this rlid may round otherwise."""
    from rlid import projections

    question = published.question
    is_here = (
        known is not None
        and known.network is not None
        and question.projection == SAME_EVERYWHERE
        and published.common.get("projection_version") == projections.version(SAME_EVERYWHERE)
        and len(z) <= known.network.D <= bounds.MOST_WEIGHTS
    )
    if not is_here or known is None or known.network is None:
        return None
    try:
        return make_subspace(known.network, question.projection, len(z), seed).theta_sha256(z)
    except InputError:
        return None


def file_problems(published: Published, file: Path, known: Known | None = None) -> Iterator[str]:
    """Yield what is wrong with the exported policy file."""
    from rlid.policies import policy_file

    report, data = published.policy, read_limited(file, MAX_POLICY_BYTES)
    if report is None:
        yield "the measurement knows of no policy"
        return
    if hashlib.sha256(data).hexdigest() != report.file_sha256:
        yield "not the file that was exported"
        return
    try:
        policy = policy_file.parse(data)
    except PolicyFileError as error:
        yield str(error)
        return
    question = published.question
    if (policy.d, policy.seed, policy.bits) != (report.d, report.seed, report.bits):
        yield "of another d, seed or width than the measurement says"
    wanted = (question.task, question.network, question.projection)
    if (policy.task, policy.network, policy.projection) != wanted:
        yield "a policy of another task, network or projection"
    if (report.file_bytes, report.z_bytes) != (len(data), -(-policy.z_bits // 8)):
        yield "its bytes are not as many as the measurement says"
    theta = _theta_sha256(published, known, policy.z, policy.seed)
    if theta not in (None, policy.theta_sha256.hex()):
        yield "the weights that follow from it are not those that it names"


def report_problems(published: Published) -> Iterator[str]:
    """Yield what is wrong with the report of the policy, whether or not its file is there."""
    report = published.policy
    if report is None:
        return
    row = next((row for row in published.rows if row.key == report.trial), None)
    if row is None or row.status != "solved" or (report.d, report.seed) != (row.d, row.seed):
        yield "its policy is of a trial that is not in the rows, or not solved"
    if (report.D, report.threshold) != (published.D, published.threshold):
        yield f"its policy was held against D = {report.D} and a threshold of {report.threshold!r}"
    bits = 8 * (report.file_bytes + FLOAT_BYTES * sum(row.hidden_state.values() if row else ()))
    if (report.network_bytes, report.description_bits) != (FLOAT_BYTES * report.D, bits):
        yield "the bytes of its network, or the bits of its description, do not follow"
    deciding = report.deciding_score if report.confirmations else report.score
    if report.solved != (deciding is not None and deciding >= report.threshold):
        yield "the score of its policy and its success do not go together"
    if report.episodes != published.common.get("protocol", {}).get("scoring_episodes"):
        yield f"its policy was scored in {report.episodes} episodes"
    chosen = (report.seed, report.bits)
    tried = [attempt for attempt in report.attempts if (attempt.seed, attempt.bits) == chosen]
    if not tried or any(attempt.error < 0 for attempt in report.attempts):
        yield "the width of its policy is none that was validated"


def score_problems(published: Published, known: Known) -> Iterator[str]:
    """Yield scores in the report of the policy that the task cannot give."""
    report, task = published.policy, known.task
    if report is None:
        return
    means = [attempt.mean for attempt in report.attempts]
    scores = [report.score, report.deciding_score, *means]
    for score in sorted({score for score in scores if score is not None}):
        if task.ceiling is not None and score > task.ceiling + ROUNDING:
            yield f"its policy scored {score!r}, above the task's ceiling of {task.ceiling!r}"
        if task.kind == "supervised" and score < 0:
            yield f"its policy has an accuracy of {score!r}"
