"""The leaderboard as plain tables: Markdown, CSV, JSON and LaTeX; the same rows, the same bytes."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Sequence
from dataclasses import fields

from rlid.errors import InputError
from rlid.leaderboard.claims import OUT_OF_SCOPE, Claim
from rlid.leaderboard.paper import SOURCE
from rlid.leaderboard.ranking import LeaderboardRow
from rlid.leaderboard.yardstick import Ratio

MISSING = "–"
NOTE = (
    "d_int90 is the smallest subspace dimension at which training still succeeds (interval: 95 %); "
    "D - d is the dimension of the solution manifold; policy: bytes of the smallest exported one. "
    "Provisional: fewer than 10 seeds (supervised: 5). "
    "A ratio with a star holds a row against MNIST FC judged by another rule. "
    f'Figures under "published elsewhere" are from {SOURCE}, and were not measured here.'
)
HEADINGS = (
    "task", "kind", "network", "D", "agent", "projection", "d_int90", "95 %", "/ MNIST FC",
    "seeds", "status", "published elsewhere", "D / d", "D - d", "policy", "rule", "reference",
    "random", "hidden", "env steps",
)  # fmt: skip
SHORT = (
    "task", "kind", "network", "D", "agent", "rule", "d_int90", "95 %", "/ MNIST FC", "seeds",
    "status", "policy", "published elsewhere",
)  # fmt: skip
"""The columns that README shows."""
PRINTED = (
    "task", "kind", "network", "D", "agent", "projection", "d_int90", "95 %", "/ MNIST FC",
    "seeds", "status", "published elsewhere", "D / d", "policy", "rule", "reference",
)  # fmt: skip
"""The columns for which a printed page has room."""
TEXTS = (
    "task", "kind", "network", "agent", "projection", "95 %", "status", "published elsewhere",
    "rule",
)  # fmt: skip
KINDS = {"rl": "RL"}
"""Kinds that are written otherwise than they are named."""
BEGIN, END = "<!-- leaderboard: begin -->", "<!-- leaderboard: end -->"
_LATEX = {
    "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "\\": r"\textbackslash{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "–": "--", "|": r"\textbar{}",
}  # fmt: skip


def cells(entry: LeaderboardRow) -> list[str]:
    """Return a row's texts, in the order of HEADINGS; what is missing is shown as missing."""
    answer = entry.answer or ("withheld" if entry.withheld else "")
    texts = [
        entry.task,
        KINDS.get(entry.kind, entry.kind),
        entry.network,
        _whole(entry.D),
        entry.agent,
        entry.projection,
        answer,
        entry.interval,
        _ratio(entry),
        _whole(entry.seeds),
        entry.status,
        f"{entry.paper} ({entry.paper_note})" if entry.paper_note else entry.paper,
        _bounded(entry, short(entry.compression)),
        _bounded(entry, _whole(entry.manifold)),
        "" if entry.policy_bytes is None else f"{entry.policy_bytes:,} B",
        entry.rule,
        short(entry.reference),
        short(entry.random),
        _whole(entry.hidden_state),
        _whole(entry.env_steps),
    ]
    return [text or MISSING for text in texts]


def markdown(entries: Sequence[LeaderboardRow], claims: Sequence[Claim] = ()) -> str:
    """Return the page of tables: the leaderboard, the paper's claims, the commands of the rows."""
    lines = ["# Leaderboard", "", NOTE, "", *_markdown_table(entries, HEADINGS)]
    if claims:
        lines += ["", f"## The claims of {SOURCE}, from these numbers", ""]
        lines += ["| claim | answer |", "|---|---|"]
        lines += [f"| {_markdown(one.text)} | {_markdown(one.answer)} |" for one in claims]
        lines += ["", OUT_OF_SCOPE]
    lines += ["", "## The commands that re-make the rows", ""]
    for entry in entries:
        if entry.is_measured:
            name = ", ".join((entry.task, entry.network, entry.agent))
            lines.append(f"- {_markdown(name)}: {_code(entry)}")
    return "\n".join(lines) + "\n"


