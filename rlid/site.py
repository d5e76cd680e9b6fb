"""The leaderboard as a static web page: plain files that work from a folder, without a server.

Everything that is shown goes through Jinja2's autoescape. The Content-Security-Policy allows the
page's own style and script, by their hashes, and pictures from its folder; nothing else is loaded.
"""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from rlid import plots, publisher, tables
from rlid.files import write_whole
from rlid.leaderboard import Entry
from rlid.measurement import answer
from rlid.published import Published
from rlid.summary import summarise

MARGIN = 1.25
"""Factor by which the chart's axis reaches beyond the values on it."""
SORTED_AS_TEXT = {"task", "kind", "network", "agent", "status"}
SECONDARY = {"D - d", "reference", "random", "hidden", "env steps", "D / d", "kind"}
"""Columns that a narrow screen leaves to the measurement's own page."""


@dataclass(frozen=True)
class Mark:
    """A measurement on the chart: positions are in percent of its width."""

    entry: Entry
    at: float
    low: float | None
    high: float | None
    is_open: bool


def write(published: Sequence[Published], entries: Sequence[Entry], out: Path) -> list[Path]:
    """Write the page and one for each measurement; return their paths.

    Raises:
        OSError: they cannot be written.
    """
    axis, marks = chart([entry for entry in entries if entry.is_measured])
    index = _render(
        "index.html", entries=entries, headings=tables.HEADINGS, cells=_cells, note=tables.NOTE,
        marks=marks, axis=axis, secondary=SECONDARY, texts=SORTED_AS_TEXT, root="",
    )  # fmt: skip
    written = [write_whole(out / "index.html", index.encode())]
    of_page = {entry.page: entry for entry in entries if entry.is_measured}
    for one in published:
        target = publisher.path(one, out).with_suffix(".html")
        page = _measurement(one, of_page[target.relative_to(out).as_posix()], target)
        written.append(write_whole(target, page.encode()))
    return written


def chart(entries: Sequence[Entry]) -> tuple[list[tuple[int, float]], list[Mark]]:
    """Return the ticks of a logarithmic axis, (value, percent), and the marks on it."""
    values = [
        value
        for entry in entries
        for value in (entry.d_int90, entry.ci_low, entry.ci_high, entry.censored and entry.dmax)
        if value
    ]
    if not values:
        return [], []
    first, last = math.log(min(values) / MARGIN), math.log(max(values) * MARGIN)

    def place(value: float) -> float:
        return round(100 * min(1.0, (math.log(value) - first) / (last - first)), 2)

    marks = []
    for entry in entries:
        value = entry.d_int90 or (entry.dmax if entry.censored else None)
        if not value:
            continue
        is_open = entry.censored or (entry.ci_low is not None and entry.ci_high is None)
        low = None if entry.ci_low is None else place(entry.ci_low)
        high = None if entry.ci_high is None else place(entry.ci_high)
        marks.append(Mark(entry, place(value), low, 100.0 if is_open else high, is_open))
    powers = range(math.ceil(first / math.log(10)), math.floor(last / math.log(10)) + 1)
    return [(10**power, place(10**power)) for power in powers], marks


def _cells(entry: Entry) -> list[tuple[str, str, str, bool]]:
    """Return (heading, text, what it is sorted by, whether it is a number) for every column."""
    values = {
        "D": entry.D, "d_int90": entry.d_int90 or entry.dmax, "95 %": entry.ci_low,
        "/ MNIST FC": entry.ratio, "D / d": entry.compression, "D - d": entry.manifold,
        "policy": entry.policy_bytes, "seeds": entry.seeds, "reference": entry.reference,
        "random": entry.random, "hidden": entry.hidden_state, "env steps": entry.env_steps,
        "published elsewhere": int(entry.paper) if entry.paper else None,
    }  # fmt: skip
    found = []
    for heading, text in zip(tables.HEADINGS, tables.cells(entry), strict=True):
        is_number = heading not in SORTED_AS_TEXT
        key = values[heading] if is_number else text
        found.append((heading, text, "" if key is None else str(key), is_number))
    return found


def _measurement(one: Published, entry: Entry, target: Path) -> str:
    """Draw the figure of a measurement; return its page."""
    summary = summarise(one.records())
    sentence = answer(summary.estimate)
    plots.draw(summary, target.with_suffix(""), sentence, formats=("svg",))
    beside = {
        kind: name
        for kind, name in {
            "figure": f"{target.stem}.svg",
            "curves": f"{target.stem}-curves.svg",
            "policy": f"{target.stem}.rlid",
            "z": f"{target.stem}.safetensors",
            "record": f"{target.stem}.json",
        }.items()
        if (target.parent / name).is_file()
    }
    return _render(
        "measurement.html", one=one, entry=entry, sentence=sentence, beside=beside,
        smallest=one.smallest(), root="../",
    )  # fmt: skip


def _render(template: str, **values: Any) -> str:
    style, script = _text("page.css"), _text("page.js")
    policy = (
        f"default-src 'none'; img-src 'self' file: data:; style-src '{_hash(style)}'; "
        f"script-src '{_hash(script)}'; base-uri 'none'; form-action 'none'"
    )
    made: str = (
        _environment()
        .get_template(template)
        .render(style=style, script=script, policy=policy, **values)
    )
    return made


@cache
def _environment() -> Any:
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    environment = Environment(
        loader=FunctionLoader(_text),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = _number
    return environment


def _text(name: str) -> str:
    return (resources.files("rlid") / "templates" / name).read_text()


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _number(value: float | int | None) -> str:
    if value is None:
        return tables.MISSING
    return f"{value:,}" if isinstance(value, int) else f"{value:.6g}"
