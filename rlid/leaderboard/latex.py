r"""The leaderboard as a LaTeX table with a caption, to be \input in a paper; it needs booktabs."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Sequence

from rlid.errors import InputError
from rlid.leaderboard.paper import SOURCE
from rlid.leaderboard.row import LeaderboardRow
from rlid.leaderboard.tables import HEADINGS, cells

PRINTED = (
    "task", "network", "D", "agent", "d_int90", "95 %", "seeds", "status", "edition",
    "published elsewhere",
)  # fmt: skip
"""Columns that are printed where none are asked for."""
ALLOWED = (*HEADINGS, "edition")
TEXTS = (
    "task", "kind", "network", "agent", "projection", "95 %", "d_reliable", "status", "edition",
    "notes", "published elsewhere", "rule", "published by", "date", "rlid",
)  # fmt: skip
"""Columns that are set flush left."""
CAPTION = (
    r"Intrinsic dimensions $d_\mathrm{int90}$, the smallest dimension of a random subspace at "
    r"which at least half of all seeds succeed, with 95\,\% intervals. Figures under ``published "
    rf"elsewhere'' are from {SOURCE}."
)
LABEL = "tab:intrinsic-dimension"
_TITLES = {
    "d_int90": r"$d_\mathrm{int90}$", "d_reliable": r"$d_\mathrm{reliable}$", "D": "$D$",
    "D / d": "$D/d$", "D - d": "$D-d$", "95 %": r"95\,\%",
}  # fmt: skip
_ESCAPES = {
    "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "\\": r"\textbackslash{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "–": r"\textendash{}", "|": r"\textbar{}",
    # A bracket after \\ or \midrule would be read as their argument.
    "[": "{[}", "]": "{]}",
    # The sign itself is active in some languages.
    '"': "{''}",
}  # fmt: skip


def latex(
    rows: Sequence[LeaderboardRow], columns: Sequence[str] = PRINTED, caption: str | None = None
) -> str:
    r"""Return a table that a paper can \input: booktabs, a caption, a label.

    Args:
        rows: the rows to print.
        columns: headings of the columns to print, in their order; see `ALLOWED`.
        caption: the caption as plain text; None for one that says what d_int90 is.

    Raises:
        InputError: there is no such column, or none at all.
    """
    check_columns(columns)
    kinds = "".join("l" if heading in TEXTS else "r" for heading in columns)
    lines = [
        "% needs \\usepackage{booktabs}",
        r"\begin{table}",
        r"\centering\small",
        rf"\caption{{{CAPTION if caption is None else escape_latex(caption)}}}",
        rf"\label{{{LABEL}}}",
        rf"\begin{{tabular}}{{{kinds}}}",
        r"\toprule",
        " & ".join(_TITLES.get(heading, escape_latex(heading)) for heading in columns) + r" \\",
        r"\midrule",
    ]
    for row in rows:
        texts = cells(row)
        lines.append(" & ".join(escape_latex(texts[heading]) for heading in columns) + r" \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", r"\end{table}"]) + "\n"


def check_columns(columns: Sequence[str]) -> None:
    """Refuse columns that no row has.

    Raises:
        InputError: there is no such column, or none at all.
    """
    if not columns:
        raise InputError(f"no column is named; there are: {', '.join(ALLOWED)}")
    for heading in columns:
        if heading not in ALLOWED:
            near = difflib.get_close_matches(heading, ALLOWED, n=1)
            hint = f" (did you mean {near[0]!r}?)" if near else ""
            raise InputError(
                f"no column {heading!r}{hint}: there are {', '.join(map(repr, ALLOWED))}"
            )


def escape_latex(text: str) -> str:
    r"""Return text that LaTeX prints as it stands, in a cell and in a caption alike.

    Every run of white space becomes one space, since an empty line would end a paragraph; other
    control characters are left out.
    """
    plain = " ".join(text.split())
    plain = "".join(letter for letter in plain if unicodedata.category(letter) not in ("Cc", "Cf"))
    # A star at the beginning of a row would be an argument of the \\ before it.
    start = "{}" if plain.startswith("*") else ""
    escaped = "".join(_ESCAPES.get(letter, letter) for letter in plain)
    # Two hyphens in a row would become a dash.
    return start + re.sub("-(?=-)", "-{}", escaped)
