"""A user's own data as rows in three parts: its identity, and a split that is always the same.

Neither depends on the names or the order of files and rows: rows are sorted by the SHA-256 of their
content first, and then permuted by one frozen stream.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlid.datasets.objectives import FOLDS
from rlid.datasets.places import user_folder
from rlid.datasets.scale import Scales
from rlid.datasets.split import SEED
from rlid.errors import DataError
from rlid.random_stream import Stream

TEST_SHARE = 0.2
"""Share of all rows that becomes test rows, where no test rows are given."""
HELD_OUT_SHARE = 0.1
"""Share of the other rows that is held out for validation."""
FEWEST_ROWS = 50
"""Of rows in all; held-out and test rows are at least as many as a validation has folds."""
PASSES = 10
FEWEST_STEPS = 2000
"""A trial's steps: passes through the training rows, in minibatches, but not fewer than these."""

Pair = tuple[NDArray[Any], NDArray[Any]]
"""Inputs (n, size) and labels or targets (n,)."""


@dataclass(frozen=True)
class OwnData:
    """Rows of a user's own data, in three parts.

    Attributes:
        train: inputs (n, size) and labels or targets (n,), as are the others.
        held_out: for validation.
        test: for scoring.
        names: of the classes, in order; empty where the targets are numbers.
        sha256: identity of all rows with their labels; it does not depend on their order.
        shape: (channels, height, width) of images, or None.
        scales: by which the numbers of a table were standardised, or None.
    """

    train: Pair
    held_out: Pair
    test: Pair
    names: tuple[str, ...]
    sha256: str
    shape: tuple[int, int, int] | None = None
    scales: Scales | None = None

    @property
    def majority(self) -> float:
        """Share of the test rows that have the most frequent label of the training rows."""
        most = np.bincount(self.train[1].astype(np.int64)).argmax()
        return float(np.mean(self.test[1] == most))

    def budget(self, batch: int) -> int:
        """Return the steps of a trial, in minibatches of `batch` rows."""
        return max(FEWEST_STEPS, PASSES * len(self.train[1]) // batch)


def find_own(text: str) -> Path:
    """Return the path of a user's file or folder: as it is, or inside the folder of data sets.

    Raises:
        DataError: it is in neither place.
    """
    # Unlike Path.expanduser, this leaves the home of an unknown user as it is written.
    path = Path(os.path.expanduser(text))
    folder = user_folder()
    for candidate in [path, *([folder / path] if folder is not None else [])]:
        if candidate.exists():
            return candidate
    raise DataError(f"{text}: there is no such file or folder, nor in the folder of --data")


def in_three_parts(
    inputs: NDArray[Any],
    labels: NDArray[Any],
    keys: Sequence[bytes],
    source: str,
    *,
    given_test: tuple[NDArray[Any], NDArray[Any], Sequence[bytes]] | None = None,
) -> tuple[Pair, Pair, Pair, str]:
    """Return training, held-out and test rows, and the identity of all rows.

    Args:
        inputs: (n, size).
        labels: labels or targets (n,).
        keys: for each row, the bytes that stand for its label in its digest.
        source: what messages call the data.
        given_test: test rows in the same form; otherwise TEST_SHARE of the rows become test rows.

    Raises:
        DataError: there are too few rows.
    """
    count = len(labels) if given_test is None else len(labels) + len(given_test[1])
    if count < FEWEST_ROWS:
        raise DataError(f"{source}: {count} examples; at least {FEWEST_ROWS} are needed")
    if given_test is not None and len(given_test[1]) < FOLDS:
        raise DataError(
            f"{source}: {len(given_test[1])} test examples; at least {FOLDS} are needed"
        )
    digests = _digests(inputs, keys, b"row")
    order = _canonical(digests)
    permuted = Stream(SEED, "own/split").permutation(len(order))
    rows = order[permuted]
    if given_test is None:
        size = max(FOLDS, round(TEST_SHARE * len(rows)))
        test, rows = (inputs[rows[:size]], labels[rows[:size]]), rows[size:]
        all_digests = sorted(digests)
    else:
        test_inputs, test_labels, test_keys = given_test
        test_digests = _digests(test_inputs, test_keys, b"test row")
        test_order = _canonical(test_digests)
        test = test_inputs[test_order], test_labels[test_order]
        all_digests = sorted([*digests, *test_digests])
    size = max(FOLDS, round(HELD_OUT_SHARE * len(rows)))
    if len(rows) < 2 * size:
        raise DataError(f"{source}: {len(rows)} training examples; at least {2 * size} are needed")
    held_out, train = rows[:size], rows[size:]
    identity = hashlib.sha256(b"".join(all_digests)).hexdigest()
    return (inputs[train], labels[train]), (inputs[held_out], labels[held_out]), test, identity


def _digests(inputs: NDArray[Any], keys: Sequence[bytes], part: bytes) -> list[bytes]:
    """Return the SHA-256 of each row with its label; `part` tells test rows from others."""
    return [
        hashlib.sha256(part + b"\0" + key + b"\0" + np.ascontiguousarray(row).tobytes()).digest()
        for row, key in zip(inputs, keys, strict=True)
    ]


def _canonical(digests: Sequence[bytes]) -> NDArray[np.intp]:
    """Return the order (n,) that sorts rows by their digests."""
    return np.array(sorted(range(len(digests)), key=digests.__getitem__), np.intp)
