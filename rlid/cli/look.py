"""`rlid list`, `show`, `plot` and `doctor`: the commands that only look."""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from rlid.cli.options import DEFAULT_STORE, FAILED, ImportOption, JsonOption, StoreOption
from rlid.errors import InputError


def list_(
    what: Annotated[str, typer.Argument(help="tasks, agents, projections or networks")] = "",
    import_: ImportOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what there is, with one line each."""
    from rlid.agent import AGENTS
    from rlid.cli import console
    from rlid.networks import NETWORKS, OPTIONS
    from rlid.projections import PROJECTIONS
    from rlid.registry import import_packages, unknown
    from rlid.task import TASKS

    import_packages(import_ or [])
    registries = {
        "tasks": TASKS,
        "agents": AGENTS,
        "projections": PROJECTIONS,
        "networks": NETWORKS,
    }
    kinds = list(registries)
    if what and what not in kinds:
        raise InputError(unknown("list", what, kinds))
    found: dict[str, list[dict[str, Any]]] = {}
    for kind in [what] if what else kinds:
        found[kind] = [
            {"name": entry.name, "summary": entry.summary, "tags": list(entry.tags)}
            for entry in registries[kind].entries()
        ]
        if kind == "networks":
            found[kind] += [
                {"name": name, "summary": text, "tags": ["option"]}
                for name, text in OPTIONS.items()
            ]
    if as_json:
        print(json.dumps(found[what] if what else found, indent=1))
        return
    for kind, entries in found.items():
        rows = [(entry["name"], entry["summary"]) for entry in entries]
        console.print_table([(kind, "left"), ("", "left")], rows)


def show(
    task: Annotated[str, typer.Argument(help="only this task")] = "",
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """Show the measurements of a store as a table."""
    from rlid.cli import console
    from rlid.leaderboard import yardstick
    from rlid.measurement import control, summary
    from rlid.store import Store

    found = _measurements(task, store)
    of_mnist = summary.measurements(Store(store), yardstick.TASK) if task else found
    of_mnist = [item for item in of_mnist if item.spec.task == yardstick.TASK]
    ratios = [yardstick.ratio(item, of_mnist) for item in found]
    controls = [control.control(item.spec, item.records[0].threshold, store) for item in found]
    if as_json:
        answers = [
            {
                **summary.to_json(item),
                "linear": control.to_json(linear),
                "of_mnist": None if ratio is None else vars(ratio),
            }
            for item, linear, ratio in zip(found, controls, ratios, strict=True)
        ]
        print(json.dumps(answers, indent=1, allow_nan=False))
        return
    headings = (
        "task agent network D projection d_int90 /MNIST linear crossing seeds trials missing rule "
        "threshold steps"
    )
    right = {"D", "/MNIST", "crossing", "seeds", "trials", "missing", "threshold", "steps"}
    columns = [(name, "right" if name in right else "left") for name in headings.split()]
    rows = [console.summary_row(*row) for row in zip(found, controls, ratios, strict=True)]
    console.print_table(columns, rows)
    for item in found:
        console.warn_of_budget(item)


def compare(
    a: Annotated[str, typer.Argument(help="a measurement: task/agent/network/projection")],
    b: Annotated[str, typer.Argument(help="another one; the first parts of a name will do")],
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """Say whether one measurement's task is harder than another's, and how sure that is."""
    from rlid.cli import console
    from rlid.dimension import compare as compared
    from rlid.measurement import summary

    found = _measurements("", store)
    first, second = summary.select(found, a), summary.select(found, b)
    trials = [[summary.as_trial(record) for record in item.records] for item in (first, second)]
    result = compared(
        *trials,
        dmax_a=first.estimate.dmax,
        dmax_b=second.estimate.dmax,
        dmin_a=first.estimate.dmin,
        dmin_b=second.estimate.dmin,
    )
    if as_json:
        names = {"a": first.path, "b": second.path}
        print(json.dumps({**names, **vars(result)}, indent=1, allow_nan=False))
    else:
        console.print_comparison(first, second, result)


def plot(
    task: Annotated[str, typer.Argument(help="only this task")] = "",
    store: StoreOption = DEFAULT_STORE,
    out: Annotated[
        Optional[Path],  # noqa: UP007, UP045
        typer.Option(help="the folder for the figures; default: plots in the store"),
    ] = None,
    family: Annotated[
        bool, typer.Option("--family", help="d_int90 against D, over the networks of a task")
    ] = False,
) -> None:
    """Draw the measurements of a store: success and score against d, as SVG and PNG."""
    from rlid.figures import families, plots
    from rlid.measurement import answer

    found = _measurements(task, store)
    if family:
        made = families.families(found)
        if not made:
            raise InputError(
                f"no family in the store {str(store)!r}: measure a task with two networks or more, "
                "such as --network mlp:8x8,mlp:64x64"
            )
        for one in made:
            print(f"{one.title}: {one.sentence}")
            print(*families.draw(one, one.stem(out or store / "plots")), sep="\n")
        return
    for item in found:
        stem = plots.stem(store, item)
        for path in plots.draw(item, (out or stem.parent) / stem.name, answer(item.estimate)):
            print(path)


def _measurements(task: str, store: Path) -> list[Any]:
    from rlid.measurement import measurements
    from rlid.store import Store

    if not store.is_dir():
        raise InputError(f"no store at {str(store)!r}: give --store, or `rlid run` first")
    found = measurements(Store(store, partial(print, file=sys.stderr)), task or None)
    if not found:
        of_task = f" of {task}" if task else ""
        raise InputError(f"no measurement{of_task} in the store {str(store)!r}: `rlid run` first")
    return found


def doctor(as_json: JsonOption = False) -> None:
    """Say what is installed, what is missing, and the one command that mends it."""
    from rlid.cli import console
    from rlid.cli import installation as examination

    findings = examination.examine()
    command = examination.mend(findings)
    if as_json:
        print(json.dumps({"findings": [vars(one) for one in findings], "mend": command}, indent=1))
    else:
        rows = [("ok" if one.is_fine else "BAD", one.name, one.state) for one in findings]
        console.print_table([("", "left"), ("what", "left"), ("state", "left")], rows)
        print(f"to mend it: {command}" if command else "everything that rlid needs is there")
    if not all(one.is_fine for one in findings):
        raise typer.Exit(FAILED)
