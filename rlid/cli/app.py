"""The commands of `rlid` put together, and how each way to end becomes an exit code."""

from __future__ import annotations

import functools
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.exceptions import TyperException

from rlid.cli import (
    check,
    doctor,
    look,
    measure,
    plot,
    policies,
    results,
    store,
    streams,
    suite,
    verify,
)
from rlid.cli.complaints import complaint
from rlid.cli.options import (
    BAD_INPUT,
    FAILED,
    HELP,
    INTERRUPTED,
    STORE_FAILED,
    command_line,
    help_if_alone,
    remember_folder,
)
from rlid.cli.terminal import say, show_cursor

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
DRY_RUN = "--dry-run"
FOLDERS = ("RLID_DATA",)
"""Environment variables that name folders, read after code of a user has run."""
SAME_INTERRUPT = 0.2
"""Seconds within which a second signal is the first one again, passed on by another process."""

app = typer.Typer(
    context_settings=HELP,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _print_version(is_wanted: bool) -> None:
    if is_wanted:
        from importlib.metadata import version

        say(f"rlid {version('rlid')}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def options(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="print the version"),
    ] = False,
) -> None:
    """Measure the intrinsic dimension of reinforcement-learning and supervised problems."""
    help_if_alone(context)


app.command(short_help="Measure d_int90 of a task.")(measure.run)
app.command(short_help="Run a named list of measurements.")(suite.suite)
app.command(short_help="Fail where d_int90 is above a limit, for CI.")(check.check)
app.command(short_help="Measure random actions and direct training.")(measure.reference)
app.command(name="list", short_help="Say what there is, with one line each.")(look.list_)
app.command(short_help="Show the measurements of a store as a table.")(look.show)
app.command(short_help="Say which of two measurements is harder.")(look.compare)
app.command(short_help="Draw the measurements of a store.")(plot.plot)
app.command(short_help="Write a solved policy as a small file.")(policies.export)
app.command(short_help="Rebuild a policy from its file, and play.")(policies.play)
app.command(short_help="Write measurements as published results.")(results.publish)
app.command(short_help="Rank all published measurements.")(results.leaderboard)
app.command(short_help="Re-derive a published result, repeat its trials.")(verify.verify)
app.command(short_help="Say what is installed; examine an environment.")(doctor.doctor)
app.add_typer(store.app, name="store", short_help="Check, repair and merge stores.")


def entered(command: Callable[..., None]) -> Callable[..., None]:
    """Return a command that first fixes what code of a user could change under it.

    Relative paths are made absolute, since a package may change the working folder when it is
    imported; with `--json`, standard output is set aside for the object alone.
    """

    @functools.wraps(command)
    def entry(**options: Any) -> None:
        if options.get("as_json"):
            streams.set_aside()
        command(**{name: _absolute(value) for name, value in options.items()})

    return entry


def _absolute(value: Any) -> Any:
    if isinstance(value, list):
        return [_absolute(part) for part in value]
    return value.absolute() if isinstance(value, Path) else value


for commands in (app, store.app):
    for command in commands.registered_commands:
        if command.callback is not None:
            command.callback = entered(command.callback)


def run(
    tell: Callable[[int], None] = lambda code: None, ready: Callable[[], None] = lambda: None
) -> int:
    """Run the command line and return its exit code; every failure of the input is one line.

    Args:
        tell: hears the exit code once everything that was printed is out.
        ready: is called when signals are handled.
    """
    # A second thread of numpy's would wait more than work, and what a search asks next must not
    # depend on how many cores there are. It is read when numpy is imported.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    stopping = _Stopping(tell)
    for number in STOPPING:
        # One that is ignored, as under nohup, stays so.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, stopping)
    ready()
    code = FAILED
    try:
        code = _code_of_command()
    finally:
        tell(code)
    return code


def _code_of_command() -> int:
    try:
        for variable in FOLDERS:
            if folder := os.environ.get(variable):
                os.environ[variable] = os.path.abspath(os.path.expanduser(folder))
        remember_folder()
        streams.warn_in_one_line()
    except FileNotFoundError:
        return _fail("the working folder has been deleted: change to another one", BAD_INPUT)
    try:
        code = app(standalone_mode=False) or 0
        if code == INTERRUPTED:
            raise KeyboardInterrupt
        sys.stdout.flush()
    except TyperException as error:
        code = _fail(complaint(error.format_message(), sys.argv[1:]), BAD_INPUT)
    except KeyboardInterrupt:
        if DRY_RUN in sys.argv:
            code = _fail("interrupted; nothing was trained or written", INTERRUPTED)
        else:
            code = _fail(
                f"interrupted; finished trials are kept. To resume: {command_line()}", INTERRUPTED
            )
    except SystemExit as error:
        if isinstance(error.__context__, BrokenPipeError):
            # Typer ends so where whoever read has gone.
            streams.give_up_output()
            return FAILED
        frame = traceback.extract_tb(error.__traceback__)[-1]
        code = _fail(
            f"no answer: {frame.filename}:{frame.lineno} raised SystemExit: {error.code}", FAILED
        )
    except Exception as error:
        code = _explain(error)
    return code


def _explain(error: Exception) -> int:
    """Print what went wrong in one line; a bug is raised again, so that its traceback shows."""
    from rlid.errors import (
        EngineError,
        EnvironmentFault,
        InputError,
        ReferenceRefused,
        StoreError,
        TrialsFailed,
    )

    if isinstance(error, StoreError):
        return _fail(str(error), STORE_FAILED)
    if isinstance(error, ReferenceRefused | EngineError | EnvironmentFault | TrialsFailed):
        return _fail(str(error), FAILED)
    if isinstance(error, InputError):
        return _fail(str(error), BAD_INPUT)
    if isinstance(error, BrokenPipeError):
        # Whoever read has gone.
        streams.give_up_output()
        return FAILED
    if isinstance(error, OSError):
        streams.give_up_output()
        return _fail(f"{error.filename or 'a file'}: {error.strerror or error}", STORE_FAILED)
    raise error


def _fail(message: str, code: int) -> int:
    say(f"rlid: {' '.join(message.split())}", error=True)
    return code


class _Stopping:
    """Handles signals that ask for the end: the first one orderly, a second one at once."""

    def __init__(self, tell: Callable[[int], None]) -> None:
        self._tell = tell
        self._first: float | None = None

    def __call__(self, *_: Any) -> None:
        if self._first is None:
            self._first = time.monotonic()
            raise KeyboardInterrupt
        if time.monotonic() - self._first > SAME_INTERRUPT:
            # Workers end with their parent, and what is stored is complete.
            self._tell(INTERRUPTED)
            show_cursor()
            os._exit(INTERRUPTED)
