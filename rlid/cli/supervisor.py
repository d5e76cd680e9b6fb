"""The command `rlid`: it runs the command line in a child process, and trusts only its own verdict.

The code of a user (a package, an environment, a C library) can end its process at any time, with
any exit code: `sys.exit()` in `close`, `os._exit(0)`, `exit(1)` in C. None of that may be taken for
an answer of rlid. So the child says its exit code through a pipe when it is done, and a child that
ends without a word is a failure. The fork costs some milliseconds: nothing is imported yet.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import signal
import sys
from typing import NoReturn

from rlid.cli.app import STOPPING, run
from rlid.cli.options import FAILED
from rlid.cli.streams import open_streams
from rlid.cli.terminal import say
from rlid.operating_system import cause_of_end, die_with


def main() -> NoReturn:
    """Run the command line and exit with its verdict; where it has none, with exit code 1."""
    open_streams()
    if not hasattr(os, "fork"):
        sys.exit(run())
    reader, writer = os.pipe()
    parent = os.getpid()
    # Signals that arrive before the child has its own handlers wait until then.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
    child = os.fork()
    if child == 0:
        os.close(reader)
        _run_as_child(parent, writer, before)
    os.close(writer)
    for number in STOPPING:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda number, _: _forward(child, number))
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
    _, status = os.waitpid(child, 0)
    # A process that the environment has forked may hold the other end open: take what is there.
    os.set_blocking(reader, False)
    try:
        verdict = os.read(reader, 1)
    except BlockingIOError:
        verdict = b""
    if verdict:
        os._exit(verdict[0])
    ending = cause_of_end(os.waitstatus_to_exitcode(status))
    say(
        f"rlid: no answer: the process ended ({ending}) inside code that rlid had called, of a "
        "package, an environment or a library",
        error=True,
    )
    os._exit(FAILED)


def _run_as_child(parent: int, writer: int, mask: set[int | signal.Signals]) -> NoReturn:
    """Run the command line, and tell the parent the exit code before anything else can happen."""
    die_with(parent)
    faulthandler.enable()

    def tell(code: int) -> None:
        # Imported code may have closed every descriptor that it does not know.
        with contextlib.suppress(OSError):
            os.write(writer, bytes([code]))

    def ready() -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    sys.exit(run(tell, ready))


def _forward(child: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, number)
