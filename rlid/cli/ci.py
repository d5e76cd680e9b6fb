"""What a CI system shows of a check: JUnit XML, and a summary of the job on GitHub."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from rlid.measurement import Check

_CONTROL = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold."""


def junit(found: Check, seconds: float) -> bytes:
    """Return a check as a JUnit file with one test case."""
    suite = ElementTree.Element(
        "testsuite",
        name="rlid check",
        tests="1",
        failures=str(int(not found.passes and not found.failed)),
        errors=str(int(bool(found.failed))),
        time=f"{seconds:.2f}",
    )
    case = ElementTree.SubElement(
        suite,
        "testcase",
        classname="rlid.measurement.check",
        name=_clean(f"{found.title}: d_int90 <= {found.limit}"),
        time=f"{seconds:.2f}",
    )
    sentence = _clean(found.sentence)
    if not found.passes:
        kind = "error" if found.failed else "failure"
        ElementTree.SubElement(case, kind, message=sentence).text = _clean(_reasons(found))
    ElementTree.SubElement(case, "system-out").text = sentence
    text: bytes = ElementTree.tostring(suite, encoding="utf-8", xml_declaration=True)
    return text + b"\n"


def summary(found: Check, seconds: float) -> str:
    """Return a check as Markdown for GITHUB_STEP_SUMMARY."""
    title = re.sub(r"([\\`*_{}\[\]<>|~&])", r"\\\1", found.title)
    return "\n".join(
        [
            f"### rlid check: {'passed' if found.passes else 'failed'}",
            "",
            f"{title}",
            "",
            "| asked | seeds that solve it | probability | seconds |",
            "|---|---|---|---|",
            f"| d_int90 ≤ {found.limit} | {found.solved} of {found.known} at d = {found.limit} | "
            f"{found.probability:.3f} | {seconds:.0f} |",
            "",
        ]
    )


def _reasons(found: Check) -> str:
    lines = [
        f"seed {record.spec.seed}: {record.status}"
        + (f", score {record.score:.6g}" if record.score is not None else "")
        + (f": {record.reason}" if record.reason else "")
        for record in found.records
    ]
    return "\n".join(lines)


def _clean(text: str) -> str:
    return _CONTROL.sub("?", text)
