"""`rlid plot`: the figures of a store's measurements."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from rlid.cli.named import measurements_of
from rlid.cli.options import DEFAULT_STORE, StoreOption, shown
from rlid.cli.terminal import say
from rlid.errors import InputError


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

    summaries = measurements_of(task, store)
    if family:
        made = families.families(summaries)
        if not made:
            raise InputError(
                f"no family in the store {str(store)!r}: measure a task with two networks or more, "
                "such as --network mlp:8x8,mlp:64x64"
            )
        for drawn in made:
            say(f"{drawn.title}: {drawn.sentence}")
            say(*map(shown, families.draw(drawn, drawn.stem(out or store / "plots"))))
        return
    for each in summaries:
        stem = plots.stem(store, each)
        for path in plots.draw(each, (out or stem.parent) / stem.name, answer(each.estimate)):
            say(shown(path))
