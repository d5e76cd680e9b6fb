"""The page of one measurement: answer, warnings, figures, protocol, reference, every trial."""

from __future__ import annotations

from pathlib import Path

from rlid.errors import DamagedRecord
from rlid.figures import curves, plots, theme
from rlid.leaderboard import caveats, citation, learning_curves, protocol_words, tables
from rlid.leaderboard.assessment import Assessment
from rlid.leaderboard.ranking import Board, page_of
from rlid.leaderboard.render import render
from rlid.leaderboard.row import LeaderboardRow
from rlid.measurement import answer

FILES = {
    "success": (".svg", "figure: success against d"),
    "scores": ("-scores.svg", "figure: score of every trial"),
    "curves": ("-curves.svg", "figure: learning curves"),
    "points": (learning_curves.ENDING, "validation scores of every trial by steps"),
    "policy": (".rlid", "the smallest solved policy, rounded"),
    "z": (".safetensors", "z of that policy, as it was found"),
    "record": (".json", "all data of the measurement"),
}
"""Files beside a page by what they are: how their names end, and what a reader calls them."""


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
    for drawn in plots.draw_panels(summary, target.with_suffix("")).values():
        theme.apply(drawn)
    damage = _draw_curves(assessment, target)
    beside = {
        name: f"{target.stem}{ending}"
        for name, (ending, _) in FILES.items()
        if (target.parent / f"{target.stem}{ending}").is_file()
    }
    themed = {
        name for name, file in beside.items()
        if file.endswith(".svg") and theme.is_themed(target.parent / file)
    }  # fmt: skip
    return render(
        "measurement.html", published=published, row=row, sentence=sentence, beside=beside,
        downloads=[(file, FILES[name][1]) for name, file in beside.items()], themed=themed,
        smallest=published.smallest(), tiles=_tiles(assessment, row), root="../",
        warnings=caveats.caveats(assessment, row, assessment in board.chosen) + damage,
        protocol=protocol_words.sentences(published),
        bibtex=citation.bibtex(published, sentence),
    )  # fmt: skip


def _draw_curves(assessment: Assessment, target: Path) -> list[str]:
    """Draw the learning curves that lie beside a page; return what is wrong with them, if so."""
    source = learning_curves.path_beside(target)
    if not source.is_file():
        return []
    try:
        points = learning_curves.load(source)
    except DamagedRecord as error:
        return [f"The learning curves are not shown: {error}."]
    records = learning_curves.joined(assessment.summary.records, points)
    drawn = curves.draw(records, target.with_name(f"{target.stem}-curves.svg"))
    if drawn is not None:
        theme.apply(drawn)
    return []


def _tiles(assessment: Assessment, row: LeaderboardRow) -> list[tuple[str, str, str]]:
    """Return the numbers at the head of a measurement's page: (name, text, small print)."""
    texts, policy = tables.cells(row), assessment.published.solved_policy
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
