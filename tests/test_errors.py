"""What a user's code raises becomes one line of ours, an exit included."""

import asyncio
import sys

import pytest

from rlid.errors import (
    EnvironmentFault,
    InputError,
    StoreError,
    fault,
    first_line,
    guarded,
    named_line,
)


class OddError(BaseException):
    """Raised by code that wants no `except Exception` to stop it."""


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("no\nsuch"), "reset raised ValueError: no"),
        (SystemExit(0), "reset raised SystemExit: 0"),
        (SystemExit(), "reset raised SystemExit: None"),
        (GeneratorExit(), "reset raised GeneratorExit: "),
        (asyncio.CancelledError(), "reset raised CancelledError: "),
        (OddError("odd"), "reset raised OddError: odd"),
        (MemoryError(), "reset raised MemoryError: "),
    ],
)
def test_everything_that_foreign_code_raises_becomes_a_fault(error, line):
    with pytest.raises(EnvironmentFault) as caught, guarded("reset"):
        raise error
    assert caught.value.reason == line
    assert caught.value.__cause__ is error
    assert fault("reset", error).reason == line


@pytest.mark.parametrize(
    "error", [KeyboardInterrupt(), InputError("bad"), StoreError("full"), EnvironmentFault("f")]
)
def test_interrupts_and_our_own_errors_pass_unchanged(error):
    with pytest.raises(type(error)) as caught, guarded("reset"):
        raise error
    assert caught.value is error


def test_an_interrupt_is_never_made_a_fault():
    with pytest.raises(KeyboardInterrupt):
        fault("step", KeyboardInterrupt())


def test_the_kind_of_error_can_be_chosen():
    with pytest.raises(InputError, match="--import my_pkg raised SystemExit: 3"):  # noqa: SIM117
        with guarded("--import my_pkg", InputError):
            sys.exit(3)


def test_lines_are_short_whatever_the_message():
    error = ValueError("x" * 10_000)
    assert len(first_line(error)) == len(named_line(error)) == 500
    assert len(fault("step", error).reason) == 500


def test_an_error_whose_message_raises_still_has_a_name():
    class Broken(Exception):
        def __str__(self):
            raise RuntimeError("no message")

    assert fault("step", Broken()).reason == "step raised Broken: "
