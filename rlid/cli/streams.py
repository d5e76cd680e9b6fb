"""Standard output and standard error: open, able to hold any text, and kept apart for `--json`.

Environments and C libraries print whenever they like. With `--json` standard output holds the
object alone: everything else that is written to file descriptor 1 goes to standard error.
"""

from __future__ import annotations

import ctypes
import io
import json
import os
import sys
import warnings
from contextlib import suppress
from typing import Any

from rlid.cli.terminal import one_line
from rlid.errors import EnvironmentWarning

_OUT, _ERR = 1, 2
_usual_warning = warnings.formatwarning
_kept: list[tuple[Any, int | None]] = []
"""The stream `sys.stdout` and a copy of descriptor 1 while both are set aside; else empty."""


def open_streams() -> None:
    """Open closed standard streams on the null device, and let streams hold any character.

    A file opened later would otherwise take the number of a closed stream. A character that the
    encoding of the terminal lacks is written as its escape: the answer must be printed.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, "w" if number else "r", closefd=False))
        stream = getattr(sys, name)
        if number and isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def warn_in_one_line() -> None:
    """Print a warning about an environment as a message of ours, without the place in our code."""

    def line_of(message: Any, category: type[Warning], *rest: Any, **more: Any) -> str:
        if issubclass(category, EnvironmentWarning):
            return f"rlid: warning: {one_line(message)}\n"
        return _usual_warning(message, category, *rest, **more)

    warnings.formatwarning = line_of


def set_aside() -> None:
    """Send what is printed from now on to standard error, but for `print_json`."""
    if _kept:
        return
    _flush()
    is_real = _is_descriptor(sys.stdout, _OUT)
    _kept.append((sys.stdout, os.dup(_OUT) if is_real else None))
    if is_real:
        os.dup2(_ERR, _OUT)
    sys.stdout = sys.stderr


def restore() -> None:
    """Undo `set_aside`. The command itself never does: what runs at its end may print as well."""
    if not _kept:
        return
    _flush()
    stream, copy = _kept.pop()
    sys.stdout = stream
    if copy is not None:
        os.dup2(copy, _OUT)
        os.close(copy)


def print_json(value: Any) -> None:
    """Print an object as JSON on standard output, even while that is set aside.

    Args:
        value: what `json.dumps` takes; NaN and infinities are refused.

    Raises:
        ValueError: a number is not finite.
        OSError: standard output cannot be written.
    """
    text = json.dumps(value, indent=1, allow_nan=False) + "\n"
    stream, copy = _kept[-1] if _kept else (sys.stdout, None)
    if copy is None:
        stream.write(text)
        stream.flush()
        return
    rest = text.encode()
    while rest:
        rest = rest[os.write(copy, rest) :]


def give_up_output() -> None:
    """Lead standard output nowhere if it cannot be written: Python would fail again at its end."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), _OUT)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    with suppress(OSError, AttributeError):
        # What C code has printed and its library still holds.
        ctypes.CDLL(None).fflush(None)


def _is_descriptor(stream: Any, number: int) -> bool:
    try:
        return bool(stream.fileno() == number)
    except (OSError, ValueError, AttributeError):
        return False
