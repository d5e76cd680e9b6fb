"""`rlid list`, `show` and `compare`: the commands that only look."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from rlid.cli.named import PUBLISHED, is_published, looked_up, named, yardsticks
from rlid.cli.options import DEFAULT_STORE, ImportOption, JsonOption, StoreOption
from rlid.cli.streams import print_json
from rlid.cli.terminal import say, say_table
from rlid.errors import InputError

if TYPE_CHECKING:
    pass


def list_(
    what: Annotated[str, typer.Argument(help="tasks, agents, projections or networks")] = "",
    name: Annotated[str, typer.Argument(help="an agent, for its settings")] = "",
    imports: ImportOption = None,
    as_json: JsonOption = False,
) -> None:
    """List tasks, agents, projections and networks, with one line each."""
    from rlid.agent import AGENTS
    from rlid.networks import NETWORKS, OPTIONS
    from rlid.projections import PROJECTIONS
    from rlid.registry import import_packages, unknown
    from rlid.task import TASKS

    import_packages(imports or [])
    registries = {
        "tasks": TASKS,
        "agents": AGENTS,
        "projections": PROJECTIONS,
        "networks": NETWORKS,
    }
    kinds = list(registries)
    if what and what not in kinds:
        raise InputError(unknown("list", what, kinds))
    if name:
        _list_settings(what, name, as_json=as_json)
        return
    if what == "tasks":
        _list_tasks(as_json=as_json)
        return
    entries_of: dict[str, list[dict[str, Any]]] = {}
    for kind in [what] if what else kinds:
        entries_of[kind] = [
            {"name": entry.name, "summary": entry.summary, "tags": list(entry.tags)}
            for entry in registries[kind].entries()
        ]
        if kind == "networks":
            entries_of[kind] += [
                {"name": name, "summary": text, "tags": ["option"]}
                for name, text in OPTIONS.items()
            ]
    if as_json:
        print_json(entries_of[what] if what else entries_of)
        return
    for kind, entries in entries_of.items():
        rows = [(entry["name"], entry["summary"]) for entry in entries]
        say_table([(kind, "left"), ("", "left")], rows)


def _list_tasks(*, as_json: bool) -> None:
    """Print every task with its kind, its budget and what is published of it."""
    from rlid.leaderboard import headlines, peers
    from rlid.measurement import duration, steps_noun
    from rlid.task import TASKS, resolve

    folder = peers.published_folder()
    rows: list[tuple[str, str]] = []
    entries: list[dict[str, Any]] = []
    for entry in TASKS.entries():
        facts: dict[str, Any] = {
            "name": entry.name,
            "summary": entry.summary,
            "tags": list(entry.tags),
        }
        try:
            task = resolve(entry.name)
        except InputError:
            # A family, such as gym:ENV_ID: its members have kinds and budgets of their own.
            entries.append(facts)
            rows.append((entry.name, entry.summary))
            continue
        best = headlines.headline(folder, task.name, task.network)
        words = [f"{task.kind}, {task.budget:,} {steps_noun(task.kind)}s a trial"]
        facts |= {"kind": task.kind, "budget": task.budget, "d_int90": None}
        if best is not None:
            words.append(
                f"published: d_int90 = {best.d_int90:,} by {best.agent}, in "
                f"{duration(best.seconds)} of trials"
            )
            facts |= {"d_int90": best.d_int90, "agent": best.agent, "seconds": best.seconds}
        entries.append(facts)
        rows += [(entry.name, entry.summary), ("", "; ".join(words))]
    if as_json:
        print_json(entries)
    else:
        say_table([("tasks", "left"), ("", "left")], rows)


def _list_settings(what: str, name: str, *, as_json: bool) -> None:
    """Print the settings of an agent: names, types, defaults and what they mean.

    Raises:
        InputError: `what` is not "agents", or the agent is unknown.
    """
    from rlid.agent import AGENTS, described_settings

    if what != "agents":
        raise InputError(
            f"list {what} {name}: only agents have settings; leave out {name}, or use rlid list "
            "agents AGENT"
        )
    rows = described_settings(AGENTS[name])
    if as_json:
        print_json([vars(row) for row in rows])
        return
    say(f"{name}: {AGENTS.entry(name).summary}")
    if not rows:
        say("it has no settings")
        return
    columns = [("setting", "left"), ("type", "left"), ("default", "right"), ("", "left")]
    say_table(columns, [(r.name, r.type, r.default, r.meaning) for r in rows])


def show(
    name: Annotated[
        str, typer.Argument(help="only this task; or one measurement in full, by its name")
    ] = "",
    store: StoreOption = DEFAULT_STORE,
    details: Annotated[
        bool, typer.Option("--details", help="what each answer rests on, below the table")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show the measurements of a store as a table, or one of them in full.

    A name is task/agent/network/projection/digest, or the start of it, as the table shows it.
    """
    from rlid.cli import console, shown
    from rlid.leaderboard import yardstick
    from rlid.measurement import control, summary

    summaries, is_one = looked_up(name, store)
    of_mnist = yardsticks(store)
    ratios = [yardstick.ratio(each, of_mnist) for each in summaries]
    controls = [control.control(each.spec, each.records[0].threshold, store) for each in summaries]
    rows = list(zip(summaries, controls, ratios, strict=True))
    if as_json:
        answers = [
            {
                **summary.to_json(each),
                "linear": control.to_json(linear),
                "of_mnist": None if ratio is None else vars(ratio),
            }
            for each, linear, ratio in rows
        ]
        print_json(answers)
        return
    if is_one:
        shown.print_measurement_page(*rows[0])
        console.warn_of_budget(summaries[0])
        return
    shown.print_summaries(rows, shown.width())
    if details:
        for each in summaries:
            shown.print_remarks(each)
    for each in summaries:
        console.print_missing(each)
        console.warn_of_budget(each)


def compare(
    a: Annotated[str, typer.Argument(help="a measurement: task/agent/network/projection")],
    b: Annotated[str, typer.Argument(help="another one; the first parts of a name will do")],
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """Say whether one measurement's task is harder than another's, and how sure that is.

    A name that begins with published: is of the results that ship with rlid, such as
    published:cartpole/cmaes.
    """
    from rlid.cli import console
    from rlid.measurement import compare_summaries

    first, second = named(store, a, b)
    result = compare_summaries(first, second)
    if as_json:
        # As they can be typed back: one of them may be published, and the other of the store.
        paths = [
            f"{PUBLISHED if is_published(name) else ''}{summary.path}"
            for name, summary in ((a, first), (b, second))
        ]
        print_json({"a": paths[0], "b": paths[1], **vars(result)})
    else:
        console.print_comparison(first, second, result)
