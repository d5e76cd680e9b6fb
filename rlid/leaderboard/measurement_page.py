"""The page of one measurement: answer, warnings, figures, protocol, reference, every trial."""

from __future__ import annotations

from pathlib import Path

from rlid.errors import DamagedRecord, named_line
from rlid.figures import curves, plots, theme
from rlid.leaderboard import caveats, citation, learning_curves, protocol_words, tables
from rlid.leaderboard.assessment import Assessment
from rlid.leaderboard.ranking import Board, page_of
from rlid.leaderboard.render import render
from rlid.leaderboard.row import LeaderboardRow
from rlid.measurement import answer

CURVES = "-curves.svg"
FILES = {
    "success": (".svg", "figure: success against d"),
    "scores": ("-scores.svg", "figure: score of every trial"),
    "curves": (CURVES, "figure: learning curves"),
    "points": (learning_curves.ENDING, "validation scores of every trial by steps"),
    "policy": (".rlid", "the exported policy: z, rounded"),
    "z": (".safetensors", "z of the smallest solved policy, as it was found"),
    "record": (".json", "all data of the measurement"),
}
"""Files beside a page by what they are: how their names end, and what a reader calls them."""
VERIFIED = ("policy", "z", "record")
"""Those that `verify` holds against the measurement. The others are shown once they were drawn from
data that were read: what a stranger left under the name of a figure is none of rlid's."""
UNDRAWABLE = (ValueError, ArithmeticError)
"""What a drawing raises of numbers that no axis can show: one such file stops no other's page."""


def page(assessment: Assessment, board: Board, target: Path) -> str:
    """Draw the figures of a measurement beside its page; return the page.

    Args:
        assessment: the measurement.
        board: the leaderboard that it stands in.
        target: path of the page.

    Raises:
        OSError: a figure cannot be written.
    """
    published, summary = assessment.published, assessment.summary
    row = board.by_page[page_of(assessment)]
    sentence = answer(summary.estimate)
    panels, damage = _draw_panels(assessment, target)
    learning, more_damage = _draw_curves(assessment, target)
    drawn = panels | learning
    names = {name: f"{target.stem}{ending}" for name, (ending, _) in FILES.items()}
    beside = {
        name: file for name, file in names.items()
        if name in drawn or (name in VERIFIED and (target.parent / file).is_file())
    }  # fmt: skip
    themed = {
        name for name, path in drawn.items() if path.suffix == ".svg" and theme.is_themed(path)
    }
    return render(
        "measurement.html", published=published, row=row, sentence=sentence, beside=beside,
        downloads=[(file, FILES[name][1]) for name, file in beside.items()], themed=themed,
        smallest=published.smallest(), tiles=_tiles(assessment, row), root="../",
        warnings=caveats.caveats(assessment, row, assessment in board.chosen)
        + damage + more_damage,
        protocol=protocol_words.sentences(published),
        bibtex=citation.bibtex(published, sentence),
    )  # fmt: skip


def _draw_panels(assessment: Assessment, target: Path) -> tuple[dict[str, Path], list[str]]:
    """Draw success and scores beside a page; return the figures, and why there are none, if so."""
    try:
        panels = plots.draw_panels(assessment.summary, target.with_suffix(""))
    except UNDRAWABLE as error:
        return {}, [f"Success and scores are not shown: {named_line(error)}."]
    for path in panels.values():
        theme.apply(path)
    return panels, []


def _draw_curves(assessment: Assessment, target: Path) -> tuple[dict[str, Path], list[str]]:
    """Draw the learning curves whose points lie beside a page.

    Returns:
        The file of the points and the figure, where they can be read and drawn; and what is wrong
        with them, if so.
    """
    source = learning_curves.path_beside(target)
    if not source.is_file():
        return {}, []
    try:
        records = learning_curves.joined(assessment.summary.records, learning_curves.load(source))
        drawn = curves.draw(records, target.with_name(f"{target.stem}{CURVES}"))
    except DamagedRecord as error:
        return {}, [f"The learning curves are not shown: {error}."]
    except UNDRAWABLE as error:
        return {}, [f"The learning curves are not shown: {source.name}: {named_line(error)}."]
    if drawn is None:
        return {}, []
    theme.apply(drawn)
    return {"points": source, "curves": drawn}, []


def _tiles(assessment: Assessment, row: LeaderboardRow) -> list[tuple[str, str, str]]:
    """Return the numbers at the head of a measurement's page: (name, text, small print)."""
    texts, published = tables.cells(row), assessment.published
    policy, failed = published.solved_policy, "none passed" if published.policy else "no export"
    interval = "a bracket, no figure" if row.is_bracket else f"95 %: {texts['95 %']}"
    return [
        ("d_int90", texts["d_int90"], interval),
        ("d_reliable", texts["d_reliable"], "nine seeds of ten succeed"),
        ("weights D", texts["D"], row.network),
        ("D / d", texts["D / d"], f"D - d = {texts['D - d']}"),
        ("/ MNIST FC", texts["/ MNIST FC"], f"rule {row.rule}"),
        ("smallest policy", texts["policy"], f"{policy.z_bytes} B of z" if policy else failed),
        ("seeds", texts["seeds"], f"{row.trials} trials, {row.status}"),
    ]
