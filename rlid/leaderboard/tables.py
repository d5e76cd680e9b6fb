"""The leaderboard as plain tables: Markdown, CSV and JSON; LaTeX is in `latex`.

The same rows give the same bytes.
"""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import fields

from rlid.errors import InputError
from rlid.figures import families
from rlid.leaderboard.claims import OUT_OF_SCOPE, Claim
from rlid.leaderboard.findings import BoardFinding
from rlid.leaderboard.paper import SOURCE
from rlid.leaderboard.row import LeaderboardRow
from rlid.leaderboard.yardstick import Ratio

MISSING = "–"
NOTE = (
    "d_int90 is the smallest subspace dimension at which at least half of all seeds succeed, "
    "with its 95 % interval; d_reliable asks for nine seeds of ten. A bracket stands for one seed, "
    "or for fewer than five seeds where all failures lie below all successes; nothing is derived "
    "from it. Full: a closed interval no wider than d_int90, 10 seeds (supervised: 5), and a "
    "reference from 5 seeds. First edition: one noisy look could end a trial unsolved, so that "
    "d_int90 may be too large; to be measured again. / MNIST FC: d_int90 over that of MNIST with "
    "the fully connected network; a star marks that MNIST was judged by another rule. D / d and "
    "D - d are taken at d_int90; by this optimizer the set of solutions has D - d dimensions or "
    "more. Policy: the smallest exported policy, in bytes. Hidden: numbers that a solution needs "
    "beside z. Env steps and hours: of all trials, on a machine that may have run other work too. "
    f'Figures under "published elsewhere" are from {SOURCE}, and were not measured here.'
)
HEADINGS = (
    "task", "kind", "network", "D", "agent", "projection", "d_int90", "95 %", "d_reliable",
    "/ MNIST FC", "seeds", "status", "notes", "published elsewhere", "D / d", "D - d", "policy",
    "rule", "reference", "random", "hidden", "env steps", "hours", "published by", "date", "rlid",
)  # fmt: skip
SHORT = (
    "task", "network", "D", "agent", "rule", "d_int90", "95 %", "/ MNIST FC", "seeds", "status",
    "edition", "policy", "published elsewhere",
)  # fmt: skip
"""The columns that README shows."""
KINDS = {"rl": "RL"}
"""Kinds that are shown under another name."""
FORMULA_SIGNS = "=+-@|%"
"""Signs with which a spreadsheet lets a formula begin."""
BEGIN, END = "<!-- leaderboard: begin -->", "<!-- leaderboard: end -->"


def cells(row: LeaderboardRow) -> dict[str, str]:
    """Return the texts of a row by their heading, in the order of HEADINGS.

    What is missing is shown as missing. "edition" stands for itself in the tables that have no
    room for the notes.
    """
    elsewhere = f"{int(row.paper):,}" if row.paper else ""
    texts = {
        "task": row.task,
        "kind": KINDS.get(row.kind, row.kind),
        "network": row.network,
        "D": _integer(row.D),
        "agent": row.agent,
        "projection": row.projection,
        "d_int90": row.answer or ("withheld" if row.withheld else ""),
        "95 %": row.interval,
        "d_reliable": row.reliable,
        "/ MNIST FC": _ratio(row),
        "seeds": _integer(row.seeds),
        "status": row.status,
        "notes": "; ".join(row.notes),
        "published elsewhere": f"{elsewhere} ({row.paper_note})" if row.paper_note else elsewhere,
        "D / d": _bounded(row, "" if row.compression is None else families.digits(row.compression)),
        "D - d": _bounded(row, _integer(row.manifold)),
        "policy": "" if row.policy_bytes is None else f"{row.policy_bytes:,} B",
        "rule": row.rule,
        "reference": short(row.reference),
        "random": short(row.random),
        "hidden": _integer(row.hidden_state),
        "env steps": _integer(row.env_steps),
        "hours": short(row.hours),
        "published by": row.published_by,
        "date": row.published_when,
        "rlid": row.version,
        "edition": row.edition,
    }
    return {heading: text or MISSING for heading, text in texts.items()}


