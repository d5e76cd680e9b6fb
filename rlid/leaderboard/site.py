"""The leaderboard as a static web page: plain files that open from a folder, without a server.

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
from rlid.leaderboard.assessment import Assessment
from rlid.leaderboard.ranking import Board, page_of
from rlid.leaderboard.row import LeaderboardRow
from rlid.measurement import answer
from rlid.store import write_whole

MARGIN = 1.25
"""Factor by which the chart's axis reaches beyond the values on it."""
TICKS = (1, 2, 5)
"""Ticks of a decade; those that are no power of ten are labelled where there is room."""
MOST_NAMED = 9
"""Ticks up to which all of them are labelled."""
SORTED_AS_TEXT = {"task", "kind", "network", "agent", "projection", "status", "notes", "rule"}
SECONDARY = {"D - d", "reference", "random", "hidden", "env steps", "D / d", "kind", "rule"}
"""Columns that a narrow screen leaves to the measurement's own page."""
LONG = {"status", "notes", "published elsewhere"}
"""Columns whose texts may take several lines."""


@dataclass(frozen=True)
class Mark:
    """A measurement on the chart; positions are in percent of the chart's width.

    Attributes:
        row: the measurement.
        at: position of d_int90; None for a bracket and above dmax.
        low: lower end of the bar: of the 95 % interval, or of the bracket.
        high: upper end of the bar.
        paper: position of the figure published elsewhere.
        is_open: whether the bar has no upper end.
    """

    row: LeaderboardRow
    at: float | None
    low: float | None
    high: float | None
    paper: float | None
    is_open: bool


def write(board: Board, statements: Sequence[claims.Claim], out: Path) -> list[Path]:
    """Write the page and one for each measurement; return their paths.

    A measurement that another one of the same thing outweighs has a page too, but no row.

    Args:
        board: the measurements.
        statements: the paper's claims with their answers.
        out: the folder of published results.

    Raises:
        OSError: they cannot be written.
    """
    measured = [row for row in board.rows if row.is_measured]
    axis, marks = chart(measured)
    index = render(
        "index.html", rows=board.rows, headings=tables.HEADINGS, cells=_cells, note=tables.NOTE,
        marks=marks, axis=axis, secondary=SECONDARY, texts=SORTED_AS_TEXT, long=LONG, root="",
        totals=_totals(measured), claims=statements, beyond=claims.OUT_OF_SCOPE,
        has_synthetic=any(row.kind == "synthetic" for row in measured),
        first_edition=sum(bool(row.edition) for row in measured),
        has_bracket=any(row.is_bracket for row in measured),
    )  # fmt: skip
    written = [write_whole(out / "index.html", index.encode())]
    for assessment in board.assessments:
        target = out / page_of(assessment)
        page = _measurement(assessment, board.by_page[page_of(assessment)], target)
        written.append(write_whole(target, page.encode()))
    return written


def _totals(measured: Sequence[LeaderboardRow]) -> list[tuple[str, int]]:
    """Return the sums over all measurements, each with its name."""
    return [
        ("measurements", len(measured)),
        ("RL tasks", len({row.task for row in measured if row.kind == "rl"})),
        ("data sets", len({row.task for row in measured if row.kind == "supervised"})),
        ("trials", sum(row.trials or 0 for row in measured)),
        ("steps", sum(row.env_steps or 0 for row in measured)),
    ]


def chart(rows: Sequence[LeaderboardRow]) -> tuple[list[tuple[int, float, bool]], list[Mark]]:
    """Return the ticks of a logarithmic axis, and the marks on it.

    Returns:
        Ticks (value, position in percent, whether it is labelled), and a mark for each row that
        has an answer.
    """
    shown = [row for row in rows if row.answer]
    values = [value for row in shown for value in _ends(row) if value]
    if not values:
        return [], []
    values += [int(row.paper) for row in rows if row.paper]
    first, last = math.log(min(values) / MARGIN), math.log(max(values) * MARGIN)

    def position(value: float | None) -> float | None:
        if value is None:
            return None
        return round(100 * min(1.0, (math.log(value) - first) / (last - first)), 2)

    marks = []
    for row in shown:
        middle, low, high = _ends(row)
        is_open = row.censored or (low is not None and high is None)
        marks.append(
            Mark(
                row=row,
                at=None if row.censored else position(middle),
                low=position(low),
                high=100.0 if is_open else position(high),
                paper=position(int(row.paper)) if row.paper else None,
                is_open=is_open,
            )
        )
    return _ticks(first, last, lambda value: position(value) or 0.0), marks


