"""`rlid publish`: the command that turns a store into published results."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from rlid.commands.options import DEFAULT_STORE, FAILED, StoreOption


def publish(
    task: Annotated[str, typer.Argument(help="only this task")] = "",
    store: StoreOption = DEFAULT_STORE,
    out: Annotated[Path, typer.Option(help="the folder of published results")] = Path("results"),
) -> None:
    """Write the measurements of a store as files that anyone can re-derive and verify."""
    from rlid import publisher
    from rlid.store import Store

    if not store.is_dir():
        raise ValueError(f"no store at {str(store)!r}: give --store, or `rlid run` first")
    records = Store(store)
    found = publisher.harvest(records, task or None)
    for one in found.found:
        for path in publisher.write(one, records, out):
            print(path)
    for line in (*found.refused, *found.untold):
        print(f"not published: {line}", file=sys.stderr)
    if not found.found:
        of_task = f" of {task}" if task else ""
        raise ValueError(f"no finished measurement{of_task} in the store {str(store)!r}")
    if found.refused:
        raise typer.Exit(FAILED)
