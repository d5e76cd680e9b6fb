"""What a check found: a verdict, what was seen, and what to change."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Verdict = Literal["ok", "note", "refused", "wrong"]
"""Fine; fine, and worth knowing; rlid refuses it in one line; or it is not as it must be."""
FAILING = ("refused", "wrong")


@dataclass(frozen=True)
class Finding:
    """The result of one check.

    Attributes:
        check: what was checked, in a few words.
        verdict: how it came out.
        detail: what was seen.
        advice: what to change, or "" where nothing needs to be.
    """

    check: str
    verdict: Verdict
    detail: str
    advice: str = ""

    @property
    def line(self) -> str:
        """The finding in one line."""
        text = f"{self.check}: {self.detail}"
        return f"{text} ({self.advice})" if self.advice else text


def wrong(check: str, detail: str, advice: str) -> Finding:
    """Return the finding that something is not as it must be."""
    return Finding(check, "wrong", detail, advice)


class CheckFailed(AssertionError):
    """What was checked is not as rlid needs it; the message has a line for each failed check."""

    def __init__(self, subject: str, findings: Iterable[Finding]) -> None:
        """`subject` is what was checked; `findings` are the failed ones."""
        self.findings = tuple(findings)
        lines = [f"{subject} fails {len(self.findings)} of rlid's checks:"]
        super().__init__("\n  ".join([*lines, *(finding.line for finding in self.findings)]))


def raise_failed(subject: str, findings: Iterable[Finding]) -> None:
    """Raise where a finding is "refused" or "wrong".

    Raises:
        CheckFailed: with all of these.
    """
    failed = [finding for finding in findings if finding.verdict in FAILING]
    if failed:
        raise CheckFailed(subject, failed)
