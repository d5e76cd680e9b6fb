"""The published figure of each task in a few words, for `rlid list tasks`.

It is read from the files that ship with rlid as they are, without deriving them again: a list must
be quick. `rlid leaderboard` and `rlid verify` derive and check.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlid.store import slug


@dataclass(frozen=True)
class Headline:
    """The smallest published d_int90 of a task with one network.

    Attributes:
        d_int90: the figure.
        agent: which agent needed no more.
        seconds: the time of all its trials, added up.
    """

    d_int90: int
    agent: str
    seconds: float


def headline(folder: Path | None, task: str, network: str) -> Headline | None:
    """Return the smallest published d_int90 of a task, or None where there is no figure.

    Args:
        folder: the published results.
        task: the task's name.
        network: the network, as its name is written in the files.
    """
    if folder is None:
        return None
    made = []
    for source in sorted(folder.glob(f"{slug(task)}/*.json")):
        published: dict[str, Any] = json.loads(source.read_text())
        question, figure = published["question"], published["answer"]["d_int90"]
        if figure is not None and (question["task"], question["network"]) == (task, network):
            seconds = sum(row["seconds"] for row in published["rows"])
            made.append(Headline(figure, question["agent"], seconds))
    return min(made, key=lambda each: each.d_int90, default=None)
