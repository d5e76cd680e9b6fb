"""Answers and figures of results/ in the documents, so that no text holds an old one.

A link to a published measurement has the answer as its text, as in
`[4 (3-6)](../results/cartpole/cmaes-mlp_20x20-onehot-b4cb0ebd.json)`. With a JSON pointer behind
the name, as in `....json#/threshold`, its text is that value of the file.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlid.dimension import bracket_in_words, figure_in_words, interval_in_words

ROOT = Path(__file__).resolve().parents[1]
LINK = re.compile(r"\[([^\[\]]*)\]\(([^()\s#]+\.json)(#/[^()\s]*)?\)")
WORDS = {1: "one", 2: "two", 3: "three", 4: "four"}


@dataclass(frozen=True)
class PublishedRow:
    """A row of the leaderboard with the file that it was made from.

    Attributes:
        path: the file's path in the repository.
        row: the row of results/leaderboard.json.
        content: the content of the file.
    """

    path: str
    row: Mapping[str, Any]
    content: Mapping[str, Any]

    @property
    def answer(self) -> str:
        """d_int90, the bounds of a bracket, or the reason why there is no figure."""
        row = self.row
        if row["bracket_high"] is not None:
            return bracket_in_words(row["bracket_low"], row["bracket_high"])
        is_beyond = bool(row.get("is_beyond"))
        if row["d_int90"] is None and not row["censored"] and not is_beyond:
            return "withheld"
        text = figure_in_words(
            row["d_int90"], dmax=row["dmax"], is_beyond=is_beyond, is_least=row["is_least"]
        )
        return text.replace("> ", "above ")

    @property
    def interval(self) -> str:
        """The 95 % interval, or why there is none."""
        row = self.row
        if row["bracket_high"] is not None:
            return f"a bracket, {seeds_in_words(row['seeds'])}"
        is_open_below = bool(row.get("is_open_below"))
        text = interval_in_words(
            row["ci_low"], row["ci_high"], dmax=row["dmax"], is_open_below=is_open_below
        )
        return text or f"not claimed, {seeds_in_words(row['seeds'])}"

    @property
    def text(self) -> str:
        """The answer with its interval, as it stands in a sentence: "4 (3-6)"."""
        row = self.row
        if row["bracket_high"] is not None:
            return f"{self.answer}, {seeds_in_words(row['seeds'])}"
        if row["d_int90"] is None and not row.get("is_beyond"):
            return self.answer
        interval = "no interval" if row["ci_low"] is None else self.interval
        return f"{self.answer} ({interval})"

    def value(self, pointer: str) -> str:
        """Return the value at a JSON pointer such as "/answer/d_int90", as it stands in a text.

        Raises:
            ValueError: the file has no such value.
        """
        value: Any = self.content
        try:
            for key in pointer.split("/")[1:]:
                value = value[int(key)] if isinstance(value, list) else value[key]
        except (KeyError, IndexError, TypeError, ValueError):
            raise ValueError(f"{self.path} has no {pointer}") from None
        return as_text(value)


def seeds_in_words(seeds: int) -> str:
    """Return a number of seeds as a text has it: "one seed", "10 seeds"."""
    return f"{WORDS.get(seeds, seeds)} seed{'' if seeds == 1 else 's'}"


def as_text(value: Any) -> str:
    """Return a value as a text has it: whole numbers from 1,000 on, else four digits."""
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def published_rows(root: Path = ROOT) -> dict[str, PublishedRow]:
    """Return the published measurements by the path of their file, in the leaderboard's order."""
    rows = json.loads((root / "results" / "leaderboard.json").read_text())
    published = {}
    for row in rows:
        if row["page"]:
            path = f"results/{row['page'].removesuffix('.html')}.json"
            published[path] = PublishedRow(path, row, json.loads((root / path).read_text()))
    return published


def linked(text: str, document: str, published: Mapping[str, PublishedRow]) -> str:
    """Return a document's text with what its links to published measurements say renewed.

    A link to a file that was replaced by one of the same name with another digest follows it.

    Args:
        text: the document's text.
        document: its path in the repository.
        published: the published measurements by path.

    Raises:
        ValueError: a link names no published measurement, or a value that its file lacks.
    """
    folder = posixpath.dirname(document)

    def renewed(link: re.Match[str]) -> str:
        target, pointer = link[2], link[3] or ""
        path = posixpath.normpath(posixpath.join(folder, target))
        if not path.startswith("results/") or path.count("/") != 2:
            return link[0]
        row = published.get(path) or successor(path, document, published)
        says = row.value(pointer[1:]) if pointer else row.text
        return f"[{says}]({posixpath.relpath(row.path, folder or '.')}{pointer})"

    return LINK.sub(renewed, text)


def successor(path: str, document: str, published: Mapping[str, PublishedRow]) -> PublishedRow:
    """Return the only published measurement whose file name differs from `path` by its digest.

    Raises:
        ValueError: there is none, or more than one.
    """
    name = path.rpartition("-")[0]
    rows = [row for other, row in published.items() if other.rpartition("-")[0] == name]
    if len(rows) != 1:
        others = ", ".join(row.path for row in rows) or "no other file of that name"
        raise ValueError(f"{document} links to {path}, which is not published; there is {others}")
    return rows[0]
