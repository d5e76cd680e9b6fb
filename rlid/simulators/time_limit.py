"""A limit on the time that code of others may take in the main thread without a sign of life."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from rlid.errors import TimeLimit
from rlid.world import Beat, no_beat


@contextmanager
def within(seconds: float, doing: str = "looking at the task") -> Iterator[Beat]:
    """Interrupt the block when it gives no sign of life for `seconds`; main thread only.

    Yields the function that gives a sign of life, after which the time starts again. The
    interruption is raised wherever the block is at that moment. A library may take it for an error
    of its own and wrap or swallow it, so that it is raised once more at the end of the block. Code
    that holds the interpreter cannot be interrupted.

    Raises:
        TimeLimit: there was no sign of life for `seconds`; the message begins with `doing`.
    """
    if threading.current_thread() is not threading.main_thread():
        yield no_beat
        return
    is_over = has_ended = False

    def refusal() -> TimeLimit:
        return TimeLimit(
            f"{doing}: no sign of life for {seconds:g} seconds: it hangs, or the machine is busy "
            "(then try again)"
        )

    def interrupt(*_: object) -> None:
        nonlocal is_over
        is_over = True
        raise refusal()

    def beat() -> None:
        # What was made in the block may keep this function.
        if not has_ended:
            # Code that swallows the interruption is interrupted again after as long.
            signal.setitimer(signal.ITIMER_REAL, seconds, seconds)

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        beat()
        yield beat
    except TimeLimit:
        raise
    except Exception as error:
        if is_over:
            raise refusal() from error
        raise
    finally:
        has_ended = True
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    if is_over:
        raise refusal()
