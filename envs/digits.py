"""Classification of scikit-learn's small digits: the supervised task that needs no download."""

from __future__ import annotations

from rlid.datasets import BATCH, DIGITS_SHA256, FOLDS, SEARCH_ROWS, Classification, read_digits
from rlid.task import TASKS, Task
from rlid.world import Beat, no_beat

STEPS = 2000
"""About 200 passes through the 1,294 training images, in minibatches."""


@TASKS.add("supervised", "images", "easy")
def digits() -> Task:
    """Classify scikit-learn's 1,797 digits of 8x8 pixels, scored by test accuracy."""
    return Task(
        version=1,
        kind="supervised",
        env="digits",
        options={"data": DIGITS_SHA256, "batch": BATCH, "search_images": SEARCH_ROWS},
        episode_cap=1,
        observation="pixels",
        activation="relu",
        network="mlp:32x32",
        agent="adam",
        budget=STEPS,
        dmax=1000,
        search_episodes=1,
        validation_episodes=FOLDS,
        scoring_episodes=1,
        ceiling=1.0,
        backend="torch",
        world=_classification,
        world_takes_beat=True,
    )


def _classification(beat: Beat = no_beat) -> Classification:
    """Read the digits.

    Raises:
        DataError: scikit-learn is not installed, or has other images.
    """
    data = read_digits()
    return Classification(data, len(data.names), shape=data.shape, beat=beat)
