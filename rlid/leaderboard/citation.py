"""How to cite a measurement, as BibTeX."""

from __future__ import annotations

import re

from rlid.leaderboard.latex import escape_latex
from rlid.leaderboard.published import Published

AUTHORS = "{The rlid developers}"
"""Author where a file does not say who published it."""
PAPER = """@inproceedings{li2018measuring,
  title = {Measuring the Intrinsic Dimension of Objective Landscapes},
  author = {Li, Chunyuan and Farkhoor, Heerad and Liu, Rosanne and Yosinski, Jason},
  booktitle = {International Conference on Learning Representations},
  year = {2018},
  url = {https://arxiv.org/abs/1804.08838}
}"""


def bibtex(published: Published, sentence: str) -> str:
    """Return a BibTeX entry for a measurement, and one for the paper whose quantity it measures.

    Every text of the file is escaped, so that it can neither end a field nor be a command.

    Args:
        published: the measurement.
        sentence: its answer in words.
    """
    question, origin = published.question, published.origin
    versions = sorted({listed.get("rlid", "") for listed in published.versions} - {""})
    author = f"{{{escape_latex(origin.by)}}}" if origin is not None and origin.by else AUTHORS
    title = (
        f"Intrinsic dimension of {question.task} by {question.agent} with {question.network}, "
        f"{question.projection} projection: {sentence}"
    )
    fields = {
        "title": f"{{{escape_latex(title)}}}",
        "author": author,
        "note": f"Measured with rlid {escape_latex(', '.join(versions))}; "
        f"SHA-256 of its data {published.sha256}",
        "howpublished": rf"\texttt{{{escape_latex(published.command)}}}",
    }
    when = origin.when if origin is not None else ""
    if year := re.search(r"\b(19|20)\d\d\b", when):
        fields["year"] = year.group()
    lines = [f"  {name} = {{{text}}}" for name, text in fields.items()]
    key = re.sub(r"[^a-z0-9]+", "-", f"rlid-{question.task}-{question.digest}".lower())
    return "@misc{" + ",\n".join([key, *lines]) + "\n}\n\n" + PAPER
