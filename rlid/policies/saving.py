"""Where an exported policy and its report are written, and what they never overwrite."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from rlid.errors import DamagedRecord, InputError, PolicyFileError, StoreError
from rlid.measurement import Summary
from rlid.policies import policy_file
from rlid.policies import report as policy_report
from rlid.policies.policy_file import PolicyFile
from rlid.policies.report import PolicyReport
from rlid.store import Store, distinct_slug, plain_target, read_limited, slug, write_whole

SUFFIX, REPORT_SUFFIX = ".rlid", ".json"


def path(store: Store, summary: Summary) -> Path:
    """Return the path of a measurement's exported policy in its store."""
    name = distinct_slug(summary.path.replace("/", "-"))
    return store.room("policies", slug(summary.spec.task)) / f"{name}{SUFFIX}"


def check_target(path: Path) -> None:
    """Refuse a path of the user's for a policy file where files of another kind would be lost.

    Raises:
        InputError: the name ends as that of the report, which is written beside it, or a file of
            another kind is there or where the report goes.
    """
    _refuse_other(path, path, "policy file", _is_policy)
    if path.suffix.lower() == REPORT_SUFFIX:
        raise InputError(
            f"--out {path}: {REPORT_SUFFIX} is the ending of the report beside the policy: "
            f"use {path.stem}{SUFFIX}"
        )
    _refuse_other(path, path.with_suffix(REPORT_SUFFIX), "report of a policy", _is_report)


def _refuse_other(out: Path, path: Path, kind: str, is_ours: Callable[[Path], bool]) -> None:
    target = plain_target(path)
    # An empty file, as mktemp makes it, has nothing to lose.
    if target.exists() and target.stat().st_size and not is_ours(target):
        raise InputError(
            f"--out {out}: would overwrite {path}, which is no {kind}: use another name"
        )


def _is_policy(path: Path) -> bool:
    try:
        policy_file.parse(read_limited(path, policy_file.MAX_BYTES))
    except (PolicyFileError, DamagedRecord, OSError):
        return False
    return True


def _is_report(path: Path) -> bool:
    try:
        policy_report.load(path)
    except DamagedRecord:
        return False
    return True


def save(file: PolicyFile, report: PolicyReport, target: Path) -> None:
    """Write a policy file, and its report beside it; links are followed.

    Raises:
        InputError: something other than a plain file is there.
        StoreError: it cannot be written.
    """
    try:
        write_whole(plain_target(target), file.dump())
        text = report.model_dump_json(indent=1) + "\n"
        write_whole(plain_target(target.with_suffix(REPORT_SUFFIX)), text.encode())
    except OSError as error:
        raise StoreError(f"{str(target)!r} cannot be written: {error.strerror or error}") from error