def _ends(row: LeaderboardRow) -> tuple[int | None, int | None, int | None]:
    """Return d_int90 (or dmax where it lies above that), and the ends of its bar."""
    if row.is_bracket:
        return None, row.bracket_low, row.bracket_high
    return row.d_int90 or row.dmax, row.ci_low, row.ci_high


def _ticks(
    first: float, last: float, position: Callable[[float], float]
) -> list[tuple[int, float, bool]]:
    """Return the ticks between two logarithms: (value, position, whether it is labelled)."""
    powers = range(math.floor(first / math.log(10)), math.floor(last / math.log(10)) + 1)
    ticks = [part * 10**power for power in powers if power >= 0 for part in TICKS]
    ticks = [tick for tick in ticks if first <= math.log(tick) <= last]
    is_roomy = len(ticks) <= MOST_NAMED
    powers_of_ten = {10**power for power in powers if power >= 0}
    return [(tick, position(tick), is_roomy or tick in powers_of_ten) for tick in ticks]


def _cells(row: LeaderboardRow) -> list[tuple[str, str, str, bool]]:
    """Return (heading, text, what it is sorted by, whether it is a number) for every column."""
    middle, low, _ = _ends(row)
    values = {
        "D": row.D, "d_int90": middle or low, "95 %": row.ci_low,
        "d_reliable": row.d_reliable or row.reliable_low, "/ MNIST FC": row.ratio,
        "D / d": row.compression, "D - d": row.manifold, "policy": row.policy_bytes,
        "seeds": row.seeds, "reference": row.reference, "random": row.random,
        "hidden": row.hidden_state, "env steps": row.env_steps,
        "published elsewhere": int(row.paper) if row.paper else None,
    }  # fmt: skip
    texts, shown = tables.cells(row), []
    for heading in tables.HEADINGS:
        is_number = heading not in SORTED_AS_TEXT
        key = values[heading] if is_number else texts[heading]
        shown.append((heading, texts[heading], "" if key is None else str(key), is_number))
    return shown


def _measurement(assessment: Assessment, row: LeaderboardRow, target: Path) -> str:
    """Draw the figures of a measurement beside `target`; return its page."""
    published, summary = assessment.published, assessment.summary
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
    return render(
        "measurement.html", published=published, row=row, sentence=sentence, beside=beside,
        smallest=published.smallest(), tiles=_tiles(assessment, row), root="../",
    )  # fmt: skip


def _tiles(assessment: Assessment, row: LeaderboardRow) -> list[tuple[str, str, str]]:
    """Return the numbers at the head of a measurement's page: (name, text, small print)."""
    texts, policy = tables.cells(row), assessment.published.policy
    interval = "a bracket, no figure" if row.is_bracket else f"95 %: {texts['95 %']}"
    return [
        ("d_int90", texts["d_int90"], interval),
        ("d_reliable", texts["d_reliable"], "nine seeds of ten succeed"),
        ("weights D", texts["D"], row.network),
        ("D / d", texts["D / d"], f"D - d = {texts['D - d']}"),
        ("/ MNIST FC", texts["/ MNIST FC"], f"rule {row.rule}"),
        ("smallest policy", texts["policy"], f"{policy.z_bytes} B of z" if policy else "no export"),
        ("seeds", texts["seeds"], f"{row.trials} trials, {row.status}"),
    ]


def render(template: str, **values: Any) -> str:
    """Return a page from a template of this folder; every value is escaped."""
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
