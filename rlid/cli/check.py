"""`rlid check`: a limit on d_int90, for CI."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Annotated, Optional

import typer

from rlid.cli.options import (
    DEFAULT_STORE,
    FAILED,
    ImportOption,
    JsonOption,
    Number,
    QuietOption,
    StoreOption,
    TaskName,
    Text,
)
from rlid.cli.streams import print_json
from rlid.errors import InputError

SUMMARY_VARIABLE = "GITHUB_STEP_SUMMARY"


def check(
    task: TaskName,
    max_dint: Annotated[int, typer.Option(help="the limit: pass where d_int90 is at most this")],
    agent: Annotated[Text, typer.Option(help="which optimizer searches z")] = None,
    network: Annotated[Text, typer.Option(help="such as mlp:20x20")] = None,
    projection: Annotated[str, typer.Option(help="rlid list projections")] = "onehot",
    budget: Annotated[Number, typer.Option(help="environment steps of one trial")] = None,
    seed: Annotated[int, typer.Option(help="the first seed")] = 0,
    jobs: Annotated[Number, typer.Option(help="processes; default: the cores")] = None,
    store: StoreOption = DEFAULT_STORE,
    set_: Annotated[
        Optional[list[str]],  # noqa: UP007, UP045 (typer reads it)
        typer.Option("--set", help="a setting of the agent, NAME=VALUE"),
    ] = None,
    import_: ImportOption = None,
    timeout: Annotated[
        Optional[float],  # noqa: UP007, UP045
        typer.Option(help="seconds without a sign of life that make a trial hung"),
    ] = None,
    junit: Annotated[
        Optional[Path],  # noqa: UP007, UP045
        typer.Option(help="write the verdict there as JUnit XML"),
    ] = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Pass (exit code 0) where d_int90 is at most a limit; fail (1) where it is above."""
    from rlid.cli import ci, console
    from rlid.engine import Place
    from rlid.measurement import MAX_TRIALS, Runner, plan
    from rlid.measurement import check as decide
    from rlid.store import write_whole

    if max_dint < 1:
        raise InputError(f"--max-dint {max_dint}: must be at least 1")
    wanted = plan(
        task, agent=agent, network=network, projection=projection, dims=[max_dint],
        seeds=MAX_TRIALS, seed=seed, search="grid", budget=budget, settings=set_ or [],
        imports=import_ or [],
    )  # fmt: skip
    started = time.monotonic()
    watcher = console.watcher(quiet=quiet)
    try:
        with Runner(
            wanted, store, place=Place(jobs=jobs), timeout=timeout, watcher=watcher
        ) as runner:
            found = decide(runner, max_dint)
    finally:
        watcher.close()
    seconds = time.monotonic() - started
    if as_json:
        print_json(found.to_json())
    else:
        print(found.sentence)
    try:
        if junit is not None:
            write_whole(junit, ci.junit(found, seconds))
        if summary := os.environ.get(SUMMARY_VARIABLE):
            with open(summary, "a", encoding="utf-8") as file:
                file.write(ci.summary(found, seconds))
    except OSError as error:
        raise InputError(f"the verdict cannot be written: {error}") from None
    if not found.passes:
        raise typer.Exit(FAILED)
