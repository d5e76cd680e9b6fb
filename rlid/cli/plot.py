"""`rlid plot`: the figures of a store's measurements."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from rlid.cli.named import looked_up
from rlid.cli.options import DEFAULT_STORE, StoreOption, Text, shown
from rlid.cli.terminal import say
from rlid.errors import InputError

if TYPE_CHECKING:
    from rlid.figures import style
    from rlid.measurement import Summary

KINDS = ("dimension", "curves", "family", "agents", "budgets")
ADVICE = {
    "family": "measure a task with two networks or more, such as --network mlp:8x8,mlp:64x64",
    "agents": "measure a task with two agents or more, such as --agent cmaes,ppo",
    "budgets": "measure a task with two budgets or more, such as --budget 100000",
    "curves": "published results hold none",
}
"""What makes a figure of a kind possible."""


def plot(
    name: Annotated[
        str, typer.Argument(help="only this task; or one measurement, by its name")
    ] = "",
    store: StoreOption = DEFAULT_STORE,
    out: Annotated[
        Optional[Path],  # noqa: UP007, UP045
        typer.Option(help="the folder for the figures; default: plots in the store"),
    ] = None,
    kind: Annotated[Text, typer.Option(help=f"only one of {', '.join(KINDS)}")] = None,
    family: Annotated[
        bool, typer.Option("--family", help="d_int90 against D, over the networks of a task")
    ] = False,
    dark: Annotated[bool, typer.Option("--dark", help="on dark ground")] = False,
) -> None:
    """Draw the measurements of a store as SVG and PNG, every kind of figure that there is.

    - dimension: success and score against d
    - curves: learning curves, a panel for each d, with the median and the quartiles
    - family: d_int90 against the size of the network
    - agents: the agents on one task
    - budgets: d_int90 against the budget
    """
    from rlid.figures import plots, style
    from rlid.registry import unknown

    if kind is not None and kind not in KINDS:
        raise InputError(f"--kind: {unknown('kind of figure', kind, list(KINDS))}")
    if family and kind not in (None, "family"):
        raise InputError(f"--family and --kind {kind}: give one of them")
    wanted = "family" if family else kind
    summaries, _ = looked_up(name, store)
    folder = out or plots.folder(store)
    palette = style.DARK if dark else style.LIGHT
    drawn = 0
    for each in KINDS if wanted is None else (wanted,):
        for lines in _figures(each, summaries, folder, palette):
            say(*lines)
            drawn += 1
    if not drawn and wanted is not None:
        raise InputError(
            f"no figure of kind {wanted} in the store {shown(store)!r}: {ADVICE[wanted]}"
        )


def _figures(
    kind: str, summaries: list[Summary], folder: Path, palette: style.Palette
) -> Iterator[list[str]]:
    """Draw every figure of one kind; yield the lines that tell of each."""
    from rlid.figures import beside, curves, families, plots
    from rlid.measurement import answer

    if kind == "dimension":
        for summary in summaries:
            target = folder / plots.file_name(summary)
            figures = plots.draw(summary, target, answer(summary.estimate), palette=palette)
            yield [shown(path) for path in figures]
    elif kind == "curves":
        for summary in summaries:
            target = folder / f"{plots.file_name(summary)}-curves.svg"
            title = f"{summary.title}\n{answer(summary.estimate)}"
            drawn = (
                curves.draw(summary.records, target.with_suffix(suffix), palette, title)
                for suffix in (".svg", ".png")
            )
            if lines := [shown(path) for path in drawn if path is not None]:
                yield lines
    elif kind == "family":
        for made in families.families(summaries):
            paths = families.draw(made, made.stem(folder), palette)
            yield [f"{made.title}: {made.sentence}", *map(shown, paths)]
    elif kind == "agents":
        for lineup in beside.lineups(summaries, "agents"):
            yield [shown(path) for path in lineup.draw(lineup.stem(folder), palette)]
    else:
        for lineup in beside.lineups(summaries, "budgets"):
            yield [shown(path) for path in lineup.draw(lineup.stem(folder), palette)]
