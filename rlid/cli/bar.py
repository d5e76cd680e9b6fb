"""The bar of progress on a terminal, with a line below it of the trials under way."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console, RenderableType
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

BAR_WIDTH = 12
"""Columns of the bar itself: on 80 columns the words beside it matter more."""


class Bar(Progress):
    """A bar that is redrawn in place on standard error; it disappears at its end.

    Attributes:
        below: a line below the bar; "" for none.
    """

    below = ""

    def __init__(self) -> None:
        """Draw nothing yet."""
        super().__init__(
            TimeElapsedColumn(),
            BarColumn(bar_width=BAR_WIDTH),
            MofNCompleteColumn(),
            TextColumn("trials · {task.description}", markup=False),
            console=Console(stderr=True),
            transient=True,
        )

    def get_renderables(self) -> Iterable[RenderableType]:
        """Yield the bar, and the line below it."""
        yield self.make_tasks_table(self.tasks)
        if self.below:
            yield Text(self.below, no_wrap=True, overflow="ellipsis")