def readme(entries: Sequence[LeaderboardRow]) -> str:
    """Return the short table that stands between the markers in README."""
    measured = [entry for entry in entries if entry.is_measured]
    return "\n".join([BEGIN, "", *_markdown_table(measured, SHORT), "", END])


def put_between_markers(text: str, table: str) -> str:
    """Return a README with the table in the place of the one it has.

    Raises:
        InputError: it has no markers.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise InputError(f"no place for the leaderboard: it needs the lines {BEGIN} and {END}")
    return before + table + after


def _markdown_table(entries: Sequence[LeaderboardRow], headings: Sequence[str]) -> list[str]:
    lines = [f"| {' | '.join(headings)} |", "|" + "---|" * len(headings)]
    for entry in entries:
        texts = (_markdown(text) for text in _under(entry, headings))
        lines.append(f"| {' | '.join(texts)} |")
    return lines


def _under(entry: LeaderboardRow, headings: Sequence[str]) -> list[str]:
    """Return a row's texts under some of the headings."""
    texts = dict(zip(HEADINGS, cells(entry), strict=True))
    return [texts[heading] for heading in headings]


def _markdown(text: str) -> str:
    """Return text that Markdown shows as it is."""
    escaped = re.sub(r"([\\`*_{}\[\]|~])", r"\\\1", " ".join(text.split()))
    return escaped.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _code(entry: LeaderboardRow) -> str:
    """Return a command as code; a fence longer than any run of backticks in it holds it."""
    runs = [len(run) for run in re.findall("`+", entry.command)]
    fence = "`" * (max(runs, default=0) + 1)
    gap = " " if runs else ""
    return f"{fence}{gap}{' '.join(entry.command.split())}{gap}{fence}"


def comma_separated(entries: Sequence[LeaderboardRow]) -> str:
    """Return CSV with every field as a number or a text; what is missing is empty.

    A text that a spreadsheet would take for a formula is quoted by an apostrophe.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    names = [field.name for field in fields(LeaderboardRow)]
    writer.writerow(names)
    for entry in entries:
        values = entry.to_json()
        writer.writerow([_harmless(values[name]) for name in names])
    return out.getvalue()


def _harmless(value: object) -> object:
    is_formula = isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r"))
    return f"'{value}" if is_formula else "" if value is None else value


def json_text(entries: Sequence[LeaderboardRow]) -> str:
    """Return the rows as a JSON list."""
    rows = [entry.to_json() for entry in entries]
    return json.dumps(rows, indent=1, allow_nan=False, ensure_ascii=False) + "\n"


def latex(entries: Sequence[LeaderboardRow]) -> str:
    r"""Return a tabular for the booktabs package, to be \input."""
    kinds = "".join("l" if heading in TEXTS else "r" for heading in PRINTED)
    lines = [rf"\begin{{tabular}}{{{kinds}}}", r"\toprule"]
    lines.append(" & ".join(map(_latex, PRINTED)) + r" \\")
    lines.append(r"\midrule")
    for entry in entries:
        lines.append(" & ".join(map(_latex, _under(entry, PRINTED))) + r" \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}"]) + "\n"


def _latex(text: str) -> str:
    return "".join(_LATEX.get(letter, letter) for letter in text)


def _ratio(entry: LeaderboardRow) -> str:
    if entry.ratio is None:
        return ""
    return str(Ratio(entry.ratio, entry.censored, entry.is_least, entry.ratio_rule))


def _bounded(entry: LeaderboardRow, text: str) -> str:
    """Return what falls as d_int90 rises: a lower bound where that is an upper one."""
    return f"at least {text}" if entry.is_least and text else text


def _whole(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def short(value: float | None) -> str:
    """Return a number in about four digits, or "" where there is none."""
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
