"""Prediction of one column of a user's own table from the others."""

from __future__ import annotations

from functools import partial
from typing import Literal, cast

from rlid.datasets import (
    BATCH,
    FOLDS,
    SEARCH_ROWS,
    Classification,
    OwnData,
    Regression,
    find_own,
    read_table,
)
from rlid.errors import InputError
from rlid.task import TASKS, Task
from rlid.world import Beat, no_beat

KINDS = ("label", "number")


@TASKS.add("supervised", "any", name="table", example="flowers.csv,target=kind")
def table(file: str) -> Task:
    """Predict a column of your own table: table:FILE.csv,target=COLUMN; labels, or a number."""
    if ":" in file:
        raise InputError(f"task table:{file}: a policy file holds no colon; rename file or column")
    path, comma, rest = file.partition(",target=")
    target, _, kind = rest.partition(",kind=")
    if not comma or not target:
        raise InputError(f"task table:{file}: name the column, as in table:FILE.csv,target=COLUMN")
    if kind not in ("", *KINDS):
        raise InputError(f"task table:{file}: kind={kind}: use label or number")
    data = read_table(
        find_own(path), target, cast("Literal['label', 'number'] | None", kind or None)
    )
    return Task(
        version=1,
        kind="supervised",
        env="table",
        options={
            "data": data.sha256,
            "target": "label" if data.names else "number",
            "batch": BATCH,
            "search_rows": SEARCH_ROWS,
        },
        episode_cap=1,
        activation="relu",
        network="mlp:64x64",
        agent="adam",
        budget=data.budget(BATCH),
        search_episodes=1,
        validation_episodes=FOLDS,
        scoring_episodes=1,
        ceiling=1.0,
        backend="torch",
        world=partial(_objective, data),
        world_takes_beat=True,
    )


def _objective(data: OwnData, beat: Beat = no_beat) -> Classification | Regression:
    """Return the classification of labels, or the regression of numbers."""
    if data.names:
        return Classification(
            data, len(data.names), chance=data.majority, beat=beat, scales=data.scales
        )
    return Regression(data, beat, data.scales)
