"""Classifiers of images on the same scale: MNIST, Fashion-MNIST, CIFAR-10 (Li et al. 2018, 3)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlid.datasets import DATASETS, Images, images_of
from rlid.errors import InputError
from rlid.task import TASKS, Scalar, Task
from rlid.world import Beat, Part, no_beat

BATCH = 128
"""Images of a minibatch (Li et al. 2018)."""
SEARCH_IMAGES = 4000
"""Training images on which a gradient-free agent's candidates are scored: always the same ones."""
FOLDS = 10
"""Parts of the held-out images; their accuracies give a validation its standard error."""
CHUNK = 1000
"""Images that go through a network at once: more would leave the cache."""
PAPER_MLP = "mlp:200x200"
DEEP_MLP = "mlp:400x400x400x400x400"
STEPS = 4300
"""Ten passes through the training images of MNIST, in minibatches."""
RECIPE: Mapping[str, Mapping[str, Scalar]] = {"adam": {"lr": 1e-2}}
"""Ten times the paper's 1e-3. After five passes through MNIST's training images, held-out accuracy
at 3e-3 and at 1e-2 is 0.984 and 0.982 for mlp:200x200 by direct training, 0.774 and 0.769 at
d = 200; for lenet 0.990 and 0.990 by direct training, 0.743 and 0.794 at d = 100 (one seed each).
"""
BASELINES = {"mnist": 1.0, "cifar10": 0.5}
"""What the tables of Li et al. 2018 take nine tenths of, whatever the network."""
LINEAR = "the linear classifier of LeCun et al. 1998, table 1: 12 % errors"
TREE = "the decision tree of Xiao et al. 2017, table 3"
NINE_TENTHS = "nine tenths of the fixed baseline of 0.50 in Li et al. 2018"
REMEMBERED = "the threshold of Li et al. 2018 for remembered labels"


@TASKS.add("supervised", "images", "data")
def mnist() -> Task:
    """Tell handwritten digits: MNIST, scored by test accuracy."""
    return _classifier("mnist", floor=0.88, floor_source=LINEAR)


@TASKS.add("supervised", "images", "data")
def fashion_mnist() -> Task:
    """Tell pieces of clothing: Fashion-MNIST, scored by test accuracy."""
    return _classifier("fashion_mnist", floor=0.798, floor_source=TREE)


@TASKS.add("supervised", "images", "data")
def cifar10() -> Task:
    """Tell ten kinds of things in colour photographs: CIFAR-10, scored by test accuracy."""
    return _classifier("cifar10", floor=0.45, floor_source=NINE_TENTHS, version=2)


@TASKS.add("supervised", "images", "data")
def mnist_shuffled_pixels() -> Task:
    """MNIST with one fixed permutation of the pixels: neighbourhood says nothing."""
    return _classifier("mnist", floor=0.88, floor_source=LINEAR, shuffled_pixels=True)


@TASKS.add("supervised", "images", "data", example="0.5")
def mnist_shuffled_labels(share: str = "1.0") -> Task:
    """MNIST with a share of its training labels shuffled, scored by how many are remembered."""
    number = _share(share)
    return _classifier(
        "mnist",
        floor=0.9,
        floor_source=REMEMBERED,
        shuffled_labels=number,
        network=DEEP_MLP,
        budget=10 * STEPS,
    )


def _classifier(
    name: str,
    *,
    floor: float,
    floor_source: str,
    network: str = PAPER_MLP,
    budget: int = STEPS,
    version: int = 1,
    **shuffled: float,
) -> Task:
    options = {
        "data": DATASETS[name].checksum,
        "batch": BATCH,
        "search_images": SEARCH_IMAGES,
        **shuffled,
    }
    return Task(
        version=version,
        kind="supervised",
        env=name,
        options=options,
        episode_cap=1,
        observation="pixels",
        activation="relu",
        network=network,
        agent="adam",
        budget=budget,
        search_episodes=1,
        validation_episodes=FOLDS,
        scoring_episodes=1,
        ceiling=1.0,
        floor=floor,
        floor_source=floor_source,
        baseline=BASELINES.get(name),
        backend="torch",
        recipes=RECIPE,
        world=partial(Classification, name, **shuffled),
        world_takes_beat=True,
    )


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = math.nan
    if not 0 < share <= 1:
        raise InputError(
            f"task mnist_shuffled_labels:{text}: use the share of labels to shuffle, above 0 and "
            "at most 1, such as 0.5"
        )
    return share


