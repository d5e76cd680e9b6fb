"""Classification of a user's own images, from a folder of class folders."""

from __future__ import annotations

import re
from functools import partial

from rlid.datasets import (
    BATCH,
    FOLDS,
    SEARCH_ROWS,
    Classification,
    OwnData,
    find_own,
    read_image_folder,
)
from rlid.errors import InputError
from rlid.task import TASKS, Scalar, Task
from rlid.world import Beat, no_beat

LARGEST_SIZE = 1024
"""The largest side in pixels to which images can be resized."""


@TASKS.add("supervised", "images", "any", name="images", example="photos")
def images(folder: str) -> Task:
    """Classify your own images: images:DIR has a folder for each class; images:DIR,size=32."""
    if ":" in folder:
        raise InputError(f"task images:{folder}: a policy file holds no colon; rename the folder")
    path, comma, text = folder.rpartition(",size=")
    if not comma:
        path, size = folder, None
    elif re.fullmatch(r"[0-9]{1,4}", text) and 1 <= int(text) <= LARGEST_SIZE:
        size = int(text)
    else:
        raise InputError(
            f"task images:{folder}: size={text} is no side in pixels, from 1 to {LARGEST_SIZE}"
        )
    data = read_image_folder(find_own(path), size)
    options: dict[str, Scalar] = {
        "data": data.sha256,
        "batch": BATCH,
        "search_images": SEARCH_ROWS,
    }
    return Task(
        version=1,
        kind="supervised",
        env="images",
        options=options if size is None else {**options, "size": size},
        episode_cap=1,
        observation="pixels",
        activation="relu",
        network="mlp:200x200",
        agent="adam",
        budget=data.budget(BATCH),
        search_episodes=1,
        validation_episodes=FOLDS,
        scoring_episodes=1,
        ceiling=1.0,
        backend="torch",
        world=partial(_classification, data),
        world_takes_beat=True,
    )


def _classification(data: OwnData, beat: Beat = no_beat) -> Classification:
    return Classification(data, len(data.names), shape=data.shape, chance=data.majority, beat=beat)
