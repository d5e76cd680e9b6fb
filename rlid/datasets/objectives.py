"""The objectives of supervised tasks: the score of a network on data, and the loss it follows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from rlid.datasets.scale import Scales
from rlid.errors import InputError
from rlid.world import Beat, Objective, Part, no_beat

BATCH = 128
"""Rows of a minibatch (Li et al. 2018)."""
SEARCH_ROWS = 4000
"""Training rows (always the same) on which candidates of a gradient-free agent are scored."""
FOLDS = 10
"""Parts of the held-out rows; their scores give a validation its standard error."""
CHUNK = 1000
"""Rows in one forward pass: more would not fit into the processor's cache."""


class Rows(Protocol):
    """Data in three parts, each as inputs (n, size) and labels or targets (n,)."""

    @property
    def train(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """What the search sees."""

    @property
    def held_out(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """What a validation sees."""

    @property
    def test(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """What the scoring sees."""


class Supervised(Objective):
    """What the objectives on data have in common: parts, minibatches and folds.

    The search sees only training rows, a validation only held-out rows, the scoring only test rows.
    A subclass has the loss and the score of outputs.
    """

    merges = False
    is_remembering = False

    def __init__(
        self,
        rows: Rows,
        outputs: int,
        shape: tuple[int, int, int] | None = None,
        beat: Beat = no_beat,
        scales: Scales | None = None,
    ) -> None:
        """Take the data.

        Args:
            rows: bytes of images, or floats.
            outputs: of the network.
            shape: (channels, height, width) of images, or None.
            beat: called as a sign of life while many rows are scored.
            scales: by which the rows were standardised, or None.
        """
        self.inputs = rows.train[0].shape[1]
        self.outputs = outputs
        self.observation_shape = shape
        self._rows, self._beat, self._scales = rows, beat, scales

    @cached_property
    def _parts(self) -> dict[Part | Literal["train"], Any]:
        """Inputs and labels of each part, as tensors; made at first use.

        To import torch can take longer than a task may be silent, on a busy machine.
        """
        train = _tensors(self._rows.train)
        search = tuple(tensor[:SEARCH_ROWS] for tensor in train)
        if self.is_remembering:
            return {"train": train, "search": search, "validation": search, "scoring": train}
        return {
            "train": train,
            "search": search,
            "validation": _tensors(self._rows.held_out),
            "scoring": _tensors(self._rows.test),
        }

    def prepare(self, rows: NDArray[Any]) -> NDArray[Any]:
        """Return rows (n, inputs) of the user's data as the network takes them."""
        return rows if self._scales is None else self._scales.inputs.standardise(rows)

    def decode(self, outputs: NDArray[np.float32]) -> NDArray[Any]:
        """Return what outputs (n, outputs) predict: the number of a class, or a number, (n,)."""
        raise NotImplementedError

    def check(self, network: Any) -> None:
        """Refuse a network that is not a function of its inputs.

        Raises:
            InputError: it is a vector of bare weights.
        """
        if network.architecture.weights:
            is_images = self.observation_shape is not None
            what, others = ("images", ", lenet or conv:16-32-256") if is_images else ("rows", "")
            raise InputError(
                f"network {network.architecture.name!r} is no function of {what}: use linear, "
                f"mlp:200x200{others}"
            )

    def loss(self, network: Any, theta: Any, rng: np.random.Generator) -> Any:
        """Return the mean loss (a scalar tensor) of weights theta (D,) over a minibatch.

        The BATCH training rows are drawn from rng, with replacement.
        """
        import torch

        inputs, labels = self._parts["train"]
        chosen = torch.from_numpy(rng.integers(0, len(labels), BATCH))
        outputs = network.outputs_of(theta, inputs.index_select(0, chosen))
        return self._loss(outputs, labels.index_select(0, chosen))

    def scores(
        self,
        network: Any,
        Theta: Any,  # noqa: N803
        seeds: NDArray[np.int64],
        part: Part,
    ) -> NDArray[np.float64]:
        """Return the scores (n, E) of weights Theta (n, D).

        In a validation, the evaluation with seed k is the score on fold k (modulo FOLDS) of the
        held-out rows. In the other parts every evaluation is the score on all rows.
        """
        inputs, labels = self._parts[part]
        folds = FOLDS if part == "validation" else 1
        fold_of = seeds % folds
        scores = np.zeros(seeds.shape)
        for row, theta in enumerate(Theta):
            policy = network.bind(theta[None])
            for fold in np.unique(fold_of[row]):
                rows = slice(fold * len(labels) // folds, (fold + 1) * len(labels) // folds)
                score = self._score(policy, inputs[rows], labels[rows])
                scores[row, fold_of[row] == fold] = score
        return scores

    def _chunks(self, policy: Any, inputs: Any, labels: Any) -> Any:
        """Yield outputs (m, outputs) and labels (m,), a chunk of rows at a time."""
        for first in range(0, len(labels), CHUNK):
            self._beat()
            chunk = slice(first, first + CHUNK)
            yield policy(inputs[None, chunk])[0], labels[chunk]

    def _loss(self, outputs: Any, labels: Any) -> Any:
        raise NotImplementedError

    def _score(self, policy: Any, inputs: Any, labels: Any) -> float:
        raise NotImplementedError

    def close(self) -> None:
        """Release nothing: everything is in Python's memory."""


class Classification(Supervised):
    """The accuracy of a classifier, and its cross-entropy.

    A classifier that only has to remember is scored on training rows.
    """

    def __init__(
        self,
        rows: Rows,
        classes: int,
        *,
        shape: tuple[int, int, int] | None = None,
        is_remembering: bool = False,
        chance: float | None = None,
        beat: Beat = no_beat,
        scales: Scales | None = None,
    ) -> None:
        """Take the data; labels are 0 to classes - 1.

        `chance` is the accuracy of what knows nothing of the inputs, 1 / classes unless given.
        """
        super().__init__(rows, classes, shape, beat, scales)
        self.is_remembering = is_remembering
        self._chance = 1 / classes if chance is None else chance

    def _loss(self, outputs: Any, labels: Any) -> Any:
        from torch.nn import functional

        return functional.cross_entropy(outputs, labels)

    def _score(self, policy: Any, inputs: Any, labels: Any) -> float:
        """Return the share of inputs whose largest output is their label's."""
        correct = 0
        for outputs, wanted in self._chunks(policy, inputs, labels):
            correct += int((outputs.argmax(1) == wanted).sum())
        return correct / len(labels)

    def decode(self, outputs: NDArray[np.float32]) -> NDArray[Any]:
        """Return the numbers (n,) of the classes with the largest of outputs (n, outputs)."""
        classes: NDArray[np.int64] = outputs.argmax(1)
        return classes

    def chance(self, seeds: Sequence[int]) -> NDArray[np.float64]:
        """Return the accuracy of what knows nothing of the inputs, once for each seed: (n,)."""
        return np.full(len(seeds), self._chance)


class Regression(Supervised):
    """How well a network predicts a number: 1 less its mean squared error, and that error.

    Targets have mean 0 and variance 1 in the training rows, so that the score is the share of the
    variance that is explained (R^2, with the training rows' mean and variance). Scores below LOWEST
    are cut there.
    """

    LOWEST = -10.0

    def __init__(self, rows: Rows, beat: Beat = no_beat, scales: Scales | None = None) -> None:
        """Take the data."""
        super().__init__(rows, 1, None, beat, scales)

    def _loss(self, outputs: Any, labels: Any) -> Any:
        return (outputs.squeeze(1) - labels).square().mean()

    def _score(self, policy: Any, inputs: Any, labels: Any) -> float:
        total = 0.0
        for outputs, wanted in self._chunks(policy, inputs, labels):
            total += float((outputs.squeeze(1) - wanted).double().square().sum())
        error = total / len(labels)
        return max(1 - error, self.LOWEST) if math.isfinite(error) else self.LOWEST

    def decode(self, outputs: NDArray[np.float32]) -> NDArray[Any]:
        """Return the numbers (n,) that outputs (n, 1) stand for, in the units of the data."""
        numbers = outputs[:, 0]
        return numbers if self._scales is None else self._scales.target.restore(numbers)

    def chance(self, seeds: Sequence[int]) -> NDArray[np.float64]:
        """Return the score of the training rows' mean, once for each of n seeds: (n,)."""
        targets = self._rows.test[1].astype(np.float64)
        return np.full(len(seeds), 1 - float(np.mean(targets**2)))


def _tensors(part: tuple[NDArray[Any], NDArray[Any]]) -> tuple[Any, Any]:
    """Return inputs (n, size), not copied, and labels of int64 or targets of float32 (n,)."""
    import torch

    inputs, labels = part
    kind = np.float32 if labels.dtype.kind == "f" else np.int64
    return torch.from_numpy(inputs), torch.from_numpy(labels.astype(kind))
