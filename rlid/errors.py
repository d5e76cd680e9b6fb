"""Every error that rlid raises on purpose, and how an error is put into one line.

`InputError` alone means bad input: the command line prints it in one line and exits with code 2.
Any other ValueError is a bug, of rlid or of a library, and shows its traceback.
"""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

LONGEST_LINE = 500
"""Characters of an error's first line that are kept."""
LONGEST_VALUE = 40
"""Characters of a value that a message shows."""


class InputError(ValueError):
    """Bad input; the message says in one line what is wrong and what would be right."""


class UnknownName(InputError):
    """A name that is in no registry; the message gives the nearest match and all known names."""


class DoesNotFit(InputError):
    """A projection that would not fit into memory; the message names kinds that would."""


class DataError(InputError):
    """A data set that is missing, damaged or unknown; the message says how to get it."""


class TimeLimit(InputError):
    """Code of others gave no sign of life for too long while a task was looked at.

    Not a TimeoutError: that is an OSError, which readers of files take for a damaged file.
    """


class TaskChanged(InputError):
    """A task is no longer what it was when its trials were planned; the message says what to do."""


class DamagedRecord(InputError):
    """Text that is not a valid record; the message says what is wrong in one line."""


class NewerRecord(DamagedRecord):
    """A record that another version of rlid wrote, and that this one cannot read."""


class UnknownField(DamagedRecord):
    """A record with a field that this version of rlid does not know: a later one may have it."""


class PolicyFileError(InputError):
    """Bytes that are no policy file; the message says what is wrong in one line."""


class StoreError(Exception):
    """A store cannot be read or written (exit code 74)."""


class EngineError(Exception):
    """A worker failed in a way that is no trial's result (exit code 1)."""


class ReferenceRefused(Exception):
    """Direct training did not work, so that no score can be judged (exit code 1)."""


class TrialsFailed(Exception):
    """The first trials of a measurement all failed, so that it was given up (exit code 1)."""


class EnvironmentFault(Exception):
    """An environment raised, or gave what no environment may give; `status` names which."""

    def __init__(self, reason: str, status: Literal["error", "nonfinite"] = "error") -> None:
        """`reason` is one line for the record."""
        super().__init__(reason)
        self.reason = reason
        self.status = status


class SharedFault(Exception):
    """Training failed in a batch of several trials; each of them is to be run alone."""


class Diverged(Exception):
    """An agent proposed a z that is not finite: its trial is unsolved."""


class AgentFault(Exception):
    """An agent raised: its trial is missing. The message says in one line what, and where."""


class EnvironmentWarning(UserWarning):
    """An environment breaks a rule that its scores depend on, and is measured all the same."""


OURS = (
    InputError,
    StoreError,
    EngineError,
    ReferenceRefused,
    TrialsFailed,
    EnvironmentFault,
    AgentFault,
    Diverged,
)
"""Errors that rlid raises on purpose: they already say what went wrong."""


NO_MEMORY = ("can't allocate memory", "out of memory", "cannot allocate memory")
"""Parts of the messages by which torch and the system say that there is no memory."""


def is_of_machine(error: BaseException | None) -> bool:
    """Whether the cause of an error is the machine: its memory, its disk, or a missing package.

    The causes that are chained to the error count as well. Such an error says nothing of the code
    in which it came up, nor of the files that this code was reading.
    """
    seen: set[int] = set()
    # An error that is raised again from one that it caused closes the chain to a ring.
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, MemoryError | OSError | ImportError):
            return True
        if isinstance(error, RuntimeError) and any(
            words in first_line(error).lower() for words in NO_MEMORY
        ):
            return True
        error = error.__cause__
    return False


@contextmanager
def guarded(call: str, raises: Callable[[str], Exception] = EnvironmentFault) -> Iterator[None]:
    """Turn whatever the code of a user raises into one error of ours, `SystemExit` included.

    `with guarded("reset"): env.reset()` raises EnvironmentFault("reset raised SystemExit: 0") where
    the environment exits. KeyboardInterrupt and the errors in OURS pass unchanged. A loop that
    cannot spend a microsecond on a context manager uses `except BaseException` and `fault`.

    Args:
        call: what is called, in words that go before "raised".
        raises: makes the error from its one line.
    """
    try:
        yield
    except (KeyboardInterrupt, *OURS):
        raise
    except BaseException as error:
        raise raises(raised_line(call, error)) from error


def fault(call: str, error: BaseException) -> Exception:
    """Return the EnvironmentFault of a call that raised `error`.

    For `except BaseException as error: raise fault("step", error) from error`. The errors in OURS
    are returned as they are.

    Raises:
        KeyboardInterrupt: the error is one.
    """
    if isinstance(error, KeyboardInterrupt):
        raise error
    return error if isinstance(error, OURS) else EnvironmentFault(raised_line(call, error))


def raised_line(call: str, error: BaseException) -> str:
    """Return in one line that a call raised an error, or that it tried to end the process."""
    if isinstance(error, SystemExit):
        return f"{call} raised SystemExit: {error.code}"[:LONGEST_LINE]
    return f"{call} raised {named_line(error)}"[:LONGEST_LINE]


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message, or "" where it has none or cannot give it."""
    try:
        text = str(error)
    except Exception:
        # The message of a library's error is made by that library's code.
        return ""
    return (text.splitlines() or [""])[0][:LONGEST_LINE]


def named_line(error: BaseException) -> str:
    """Return the name of an error's type and the first line of its message."""
    return f"{type(error).__name__}: {first_line(error)}"[:LONGEST_LINE]


def brief(value: object) -> str:
    """Return a value of a stranger's file for a message, in at most 40 characters.

    Of a large value only the beginning is written out.
    """
    try:
        return reprlib.repr(value)[:LONGEST_VALUE]
    except ValueError:
        return "a number of too many digits"


def visible(text: str) -> str:
    """Return the text with every character that a terminal would not show written as its escape.

    Records come from anywhere and are printed: a control sequence could forge a line or hide one.
    Line ends stay.
    """
    return "".join(
        char if char.isprintable() or char == "\n" else char.encode("unicode_escape").decode()
        for char in text
    )
