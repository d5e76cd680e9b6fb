"""The leaderboard as a static web page: plain files that work from a folder, without a server.

Everything that is shown goes through Jinja2's autoescape. The Content-Security-Policy allows the
page's own style and script, by their hashes, and pictures from its folder; nothing else is loaded.
"""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from rlid.figures import plots
from rlid.leaderboard import claims, tables
from rlid.leaderboard import publish as publisher
from rlid.leaderboard import ranking as leaderboard
from rlid.leaderboard.published import Published
from rlid.leaderboard.ranking import LeaderboardRow
from rlid.measurement import answer, summarise
from rlid.store import write_whole

MARGIN = 1.25
"""Factor by which the chart's axis reaches beyond the values on it."""
TICKS = (1, 2, 5)
"""Ticks of a decade; those that are no power of ten are named where there is room for them."""
MOST_NAMED = 9
SORTED_AS_TEXT = {"task", "kind", "network", "agent", "projection", "status", "rule"}
SECONDARY = {"D - d", "reference", "random", "hidden", "env steps", "D / d", "kind", "rule"}
"""Columns that a narrow screen leaves to the measurement's own page."""
LONG = {"status", "published elsewhere"}
"""Columns whose texts may take several lines."""


@dataclass(frozen=True)
class Mark:
    """A measurement on the chart: positions are in percent of its width.

    `paper` is where the figure published elsewhere stands.
    """

    entry: LeaderboardRow
    at: float
    low: float | None
    high: float | None
    paper: float | None
    is_open: bool


def write(published: Sequence[Published], out: Path) -> list[Path]:
    """Write the page and one for each measurement; return their paths.

    A measurement that another one of the same thing outweighs has a page too, but no row.

    Raises:
        OSError: they cannot be written.
    """
    chosen = leaderboard.chosen(published)
    entries = leaderboard.entries(chosen)
    measured = [entry for entry in entries if entry.is_measured]
    axis, marks = chart(measured)
    index = _render(
        "index.html", entries=entries, headings=tables.HEADINGS, cells=_cells, note=tables.NOTE,
        marks=marks, axis=axis, secondary=SECONDARY, texts=SORTED_AS_TEXT, long=LONG, root="",
        totals=_totals(measured), claims=claims.answers(chosen), beyond=claims.OUT_OF_SCOPE,
        has_synthetic=any(e.kind == "synthetic" for e in measured),
    )  # fmt: skip
    written = [write_whole(out / "index.html", index.encode())]
    of_page = {entry.page: entry for entry in leaderboard.entries(published)}
    for one in published:
        target = publisher.path(one, out).with_suffix(".html")
        page = _measurement(one, of_page[target.relative_to(out).as_posix()], target)
        written.append(write_whole(target, page.encode()))
    return written


def _totals(measured: Sequence[LeaderboardRow]) -> list[tuple[str, int]]:
    """Return what has been measured in a few numbers, each with its name."""
    return [
        ("measurements", len(measured)),
        ("RL tasks", len({entry.task for entry in measured if entry.kind == "rl"})),
        ("data sets", len({entry.task for entry in measured if entry.kind == "supervised"})),
        ("trials", sum(entry.trials or 0 for entry in measured)),
        ("steps", sum(entry.env_steps or 0 for entry in measured)),
    ]


def chart(entries: Sequence[LeaderboardRow]) -> tuple[list[tuple[int, float, bool]], list[Mark]]:
    """Return the ticks of a logarithmic axis, (value, percent, is named), and the marks on it."""
    values = [
        value
        for entry in entries
        for value in (entry.d_int90, entry.ci_low, entry.ci_high, entry.censored and entry.dmax)
        if value
    ]
    if not values:
        return [], []
    papers = [int(entry.paper) for entry in entries if entry.paper]
    first = math.log(min(*values, *papers, values[0]) / MARGIN)
    last = math.log(max(*values, *papers, values[0]) * MARGIN)

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
        paper = place(int(entry.paper)) if entry.paper else None
        marks.append(Mark(entry, place(value), low, 100.0 if is_open else high, paper, is_open))
    return _ticks(first, last, place), marks


def _ticks(
    first: float, last: float, place: Callable[[float], float]
) -> list[tuple[int, float, bool]]:
    powers = range(math.floor(first / math.log(10)), math.floor(last / math.log(10)) + 1)
    ticks = [part * 10**power for power in powers if power >= 0 for part in TICKS]
    ticks = [tick for tick in ticks if first <= math.log(tick) <= last]
    is_roomy = len(ticks) <= MOST_NAMED
    powers_of_ten = {10**power for power in powers if power >= 0}
    return [(tick, place(tick), is_roomy or tick in powers_of_ten) for tick in ticks]


def _cells(entry: LeaderboardRow) -> list[tuple[str, str, str, bool]]:
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


def _measurement(one: Published, entry: LeaderboardRow, target: Path) -> str:
    """Draw the figure of a measurement; return its page."""
    summary = summarise(one.records())
    sentence = answer(summary.estimate)
    plots.draw_panels(summary, target.with_suffix(""))
    beside = {
        kind: name
        for kind, name in {
            "success": f"{target.stem}.svg",
            "scores": f"{target.stem}-scores.svg",
            "curves": f"{target.stem}-curves.svg",
            "policy": f"{target.stem}.rlid",
            "z": f"{target.stem}.safetensors",
            "record": f"{target.stem}.json",
        }.items()
        if (target.parent / name).is_file()
    }
    return _render(
        "measurement.html", one=one, entry=entry, sentence=sentence, beside=beside,
        smallest=one.smallest(), tiles=_tiles(one, entry), root="../",
    )  # fmt: skip


def _tiles(one: Published, entry: LeaderboardRow) -> list[tuple[str, str, str]]:
    """Return the figures at the head of a measurement's page: (name, text, small print)."""
    texts = dict(zip(tables.HEADINGS, tables.cells(entry), strict=True))
    policy = one.policy
    return [
        ("d_int90", texts["d_int90"], f"95 %: {texts['95 %']}"),
        ("weights D", texts["D"], entry.network),
        ("D / d", texts["D / d"], f"D - d = {texts['D - d']}"),
        ("/ MNIST FC", texts["/ MNIST FC"], f"rule {entry.rule}"),
        ("smallest policy", texts["policy"], f"{policy.z_bytes} B of z" if policy else "no export"),
        ("seeds", texts["seeds"], f"{len(one.rows)} trials, {entry.status}"),
    ]


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
    environment.filters["short"] = lambda value: tables.short(value) or tables.MISSING
    return environment


def _text(name: str) -> str:
    return (resources.files("rlid.leaderboard") / "templates" / name).read_text()


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _number(value: float | int | None) -> str:
    if value is None:
        return tables.MISSING
    return f"{value:,}" if isinstance(value, int) else f"{value:.6g}"
