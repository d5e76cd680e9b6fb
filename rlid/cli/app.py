"""The command line: `rlid run cartpole --dmax 20` and its sisters."""

from __future__ import annotations

import os
import signal
import sys
from typing import Any, NoReturn

import typer
from typer.exceptions import TyperException

from rlid.cli import check, look, measure, policies, results, store, verify
from rlid.cli.options import BAD_INPUT, FAILED, INTERRUPTED, STORE_FAILED, command_line

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SHOW_CURSOR = b"\r\n\x1b[?25h"

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Measure the intrinsic dimension of reinforcement-learning and supervised problems.",
)
app.command(short_help="Measure d_int90 of a task.")(measure.run)
app.command(short_help="Fail where d_int90 is above a limit, for CI.")(check.check)
app.command(short_help="Measure random actions and direct training.")(measure.reference)
app.command(name="list", short_help="Say what there is, with one line each.")(look.list_)
app.command(short_help="Show the measurements of a store as a table.")(look.show)
app.command(short_help="Say which of two measurements is harder.")(look.compare)
app.command(short_help="Draw the measurements of a store.")(look.plot)
app.command(short_help="Write a solved policy as a small file.")(policies.export)
app.command(short_help="Rebuild a policy from its file, and play.")(policies.play)
app.command(short_help="Write measurements as published results.")(results.publish)
app.command(short_help="Rank all published measurements.")(results.leaderboard)
app.command(short_help="Re-derive a published result, repeat its trials.")(verify.verify)
app.command(short_help="Say what is missing, and how to mend it.")(look.doctor)
app.add_typer(store.app, name="store", short_help="Check, mend and merge stores.")


def main() -> NoReturn:
    """Run the command line; every failure that is a user's to mend is one line."""
    # A second thread of numpy's would wait more than work, and what a search asks next must not
    # depend on how many cores there are. It is read when numpy is imported.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    _open_streams()
    for number in STOPPING:
        # One that is ignored, as under nohup, stays so.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _interrupt)
    try:
        code = app(standalone_mode=False) or 0
        if code == INTERRUPTED:
            raise KeyboardInterrupt
    except TyperException as error:
        code = _fail(error.format_message(), BAD_INPUT)
    except KeyboardInterrupt:
        code = _fail(
            f"interrupted; finished trials are kept. To resume: {command_line()}", INTERRUPTED
        )
    except Exception as error:
        code = _explain(error)
    sys.exit(code)


def _open_streams() -> None:
    """Let closed standard streams lead nowhere: a later file would take their place."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, "w" if number else "r", closefd=False))


def _explain(error: Exception) -> int:
    """Print what went wrong in one line; what is no user's mistake is raised again."""
    from rlid.errors import EngineError, ReferenceRefused, StoreError

    if isinstance(error, StoreError):
        return _fail(str(error), STORE_FAILED)
    if isinstance(error, ReferenceRefused | EngineError):
        return _fail(str(error), FAILED)
    if isinstance(error, ValueError):
        return _fail(str(error), BAD_INPUT)
    if isinstance(error, BrokenPipeError):
        # Whoever read has gone; nor can what is left be flushed at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    if isinstance(error, OSError):
        return _fail(f"{error.filename or 'a file'}: {error.strerror or error}", STORE_FAILED)
    raise error


def _fail(message: str, code: int) -> int:
    from rlid.records import visible

    print(f"rlid: {visible(' '.join(message.split()))}", file=sys.stderr)
    return code


def _interrupt(*_: Any) -> NoReturn:
    """Stop in good order; whoever asks once more is heeded at once."""
    for number in STOPPING:
        signal.signal(number, _leave)
    raise KeyboardInterrupt


def _leave(*_: Any) -> NoReturn:
    """End at once; workers end with their parent, and what is stored is whole."""
    if sys.stderr.isatty():
        os.write(2, SHOW_CURSOR)
    os._exit(INTERRUPTED)