def markdown(
    rows: Sequence[LeaderboardRow],
    claims: Sequence[Claim] = (),
    findings: Sequence[BoardFinding] = (),
) -> str:
    """Return the page of tables: findings, leaderboard, claims of the paper, commands."""
    lines = ["# Leaderboard", ""]
    for finding in findings:
        least = f" Least favourable reading: {finding.least}." if finding.least else ""
        lines.append(f"- {_markdown(f'{finding.text}. {finding.interval}.{least}')}")
    lines += ["", NOTE, "", *_markdown_table(rows, HEADINGS)]
    if claims:
        lines += ["", f"## The claims of {SOURCE}, from these numbers", ""]
        lines += ["| claim | answer |", "|---|---|"]
        lines += [f"| {_markdown(claim.text)} | {_markdown(claim.answer)} |" for claim in claims]
        lines += ["", OUT_OF_SCOPE]
    lines += ["", "## The commands that re-make the rows", ""]
    for row in rows:
        if row.is_measured:
            name = ", ".join((row.task, row.network, row.agent))
            lines.append(f"- {_markdown(name)}: {_code(row)}")
    return "\n".join(lines) + "\n"


def readme(rows: Sequence[LeaderboardRow]) -> str:
    """Return the short table for README, with its markers."""
    measured = [row for row in rows if row.is_measured]
    return "\n".join([BEGIN, "", *_markdown_table(measured, SHORT), "", END])


def put_between_markers(text: str, table: str) -> str:
    """Return the text of a README with its table replaced.

    Raises:
        InputError: the README has no markers.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise InputError(f"no place for the leaderboard: it needs the lines {BEGIN} and {END}")
    return before + table + after


def _markdown_table(rows: Sequence[LeaderboardRow], headings: Sequence[str]) -> list[str]:
    lines = [f"| {' | '.join(headings)} |", "|" + "---|" * len(headings)]
    for row in rows:
        texts = cells(row)
        lines.append(f"| {' | '.join(_markdown(texts[heading]) for heading in headings)} |")
    return lines


def _markdown(text: str) -> str:
    """Return text that Markdown shows literally: no address, name or number becomes a link."""
    escaped = re.sub(r"([\\`*_{}\[\]|~])", r"\\\1", " ".join(text.split()))
    escaped = escaped.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    escaped = re.sub(r"(?i)\b(www)\.", r"\1&#46;", escaped.replace("://", "&#58;//"))
    return re.sub(r"([@#])(?=\w)(?!\d+;)", r"\1<!-- -->", escaped)


def _code(row: LeaderboardRow) -> str:
    """Return a command as code, in a fence longer than any run of backticks in it."""
    runs = [len(run) for run in re.findall("`+", row.command)]
    fence = "`" * (max(runs, default=0) + 1)
    gap = " " if runs else ""
    return f"{fence}{gap}{' '.join(row.command.split())}{gap}{fence}"


def comma_separated(rows: Sequence[LeaderboardRow]) -> str:
    """Return CSV with every field as a number or a text; what is missing is empty.

    An apostrophe stands before a text that a spreadsheet would take for a formula.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    names = [field.name for field in fields(LeaderboardRow)]
    writer.writerow(names)
    for row in rows:
        values = row.to_json()
        writer.writerow([_harmless(values[name]) for name in names])
    return out.getvalue()


def _harmless(value: object) -> object:
    if not isinstance(value, str):
        return "" if value is None else value
    # Spreadsheets pass over spaces, and take the wide forms of these signs for the signs.
    first = unicodedata.normalize("NFKC", value).lstrip()[:1]
    is_formula = value[:1] in ("\t", "\r", "\n") or (first != "" and first in FORMULA_SIGNS)
    return f"'{value}" if is_formula else value


def json_text(rows: Sequence[LeaderboardRow]) -> str:
    """Return the rows as a JSON list."""
    values = [row.to_json() for row in rows]
    return json.dumps(values, indent=1, allow_nan=False, ensure_ascii=False) + "\n"


def _ratio(row: LeaderboardRow) -> str:
    if row.ratio is None:
        return ""
    return str(Ratio(row.ratio, row.is_above, row.is_least, row.ratio_rule, row.is_beyond))


def _bounded(row: LeaderboardRow, text: str) -> str:
    """Return a number that falls as d_int90 rises; a lower bound where d_int90 is an upper one."""
    return f"at least {text}" if row.is_least and text else text


def _integer(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def short(value: float | None) -> str:
    """Return a number in about four digits, or "" for None."""
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
