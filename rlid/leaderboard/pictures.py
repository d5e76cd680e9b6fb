"""Pictures of the whole leaderboard, drawn from the published measurements alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rlid.figures import families, overview, plots, relative, theme
from rlid.leaderboard import chart, paper
from rlid.leaderboard.assessment import Assessment
from rlid.leaderboard.ranking import Board, page_of
from rlid.leaderboard.row import LeaderboardRow
from rlid.measurement import answer
from rlid.store import inside

FOLDER = "figures"
HERO = ("cartpole", "cmaes", "mlp:20x20", "grid")
"""Task, agent, network and search of the measurement that the documentation shows first."""
BYTES_OF_A_WEIGHT = 4
MARKS = "(bar: 95 %; triangle: above the largest d)"
"""What stands for an answer in a figure, said on its axis."""


@dataclass(frozen=True)
class Picture:
    """A picture on the page.

    Attributes:
        path: of its file, below the folder of results.
        title: its name.
        caption: what it shows, and what not.
        alt: what is seen on it, for those who do not see it.
        width: in pixels.
        height: in pixels.
    """

    path: str
    title: str
    caption: str
    alt: str
    width: int
    height: int


def draw(board: Board, out: Path) -> list[Picture]:
    """Draw the pictures below the folder of results; return those that the page shows.

    Families of networks, and the figure that the documentation shows first, are drawn too.

    Raises:
        OSError: a picture cannot be written, or its folder is a link.
    """
    folder = inside(out, FOLDER)
    _families(board, out)
    _hero(board, out)
    rows = [(row, board.by_page[page_of(row)]) for row in board.chosen]
    makers: list[Callable[[list[tuple[Assessment, LeaderboardRow]], Path], Picture | None]] = [
        _relative, _published, _agents, _budgets, _bytes, _profiles,
    ]  # fmt: skip
    made = (make(rows, folder) for make in makers)
    return [picture for picture in made if picture is not None]


Rows = list[tuple[Assessment, LeaderboardRow]]


def _relative(rows: Rows, folder: Path) -> Picture | None:
    best = _first_of_tasks(rows)
    panels = [
        relative.Panel(f"{row.task}\n{row.agent}, {row.network}", row.kind, assessment.summary)
        for assessment, row in best
    ]
    if not panels:
        return None
    path = relative.draw_relative(panels, folder / "relative")
    return _picture(
        path,
        "Score relative to the reference",
        "Dots: medians over seeds; bars: quartiles; dashed: 90 %; upright line: d_int90. Trials of "
        "most RL tasks stop once they are solved, so that their scores say little above 90 %.",
        f"Score relative to the reference against d, a panel for each of {len(panels)} tasks.",
    )


def _published(rows: Rows, folder: Path) -> Picture | None:
    points = [
        _point(row, float(figure.figure), _told_apart(row))
        for _, row in _usual(rows)
        for figure in [paper.published_figure(row.task, row.network)]
        if figure is not None and row.answer
    ]
    if not points:
        return None
    path = overview.draw_points(
        points, folder / "published", f"d_int90, {paper.SOURCE}", f"d_int90, here {MARKS}",
        [overview.Line(1.0, "equal")],
    )  # fmt: skip
    return _picture(
        path,
        "Ours against published",
        "The same tasks and networks, by other protocols and often by other optimizers. Bars: 95 % "
        "intervals; triangles: above the largest d tried; a bar alone: a bracket.",
        "; ".join(f"{point.label}: here {_said(point)}, published {point.x:g}" for point in points),
    )


def _agents(rows: Rows, folder: Path) -> Picture | None:
    groups: dict[tuple[str, str, str], list[LeaderboardRow]] = {}
    for _, row in _usual(rows):
        if row.answer:
            groups.setdefault((row.task, row.network, row.rule), []).append(row)
    tasks = [
        (
            f"{task}, {network}" + ("" if rule == "normalised" else f", rule {rule}"),
            [_point(row, 1.0, _agent(row)) for row in members],
        )
        for (task, network, rule), members in sorted(groups.items())
        if len({row.agent for row in members}) > 1
    ]
    if not tasks:
        return None
    path = overview.draw_agents(tasks, folder / "agents")
    return _picture(
        path,
        "Agents on one task",
        "The same task, network, projection and rule of success; budgets are the task's own where "
        "none is named.",
        "; ".join(
            f"{title}: {', '.join(f'{point.label} {_said(point)}' for point in points)}"
            for title, points in tasks
        ),
    )


def _budgets(rows: Rows, folder: Path) -> Picture | None:
    first = {page_of(assessment) for assessment, _ in _first_of_tasks(rows)}
    points = [
        _point(
            row, float(row.budget), row.task if page_of(assessment) in first else "",
            f"{row.task} {row.agent} {row.network} {row.projection} {row.rule} {row.settings}",
        )
        for assessment, row in rows
        if row.budget and row.answer
    ]  # fmt: skip
    if not points:
        return None
    path = overview.draw_points(
        points, folder / "budget", "budget of a trial (search steps)", f"d_int90 {MARKS}"
    )
    return _picture(
        path,
        "Budget against d_int90",
        "A line joins measurements that differ in their budget alone. Steps of different tasks are "
        "no common unit.",
        f"d_int90 of {len(points)} measurements against the budget of their trials.",
    )


def _bytes(rows: Rows, folder: Path) -> Picture | None:
    points = [
        overview.Point(float(row.D), float(row.policy_bytes), None, None, "", row.kind)
        for _, row in rows
        if row.D and row.policy_bytes
    ]
    if not points:
        return None
    lines = [
        overview.Line(BYTES_OF_A_WEIGHT, "the network in 32-bit numbers"),
        overview.Line(BYTES_OF_A_WEIGHT / 100, "100 times fewer"),
    ]
    path = overview.draw_points(
        points, folder / "bytes", "weights of the network, D", "bytes of the policy file", lines
    )
    return _picture(
        path,
        "Bytes against D",
        "The smallest exported policy of each measurement: names, seeds and hashes included.",
        f"Bytes of {len(points)} policy files against the number of weights of their networks.",
    )


def _profiles(rows: Rows, folder: Path) -> Picture | None:
    run_to_the_end = [
        (assessment, row)
        for assessment, row in rows
        if assessment.published.common.get("stop_score") is None
    ]
    profiles = [
        (_named(row), pairs)
        for assessment, row in _first_of_tasks(run_to_the_end)
        for pairs in [relative.profile(relative.by_dimension(assessment.summary))]
        if len(pairs) > 1
    ]
    if not profiles:
        return None
    path = relative.draw_profiles(profiles, folder / "profile")
    return _picture(
        path,
        "Performance profile",
        "The d from which half of the trials reach a share f of full performance. Of each task one "
        "measurement is drawn whose trials ran to the end of their budget. Read from the trials, "
        "not fitted: it differs from d_int90 at f = 0.9.",
        "; ".join(
            f"{name}: d = {pairs[0][1]} at f = {pairs[0][0]:g}, {pairs[-1][1]} at {pairs[-1][0]:g}"
            for name, pairs in profiles
        ),
    )


def _families(board: Board, out: Path) -> None:
    """Draw the largest family of networks of each task beside its measurements."""
    largest: dict[str, families.Family] = {}
    for family in families.families(assessment.summary for assessment in board.assessments):
        task = family.members[0].spec.task
        if task not in largest or len(family.members) > len(largest[task].members):
            largest[task] = family
    folders = {row.task: Path(row.page).parent for row in board.rows if row.page}
    for task, family in largest.items():
        target = out / folders[task] / "family"
        theme.apply(families.draw(family, target, formats=("svg",))[0])


def _hero(board: Board, out: Path) -> None:
    """Draw the figure that the documentation shows first."""
    for assessment in board.assessments:
        question = assessment.published.question
        if (question.task, question.agent, question.network, question.search) == HERO:
            target = (out / page_of(assessment)).with_name("grid")
            sentence = answer(assessment.estimate)
            theme.apply(plots.draw(assessment.summary, target, sentence, formats=("svg",))[0])


def _usual(rows: Rows) -> Rows:
    """Return the measurements with the usual projection, and with an agent's usual settings.

    Others would look like the same measurement again. Other settings stay where the agent was
    measured with no usual ones.
    """
    usual = [pair for pair in rows if pair[0].published.question.is_usual_projection]
    with_own = {_kind(row) for _, row in usual if not row.settings}
    return [(each, row) for each, row in usual if not row.settings or _kind(row) not in with_own]


def _kind(row: LeaderboardRow) -> tuple[str, ...]:
    """Return what rows share that differ in settings, budget or a detail of the network alone."""
    return row.task, row.network.partition("+")[0], row.rule, row.agent


def _first_of_tasks(rows: Rows) -> Rows:
    """Return of each task the measurement that the chart draws large, in the chart's order."""
    of_page = {row.page: (assessment, row) for assessment, row in rows}
    drawn = chart.chart([row for _, row in rows])
    return [of_page[line.marks[0].row.page] for line in drawn.rows]


