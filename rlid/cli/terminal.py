"""The one place that writes to the terminal: lines, tables and the bar of progress.

Names, paths and reasons come from strangers' files and environments. Control characters could
forge a line or hide one, and bidirectional marks could turn one around: every line is written with
these as their escapes.
"""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from rlid.errors import visible

if TYPE_CHECKING:
    from rich.console import Console

WIDE = 200
"""Columns of what is not a terminal: its reader breaks long lines."""
NARROWEST = 20
"""Columns that a folded line has beside its indent, whatever the terminal says."""
_SHOW_CURSOR = b"\r\n\x1b[?25h"
_STANDARD_ERROR = 2


def say(*lines: object, error: bool = False) -> None:
    """Write lines to standard output, or to standard error where `error`.

    Each argument is one line: line ends inside it are written as their escapes, too. On a terminal
    a line that is too long goes on below, broken between words; a pipe gets it whole.
    """
    stream = sys.stderr if error else sys.stdout
    columns = shutil.get_terminal_size().columns if stream.isatty() else None
    text = "".join(f"{_folded(one_line(line), columns)}\n" for line in lines)
    stream.write(text)
    stream.flush()


def say_table(
    columns: Sequence[tuple[str, str]], rows: Iterable[Sequence[object]], title: str = ""
) -> None:
    """Write a table to standard output; columns are (heading, "left" or "right")."""
    from rich.table import Table

    if title:
        # A title inside the table would be as narrow as the table.
        say(title)
    table = Table(box=None, pad_edge=False)
    for heading, justify in columns:
        table.add_column(heading, justify=justify, overflow="fold")  # type: ignore[arg-type]
    for row in rows:
        table.add_row(*["" if cell is None else one_line(cell) for cell in row])
    console = _console(error=False)
    console.print(table)


def say_above(console: Console, line: str) -> None:
    """Write a line above the bar of progress that `console` draws."""
    console.print(one_line(line), highlight=False, markup=False, soft_wrap=True)


def show_cursor() -> None:
    """Show the cursor again where a bar of progress had hidden it and the process ends at once."""
    with suppress(OSError):
        if os.isatty(_STANDARD_ERROR):
            os.write(_STANDARD_ERROR, _SHOW_CURSOR)


def one_line(value: object) -> str:
    """Return a value as one line that a terminal shows as it is: escapes for what it would obey."""
    return visible(str(value)).replace("\n", "\\n")


def _folded(line: str, columns: int | None) -> str:
    """Return a line broken between words so that it fits into so many columns."""
    if columns is None or len(line) <= columns:
        return line
    indent = " " * (len(line) - len(line.lstrip()))
    parts = textwrap.wrap(
        line.strip(),
        max(columns, len(indent) + NARROWEST),
        initial_indent=indent,
        subsequent_indent=f"{indent}  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    return "\n".join(parts)


def _console(*, error: bool) -> Any:
    from rich.console import Console

    stream = sys.stderr if error else sys.stdout
    width = None if stream.isatty() else WIDE
    return Console(width=width, stderr=error, highlight=False, markup=False)
