"""A check as continuous integration shows it: JUnit XML, and the summary of a job on GitHub."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from rlid.measurement import Check

_CONTROL = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 cannot hold."""


def junit(check: Check, seconds: float) -> bytes:
    """Return a check as a JUnit file with one test case."""
    suite = ElementTree.Element(
        "testsuite",
        name="rlid check",
        tests="1",
        failures=str(int(not check.passes and not check.failed)),
        errors=str(int(bool(check.failed))),
        time=f"{seconds:.2f}",
    )
    case = ElementTree.SubElement(
        suite,
        "testcase",
        classname="rlid.measurement.check",
        name=_clean(f"{check.title}: d_int90 <= {check.limit}"),
        time=f"{seconds:.2f}",
    )
    sentence = _clean(check.sentence)
    if not check.passes:
        kind = "error" if check.failed else "failure"
        ElementTree.SubElement(case, kind, message=sentence).text = _clean(_reasons(check))
    ElementTree.SubElement(case, "system-out").text = sentence
    text: bytes = ElementTree.tostring(suite, encoding="utf-8", xml_declaration=True)
    return text + b"\n"


def summary(check: Check, seconds: float) -> str:
    """Return a check as Markdown for GITHUB_STEP_SUMMARY."""
    title = re.sub(r"([\\`*_{}\[\]<>|~&])", r"\\\1", check.title)
    return "\n".join(
        [
            f"### rlid check: {'passed' if check.passes else 'failed'}",
            "",
            f"{title}",
            "",
            "| asked | seeds that solve it | probability | seconds |",
            "|---|---|---|---|",
            f"| d_int90 ≤ {check.limit} | {check.solved} of {check.known} at d = {check.limit} | "
            f"{check.probability:.3f} | {seconds:.0f} |",
            "",
        ]
    )


def _reasons(check: Check) -> str:
    lines = [
        f"seed {record.spec.seed}: {record.status}"
        + (f", score {record.score:.6g}" if record.score is not None else "")
        + (f": {record.reason}" if record.reason else "")
        for record in check.records
    ]
    return "\n".join(lines)


def _clean(text: str) -> str:
    return _CONTROL.sub("?", text)