class Classification:
    """The accuracy and the cross-entropy of a classifier of images.

    The search sees training images alone, and a validation the held-out ones. Scores are taken on
    the test images; with shuffled labels on the training images, since only those can be known.
    """

    merges = False

    def __init__(
        self,
        name: str,
        shuffled_pixels: bool = False,
        shuffled_labels: float = 0.0,
        beat: Beat = no_beat,
    ) -> None:
        """Read the data set `name`; the other arguments are those of `images_of`.

        Raises:
            DataError: its files are missing or damaged.
        """
        dataset = DATASETS[name]
        images = images_of(name, bool(shuffled_pixels), shuffled_labels, beat)
        self.observation_shape = dataset.shape
        self.inputs = math.prod(dataset.shape)
        self.outputs = dataset.classes
        self._train = _tensors(images.train)
        self._parts = self._arrange(images, is_remembering=shuffled_labels > 0)

    def _arrange(self, images: Images, is_remembering: bool) -> dict[Part, Any]:
        pixels, labels = self._train
        search = pixels[:SEARCH_IMAGES], labels[:SEARCH_IMAGES]
        if is_remembering:
            return {"search": search, "validation": search, "scoring": self._train}
        return {
            "search": search,
            "validation": _tensors(images.held_out),
            "scoring": _tensors(images.test),
        }

    def check(self, network: Any) -> None:
        """Refuse what is no function of an image."""
        if network.architecture.weights:
            raise InputError(
                f"network {network.architecture.name!r} is no function of images: use linear, "
                "mlp:200x200, lenet or conv:16-32-256"
            )

    def loss(self, network: Any, theta: Any, rng: np.random.Generator) -> Any:
        """Return the mean cross-entropy over a minibatch of training images, drawn from rng."""
        import torch
        from torch.nn import functional

        pixels, labels = self._train
        chosen = torch.from_numpy(rng.integers(0, len(labels), BATCH))
        outputs = network.outputs_of(theta, pixels.index_select(0, chosen))
        return functional.cross_entropy(outputs, labels.index_select(0, chosen))

    def scores(
        self,
        network: Any,
        Theta: Any,  # noqa: N803
        seeds: NDArray[np.int64],
        part: Part,
    ) -> NDArray[np.float64]:
        """Return the accuracies (n, E) of weights Theta (n, D).

        In a validation, evaluation k is the accuracy on fold k of the held-out images; elsewhere
        every evaluation is the same.
        """
        pixels, labels = self._parts[part]
        folds = FOLDS if part == "validation" else 1
        wanted = seeds % folds
        found = np.zeros(seeds.shape)
        for row, theta in enumerate(Theta):
            policy = network.bind(theta[None])
            for fold in np.unique(wanted[row]):
                chosen = slice(fold * len(labels) // folds, (fold + 1) * len(labels) // folds)
                share = _accuracy(policy, pixels[chosen], labels[chosen])
                found[row, wanted[row] == fold] = share
        return found

    def chance(self, seeds: Sequence[int]) -> NDArray[np.float64]:
        """Return the accuracy (n,) to be expected of a guess: the same for any labels."""
        return np.full(len(seeds), 1 / self.outputs)

    def close(self) -> None:
        """Nothing is held outside Python."""


def _tensors(part: tuple[NDArray[np.uint8], NDArray[np.uint8]]) -> tuple[Any, Any]:
    import torch

    pixels, labels = part
    # Tensors want memory of their own: an array over a file's bytes is read-only.
    return torch.tensor(pixels), torch.tensor(labels, dtype=torch.int64)


def _accuracy(policy: Any, pixels: Any, labels: Any) -> float:
    """Return the share of images (n, pixels) whose largest output is their label's."""
    right = 0
    for at in range(0, len(labels), CHUNK):
        outputs = policy(pixels[None, at : at + CHUNK])[0]
        right += int((outputs.argmax(1) == labels[at : at + CHUNK]).sum())
    return right / len(labels)
