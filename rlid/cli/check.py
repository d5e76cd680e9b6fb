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
    BudgetOption,
    EnvArgsOption,
    EnvsOption,
    EpisodeCapOption,
    ImportOption,
    JobsOption,
    JsonOption,
    NetworkOption,
    ProjectionOption,
    QuietOption,
    SeedOption,
    SetOption,
    StoreOption,
    TaskName,
    Text,
    TimeoutOption,
    asked,
)
from rlid.cli.streams import print_json
from rlid.cli.terminal import say
from rlid.errors import InputError

SUMMARY_VARIABLE = "GITHUB_STEP_SUMMARY"


def check(
    context: typer.Context,
    task: TaskName,
    max_dint: Annotated[int, typer.Option(help="the limit: pass where d_int90 is at most this")],
    agent: Annotated[Text, typer.Option(help="which optimizer searches z")] = None,
    network: NetworkOption = None,
    projection: ProjectionOption = "onehot",
    budget: BudgetOption = None,
    seed: SeedOption = 0,
    jobs: JobsOption = None,
    store: StoreOption = DEFAULT_STORE,
    settings: SetOption = None,
    imports: ImportOption = None,
    envs: EnvsOption = None,
    env_args: EnvArgsOption = None,
    episode_cap: EpisodeCapOption = None,
    timeout: TimeoutOption = None,
    junit: Annotated[
        Optional[Path],  # noqa: UP007, UP045 (typer reads it)
        typer.Option(help="write the verdict there as JUnit XML"),
    ] = None,
    retry: Annotated[bool, typer.Option("--retry", help="run failed trials again")] = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Pass (exit code 0) where d_int90 is at most a limit; fail (1) where it is above."""
    from rlid.cli import ci, progress
    from rlid.engine import Place
    from rlid.measurement import MAX_TRIALS, Runner, plan
    from rlid.measurement import check as decide
    from rlid.store import plain_target, write_whole

    if max_dint < 1:
        raise InputError(f"--max-dint {max_dint}: must be at least 1")
    if junit is not None:
        plain_target(junit)
    wanted = plan(**asked(context), dims=[max_dint], seeds=MAX_TRIALS, search="grid")
    started = time.monotonic()
    watcher = progress.watcher(quiet=quiet)
    try:
        with Runner(
            wanted, store, place=Place(jobs=jobs), timeout=timeout, watcher=watcher, retry=retry
        ) as runner:
            verdict = decide(runner, max_dint)
    finally:
        watcher.close()
    seconds = time.monotonic() - started
    if as_json:
        print_json(verdict.to_json())
    else:
        say(verdict.sentence)
    if verdict.failed:
        say("rlid: --retry runs failed trials again", error=True)
    try:
        if junit is not None:
            write_whole(plain_target(junit), ci.junit(verdict, seconds))
        if summary := os.environ.get(SUMMARY_VARIABLE):
            with open(summary, "a", encoding="utf-8") as file:
                file.write(ci.summary(verdict, seconds))
    except OSError as error:
        raise InputError(f"the verdict cannot be written: {error}") from None
    if not verdict.passes:
        raise typer.Exit(FAILED)
