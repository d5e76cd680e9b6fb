"""Checks of the policy that belongs to a published measurement: its z, its file, its report."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from rlid.errors import DamagedRecord, PolicyFileError
from rlid.leaderboard.published import Published
from rlid.store import parse_z, read_limited

FLOAT_BYTES = 4
MAX_POLICY_BYTES = 64 * 1024 * 1024


def z_problems(published: Published, beside: Path) -> Iterator[str]:
    """Yield what is wrong with the z of the smallest solved policy, a safetensors file."""
    row = published.smallest()
    data = read_limited(beside, MAX_POLICY_BYTES)
    if row is None or hashlib.sha256(data).hexdigest() != row.z_sha256:
        yield "not the z of the smallest solved row"
        return
    try:
        if not np.isfinite(parse_z(data, row.d)).all():
            yield "z is not finite"
    except DamagedRecord as error:
        yield str(error)


def file_problems(published: Published, beside: Path) -> Iterator[str]:
    """Yield what is wrong with the exported policy file."""
    from rlid.policies import policy_file

    report, data = published.policy, read_limited(beside, MAX_POLICY_BYTES)
    if report is None:
        yield "the measurement knows of no policy"
        return
    if hashlib.sha256(data).hexdigest() != report.file_sha256:
        yield "not the file that was exported"
        return
    try:
        file = policy_file.parse(data)
    except PolicyFileError as error:
        yield str(error)
        return
    question = published.question
    if (file.d, file.seed, file.bits) != (report.d, report.seed, report.bits):
        yield "of another d, seed or width than the measurement says"
    wanted = (question.task, question.network, question.projection)
    if (file.task, file.network, file.projection) != wanted:
        yield "a policy of another task, network or projection"
    if (report.file_bytes, report.z_bytes) != (len(data), -(-file.z_bits // 8)):
        yield "its bytes are not as many as the measurement says"


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
