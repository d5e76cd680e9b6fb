"""Options that several commands share, and how their text is read."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from rlid.cli.terminal import say
from rlid.errors import InputError
from rlid.registry import each_once

FAILED, BAD_INPUT, STORE_FAILED, INTERRUPTED = 1, 2, 74, 130
HELP = {"help_option_names": ["-h", "--help"]}
"""Settings of every group of commands."""
DEFAULT_STORE = Path("rlid-store")
_start: list[Path] = []
"""The folder in which the command was given; what is imported later may change it."""

TaskName = Annotated[str, typer.Argument(help="a task (rlid list tasks), or gym:MyEnv-v0")]
StoreOption = Annotated[Path, typer.Option("--store", help="the folder of records")]
ImportOption = Annotated[
    Optional[list[str]],  # noqa: UP007, UP045 (typer reads it)
    typer.Option(
        "--import",
        metavar="PACKAGE",
        help="it registers environments, tasks or agents; may be repeated",
    ),
]
AgentOption = Annotated[
    Optional[str],  # noqa: UP007, UP045
    typer.Option("--agent", help="which optimizer searches z; a list with commas measures each"),
]
NetworkOption = Annotated[
    Optional[str],  # noqa: UP007, UP045
    typer.Option("--network", help="such as mlp:20x20; default: the task's own"),
]
ProjectionOption = Annotated[str, typer.Option(help="rlid list projections")]
BudgetOption = Annotated[
    Optional[int],  # noqa: UP007, UP045
    typer.Option(
        help="steps of one trial's search: of the environment, or minibatches (evaluations, for "
        "agents without gradients) of a supervised or synthetic task"
    ),
]
SeedOption = Annotated[int, typer.Option(help="the first seed")]
JobsOption = Annotated[
    Optional[int],  # noqa: UP007, UP045
    typer.Option(help="processes; default: the cores"),
]
SetOption = Annotated[
    Optional[list[str]],  # noqa: UP007, UP045
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="a setting of the agent; may be repeated",
        callback=lambda texts: each_once("--set", texts) if texts else texts,
    ),
]
ObservationOption = Annotated[
    Optional[str],  # noqa: UP007, UP045
    typer.Option(help="raw, scaled (by bounds) or frozen (statistics); default: the task's rule"),
]
BackendOption = Annotated[
    Optional[str],  # noqa: UP007, UP045
    typer.Option(help="what steps the environment; default: the task's"),
]


def _use_data(folder: Path | None) -> Path | None:
    """Let this process and its workers look for data sets in `folder` first."""
    if folder is not None:
        if not folder.is_dir():
            raise InputError(f"--data {str(folder)!r}: there is no such folder")
        os.environ["RLID_DATA"] = str(folder.resolve())
    return folder


def _use_envs(number: int | None) -> int | None:
    """Let this process and its workers hold at most so many instances of an environment."""
    if number is not None:
        if number < 1:
            raise InputError(f"--envs {number}: must be at least 1")
        os.environ["RLID_ENVS"] = str(number)
    return number


EnvsOption = Annotated[
    Optional[int],  # noqa: UP007, UP045
    typer.Option(
        "--envs",
        callback=_use_envs,
        help="instances of the environment in one process, at most; default: as many as are of use",
    ),
]
EnvArgsOption = Annotated[
    Optional[list[str]],  # noqa: UP007, UP045
    typer.Option(
        "--env-arg",
        metavar="NAME=VALUE",
        help="an argument of the environment, its value as JSON; part of the task; may be repeated",
    ),
]
EpisodeCapOption = Annotated[
    Optional[int],  # noqa: UP007, UP045
    typer.Option("--episode-cap", help="steps after which an episode is cut; part of the task"),
]
DataOption = Annotated[
    Optional[Path],  # noqa: UP007, UP045
    typer.Option("--data", callback=_use_data, help="the folder of data sets (or set RLID_DATA)"),
]
TargetOption = Annotated[
    Optional[str],  # noqa: UP007, UP045
    typer.Option("--target", help="the column of table:FILE.csv that is to be predicted"),
]
TimeoutOption = Annotated[
    Optional[float],  # noqa: UP007, UP045
    typer.Option(help="seconds without a sign of life that make a trial hung"),
]
TensorboardOption = Annotated[
    Optional[str],  # noqa: UP007, UP045
    typer.Option(
        "--tensorboard",
        callback=lambda folder: None if folder is None else os.path.abspath(folder),
        help="a folder for TensorBoard's curves of every trial",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="print JSON")]
QuietOption = Annotated[bool, typer.Option("--quiet", help="show no progress")]
EngineOption = Annotated[str, typer.Option("--engine", help="local or ray")]
AddressOption = Annotated[
    Optional[str],  # noqa: UP007, UP045
    typer.Option("--address", help="of a Ray cluster, or auto; default: one is started here"),
]
CpusOption = Annotated[float, typer.Option("--cpus", help="CPUs of a cluster for each process")]
GpusOption = Annotated[
    float, typer.Option("--gpus", help="GPUs of a cluster for each process, or a share")
]
DeviceOption = Annotated[
    str, typer.Option("--device", help="where a gradient agent trains: cpu, cuda, cuda:N or auto")
]
MemoryOption = Annotated[
    Optional[float],  # noqa: UP007, UP045
    typer.Option("--memory", help="gigabytes for each process; default: an equal share"),
]
Number = Optional[int]  # noqa: UP007, UP045
Text = Optional[str]  # noqa: UP007, UP045


def help_if_alone(context: typer.Context) -> None:
    """Print the help of a group of commands where none of them was named."""
    if context.invoked_subcommand is None:
        say(*context.get_help().splitlines())


def remember_folder() -> None:
    """Keep the working folder as that in which the command was given.

    Raises:
        FileNotFoundError: it has been deleted.
    """
    _start[:] = [Path.cwd()]


def shown(path: Path) -> str:
    """Return a path as it reads from the folder in which the command was given."""
    for folder in _start:
        if path.is_relative_to(folder):
            return str(path.relative_to(folder))
    return str(path)


def is_given(context: typer.Context, name: str) -> bool:
    """Whether an option stands on the command line, and is not at its default."""
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def asked(context: typer.Context) -> dict[str, Any]:
    """Return the options of a command that MeasurementSpec declares, under its names.

    A command's parameters have the names of the fields, so that no option is passed on by hand.
    Arguments of the environment become part of the task's name.
    """
    from rlid.records import MeasurementSpec

    given = dict(context.params)
    task = with_target(given["task"], given.get("target"))
    given["task"] = with_arguments(
        task, given["env_args"] or [], given["episode_cap"], given["imports"] or []
    )
    fields = MeasurementSpec.model_fields
    return {name: value for name, value in given.items() if name in fields}


def with_target(task: str, target: str | None) -> str:
    """Return the name of a table's task with the column that is to be predicted.

    Raises:
        InputError: the task is no table, or names its column already.
    """
    if target is None:
        return task
    if not task.startswith("table:"):
        raise InputError(f"--target {target}: is for table:FILE.csv, not for {task!r}")
    if ",target=" in task:
        raise InputError(f"--target {target}: the name of the task has a target already")
    return f"{task},target={target}"


def with_arguments(
    task: str, env_args: Sequence[str], episode_cap: int | None, imports: Sequence[str]
) -> str:
    """Return a task's name with arguments of its environment, and with an episode cap.

    Raises:
        InputError: an argument is no NAME=VALUE or is given twice, or the task takes none.
    """
    if not env_args and episode_cap is None:
        return task
    from rlid.registry import import_packages
    from rlid.task import adapt, resolve
    from rlid.task_name import read_value

    import_packages(imports)
    values: dict[str, Any] = {}
    for text in env_args:
        name, equals, value = text.partition("=")
        if not (name and equals):
            raise InputError(f"--env-arg {text!r}: use NAME=VALUE, such as size=3")
        if name in values:
            raise InputError(f"--env-arg {name}: is given twice")
        values[name] = read_value(value)
    return adapt(resolve(task), episode_cap=episode_cap, options=values).name


def command_line() -> str:
    """Return the command that was typed."""
    return shlex.join(["rlid", *sys.argv[1:]])


def names(option: str, text: str | None) -> list[str | None]:
    """Return the names of a list with commas, or [None] for the default where there is no list.

    Raises:
        InputError: one of them is empty.
    """
    if text is None:
        return [None]
    parts = text.split(",")
    if not all(parts):
        raise InputError(f"{option} {text!r}: a name is missing; use names with commas between")
    return list(parts)