def _point(row: LeaderboardRow, x: float, label: str, group: str = "") -> overview.Point:
    middle, low, high = chart.ends(row)
    if row.is_above:
        low, high = row.dmax, None
    return overview.Point(x, middle, low, high, label, row.kind, row.is_above, group)


def _agent(row: LeaderboardRow) -> str:
    """Return the agent, with the budget and the settings that are not the task's own."""
    own = [] if row.is_own_budget else [f"{row.budget:,} steps"]
    return ", ".join([row.agent, *own, *row.settings.split()])


def _named(row: LeaderboardRow) -> str:
    return f"{row.task} {row.agent if row.kind == 'rl' else row.network}"


def _told_apart(row: LeaderboardRow) -> str:
    """Return a measurement's name with the budget or the rule that is not its task's usual one."""
    budget = "" if row.is_own_budget else f", {row.budget:,} steps"
    rule = f", {row.rule}" if row.rule.startswith("paper") else ""
    return f"{_named(row)}{budget}{rule}"


def _said(point: overview.Point) -> str:
    if point.middle is None:
        return f"{point.low:g}-{point.high:g}"
    return f"{'> ' if point.is_above else ''}{point.middle:g}"


def _picture(path: Path, title: str, caption: str, alt: str) -> Picture:
    theme.apply(path)
    return Picture(f"{FOLDER}/{path.name}", title, caption, alt, *_size(path))


def _size(path: Path) -> tuple[int, int]:
    """Return width and height of an SVG in pixels of 1/96 inch."""
    sizes: Sequence[str] = re.findall(r'\b(?:width|height)="([0-9.]+)pt"', path.read_text())[:2]
    width, height = (round(float(size) * 96 / 72) for size in sizes)
    return width, height
