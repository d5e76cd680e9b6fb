"""Whether rlid could hold a published measurement against all that it knows, and else why not.

What was not compared may be made up without any contradiction: such a measurement is provisional.
"""

from __future__ import annotations

from collections.abc import Iterator

from rlid import agent as agents
from rlid import projections
from rlid.agent import AGENTS
from rlid.errors import InputError
from rlid.leaderboard.published import Published
from rlid.measurement import agent_of
from rlid.records import MeasurementSpec
from rlid.store import DirectTraining
from rlid.task import Task, resolve

NOT_COMPARED = "not compared: "
"""How the reason begins for which a measurement leads no row of the chart and no finding."""


def unknown_names(question: MeasurementSpec) -> list[tuple[str, str]]:
    """Return what a question names that is not registered here, as (noun, name)."""
    nouns = {
        "task": (question.task, resolve),
        "agent": (question.agent, AGENTS.entry),
        "projection": (question.projection, projections.PROJECTIONS.entry),
    }
    unknown = []
    for noun, (name, look_up) in nouns.items():
        try:
            if noun == "task":
                refuse_import(name)
            look_up(name)
        except InputError:
            unknown.append((noun, name))
    return unknown


def refuse_import(task: str) -> None:
    """Refuse a task whose name would make gymnasium import a module that the file chose.

    Raises:
        InputError: the name has a second colon before its arguments.
    """
    if task.partition("?")[0].count(":") > 1:
        raise InputError(f"task {task!r} names a module, which is not imported for a file")


def problems(published: Published) -> Iterator[str]:
    """Yield the names that may be taken for others: unknown ones with letters outside ASCII.

    A registered name may have any letter, such as that of an environment whose package is imported.
    """
    for noun, name in unknown_names(published.question):
        if not name.isascii():
            yield (
                f"{noun} {ascii(name)}: unknown here, with letters that look like others; where it "
                "is a package's own name, use --import for the package"
            )


def reasons(published: Published) -> Iterator[str]:
    """Yield why a measurement is provisional since it was not held against all that rlid knows."""
    names = [f"unknown {noun} {name}" for noun, name in unknown_names(published.question)]
    if names:
        yield NOT_COMPARED + ", ".join(names)
    if not any(noun == "task" for noun, _ in unknown_names(published.question)):
        yield from _of_task(published, resolve(published.question.task))


def _of_task(published: Published, task: Task) -> Iterator[str]:
    """Yield where a measurement keeps to another protocol than the task's, or may do so."""
    version = published.common.get("task_version")
    if isinstance(version, int) and version < task.version:
        yield f"version {version} of the task, not {task.version}"
    best = published.reference_record.best
    if published.question.baseline == "own" and best is not None and not is_recipe(best, task):
        yield f"reference by {best.agent} with settings that are not the task's own"


def is_recipe(direct: DirectTraining, task: Task) -> bool:
    """Whether direct training has the settings that the task's protocol asks of its agent."""
    try:
        own = agents.settings(AGENTS[direct.agent](**direct.settings))
        return own == agents.settings(agent_of(direct.agent, task, ()))
    except (TypeError, ValueError):
        return False
