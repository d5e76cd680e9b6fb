"""Whether the policy of a published measurement is the one that `rlid export` takes.

The export is deterministic, given the means of its validations: which z it validates, in which
order and at which widths, and which of them it takes. So a validation that failed and was left out,
or a policy that was picked by hand, contradicts the others.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from rlid.leaderboard.published import Published
from rlid.policies import Attempt, PolicyReport, export, policy_file

Tried = tuple[int, int]
"""d and seed of a trial."""


def problems(published: Published) -> Iterator[str]:
    """Yield where the report of a policy contradicts itself, or the solved rows."""
    report = published.policy
    if report is None:
        return
    yield from _of_earlier_reports(published, report)
    if any(attempt.d == 0 for attempt in report.attempts):
        return
    yield from _chosen(published, report)
    trials: list[Tried] = []
    for attempt in report.attempts:
        if (attempt.d, attempt.seed) not in trials:
            trials.append((attempt.d, attempt.seed))
    if [tried.d for tried in report.attempts] != sorted(tried.d for tried in report.attempts):
        yield "its validations are not by rising d"
        return
    line = _difference(report, trials)
    if published.origin is not None:
        line = line or _left_out(published)
    if line:
        yield line


def _of_earlier_reports(published: Published, report: PolicyReport) -> Iterator[str]:
    """Check for what only reports from before files had an origin may lack."""
    if published.origin is None:
        return
    if any(attempt.d == 0 for attempt in report.attempts) or not report.attempts:
        yield "the validations of its policy do not say their d, or there are none"
    if published.kind == "rl" and not report.confirmations:
        yield "its policy was not played again on fresh episodes"


def notes(published: Published) -> Iterator[str]:
    """Yield what could not be derived of a policy's report."""
    report = published.policy
    if report is None:
        return
    if any(attempt.d == 0 for attempt in report.attempts):
        yield "the validations of the policy do not say their d: which was taken is not derived"
    elif published.origin is None and _left_out(published):
        yield "the policy was exported before the last trials were added"


def is_of_rows(published: Published) -> bool:
    """Whether every solved row that an export would validate was validated, and no other."""
    return published.policy is None or not _left_out(published)


def _left_out(published: Published) -> str:
    """Return what the validations lack of the solved rows, or ""."""
    solved = [row for row in published.rows if row.status == "solved"]
    solved.sort(key=lambda row: (row.d, -(row.score or 0.0), row.seed))
    assert published.policy is not None
    return _difference(published.policy, [(row.d, row.seed) for row in solved])


def _difference(report: PolicyReport, trials: Sequence[Tried]) -> str:
    """Return where the validations differ from those of an export of these trials, or ""."""
    attempts = iter(report.attempts)
    size: float = math.inf
    count = 0
    for d, seed in trials:
        widths = [bits for bits in policy_file.WIDTHS if d * bits <= size]
        if not widths or count >= export.MAX_ATTEMPTS:
            continue
        for bits in widths:
            attempt, count = next(attempts, None), count + 1
            if attempt is None or (attempt.d, attempt.seed, attempt.bits) != (d, seed, bits):
                return f"no validation of d = {d}, seed {seed} at {bits} bits, where one is due"
            if not _holds(attempt, report.threshold):
                break
            size = d * bits
    extra = next(attempts, None)
    if extra is not None:
        return f"a validation of d = {extra.d}, seed {extra.seed}, where none is due"
    return ""


def _chosen(published: Published, report: PolicyReport) -> Iterator[str]:
    """Check which validated z was taken, and after how many confirmations."""
    if not report.attempts:
        return
    holding = [tried for tried in report.attempts if _holds(tried, report.threshold)]
    holding.sort(key=lambda tried: (tried.d * tried.bits, -tried.mean))
    best = max(report.attempts, key=lambda tried: tried.mean)
    candidates = holding[: export.MAX_CONFIRMATIONS] or [best]
    number = report.confirmations
    if published.kind == "rl" and number:
        if number > len(candidates) or not (report.solved or number == len(candidates)):
            yield f"{number} of {len(candidates)} candidates were played again"
            return
        expected = candidates[number - 1] if report.solved else best
    else:
        expected = candidates[0]
    taken = (report.d, report.seed, report.bits)
    if taken != (expected.d, expected.seed, expected.bits):
        yield (
            f"the policy at d = {report.d}, seed {report.seed}, {report.bits} bits is not the one "
            f"that follows from its validations: d = {expected.d}, seed {expected.seed}, "
            f"{expected.bits} bits"
        )


def _holds(attempt: Attempt, threshold: float) -> bool:
    return attempt.mean - attempt.error >= threshold
