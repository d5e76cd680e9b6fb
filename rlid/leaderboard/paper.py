"""What Li, Farkhoor, Liu and Yosinski (ICLR 2018) published, to stand beside what is measured."""

from __future__ import annotations

from dataclasses import dataclass

SOURCE = "Li et al. 2018, arXiv 1804.08838"
BRING_DATA = "not measured here: bring the data"
NOT_YET = "not measured here"


@dataclass(frozen=True)
class PaperRow:
    """One published d_int90; `figure` is its text, and `note` what differs from rlid's protocol."""

    task: str
    kind: str
    network: str
    figure: str
    note: str = ""
    missing: str = NOT_YET


PAPER = (
    PaperRow("inverted_pendulum", "rl", "mlp:20x20", "4", "ES"),
    PaperRow("cartpole", "rl", "mlp:20x20", "25", "DQN on CartPole-v0, solved at 195 of 200"),
    PaperRow("cartpole_v0", "rl", "mlp:20x20", "25", "DQN; solved at 195 of 200"),
    PaperRow("cartpole_v0", "rl", "mlp:400x400", "40", "DQN; solved at 195 of 200"),
    PaperRow("mnist", "supervised", "lenet", "290", "threshold 90 %"),
    PaperRow("humanoid", "rl", "mlp:256x256", "700", "ES, Humanoid of 2018"),
    PaperRow("mnist", "supervised", "mlp:200x200", "750", "threshold 90 %"),
    PaperRow("mnist_shuffled_pixels", "supervised", "mlp:200x200", "750"),
    PaperRow("mnist_shuffled_pixels", "supervised", "lenet", "1400"),
    PaperRow("cifar10", "supervised", "lenet", "2900", missing=BRING_DATA),
    PaperRow("pong", "rl", "conv:16-32-256", "6000", "ES, from pixels"),
    PaperRow("cifar10", "supervised", "mlp:200x200", "9000", missing=BRING_DATA),
    PaperRow(
        "mnist_shuffled_labels:0.1", "supervised", "mlp:400x400x400x400x400", "90000", "at 0.89"
    ),
    PaperRow("mnist_shuffled_labels:0.5", "supervised", "mlp:400x400x400x400x400", "130000"),
    PaperRow("mnist_shuffled_labels", "supervised", "mlp:400x400x400x400x400", "190000"),
)
"""By rising figure."""


def published_figure(task: str, network: str) -> PaperRow | None:
    """Return what the paper says of a task and network, where it says anything."""
    body = network.partition("+")[0]
    return next((row for row in PAPER if (row.task, row.network) == (task, body)), None)


def published_figures(task: str) -> tuple[PaperRow, ...]:
    """Return everything that the paper says of a task, whatever the network."""
    return tuple(row for row in PAPER if row.task == task)
