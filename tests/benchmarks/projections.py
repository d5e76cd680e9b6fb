"""Times every projection against one copy of the weights, and against another implementation.

python tests/benchmarks/projections.py [--peer DIR] [--kinds onehot,fastfood] [--repeats 20]

DIR is a checkout of github.com/jgamper/intrinsic-dimensionality. Its wrappers are applied to a
module that only returns the weights, so that the projection alone is timed.
"""

from __future__ import annotations

import argparse
import importlib.util
import statistics
import time
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from rlid.errors import DoesNotFit
from rlid.projections import PROJECTIONS, make

# The weight shapes of the networks: inverted pendulum, MNIST, Pong (with the 608 numbers of its
# virtual batch norm), and one of the size of a residual net.
NETWORKS: dict[int, list[tuple[int, ...]]] = {
    562: [(20, 4), (20,), (20, 20), (20,), (2, 20), (2,)],
    199_210: [(200, 784), (200,), (200, 200), (200,), (10, 200), (10,)],
    1_005_974: [(16, 256), (16,), (32, 256), (32,), (256, 3872), (256,), (6, 256), (6,), (608,)],
    11_000_000: [(1000, 1000)] * 11,
}
DIMENSIONS = (4, 750, 6000, 100_000)
# Larger matrices only measure the bandwidth of the memory again.
LARGEST_MATRIX_BYTES = 2_000_000_000

MNIST = [784, 200, 200, 10]
BATCH, MNIST_D = 128, 750


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer", type=Path, help="a checkout of intrinsic-dimensionality")
    parser.add_argument("--kinds", default=",".join(PROJECTIONS), help="names with commas")
    parser.add_argument("--weights", type=int, action="append", choices=sorted(NETWORKS))
    parser.add_argument(
        "--repeats", type=int, default=20, help="the median is taken over this number"
    )
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    kinds = arguments.kinds.split(",")
    for D in arguments.weights or NETWORKS:
        table(D, kinds, arguments.peer, arguments.repeats)
    training_step(max(arguments.repeats, 100))


def table(D: int, kinds: list[str], peer: Path | None, repeats: int) -> None:
    """Print one line for each kind and d."""
    source, target = torch.randn(D), torch.empty(D)

    def copy() -> float:
        return seconds(lambda: target.copy_(source), max(repeats, 100))

    print(f"\nD = {D:,}, one copy {copy() * 1e6:.1f} us; peer: ratio of its time to ours")
    print(f"{'kind':<12}{'d':>8}{'forward':>11}{'for+back':>11}{'/ copy':>9}{'MB':>9}{'peer':>8}")
    for kind in kinds:
        for d in [D] if kind == "identity" else [d for d in DIMENSIONS if d <= D]:
            if kind in ("dense", "orthogonal") and 4 * D * d > LARGEST_MATRIX_BYTES:
                continue
            # Larger decompositions take minutes.
            if kind == "orthogonal" and D * d * d > 1e10:
                continue
            try:
                projection = make(kind, D=D, d=d, seed=0)
            except DoesNotFit as error:
                print(f"{kind:<12}{d:>8} {error}")
                continue
            z = torch.randn(d, requires_grad=True)
            g = torch.randn(D)
            forward = seconds(partial(projection, z.detach()), repeats)
            both = seconds(partial(step, partial(projection, z), g, z), repeats)
            ratio = both / copy()
            line = f"{kind:<12}{d:>8}{forward * 1e3:>9.3f}ms{both * 1e3:>9.3f}ms{ratio:>9.1f}"
            line += f"{projection.nbytes / 1e6:>9.1f}"
            theirs = {"dense": "DenseWrap", "fastfood": "FastfoodWrap", "onehot": "FastfoodWrap"}
            if peer and kind in theirs:
                wrapped = peer_wrapper(peer, theirs[kind])(Weights(D), d, device="cpu")
                run = partial(step, partial(wrapped, g), g, wrapped.V)
                line += f"{seconds(run, max(3, repeats // 4)) / both:>8.1f}"
            print(line, flush=True)
    baseline = plain_gather(D, min(6000, D), repeats)
    print(f"{'(gather, scatter-add, no signs)':<42}{baseline / copy():>9.1f}")


class Weights(nn.Module):
    """A module that returns the weights of a network as one flat vector, whatever its input."""

    def __init__(self, D: int) -> None:
        super().__init__()
        self.names = [f"weight{i}" for i in range(len(NETWORKS[D]))]
        for name, shape in zip(self.names, NETWORKS[D], strict=True):
            setattr(self, name, nn.Parameter(torch.zeros(shape)))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([getattr(self, name).reshape(-1) for name in self.names])


def peer_wrapper(peer: Path, name: str) -> Any:
    """Return a class of the other implementation, loaded from its file."""
    path = peer / "intrinsic" / f"{name.removesuffix('Wrap').lower()}.py"
    spec = importlib.util.spec_from_file_location(f"peer_{path.stem}", path)
    if spec is None or spec.loader is None or not path.exists():
        raise SystemExit(f"no file {path}; --peer takes the top folder of a checkout")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, name)


def plain_gather(D: int, d: int, repeats: int) -> float:
    """Return the seconds of reading z at 32-bit indices and adding a gradient at them."""
    indices = torch.randint(0, d, (D,), dtype=torch.int32)
    z, g = torch.randn(d), torch.randn(D)

    def both() -> None:
        z.index_select(0, indices)
        torch.zeros(d).index_add_(0, indices, g)

    return seconds(both, repeats)


def training_step(repeats: int) -> None:
    """Print the time of a training step of MNIST FC, direct and in subspaces, run in turns."""
    images, labels = torch.randn(BATCH, MNIST[0]), torch.randint(0, MNIST[-1], (BATCH,))
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(MNIST):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    direct = nn.Sequential(*layers[:-1])
    optimizer = torch.optim.Adam(direct.parameters(), lr=1e-3)

    def step_direct() -> None:
        optimizer.zero_grad()
        torch.autograd.backward([nn.functional.cross_entropy(direct(images), labels)])
        optimizer.step()

    steps: dict[str, Callable[[], object]] = {"direct": step_direct}
    theta0 = nn.utils.parameters_to_vector(direct.parameters()).detach().clone()
    for kind in ("onehot", "fastfood", "sparse"):
        steps[kind] = subspace_step(kind, theta0, images, labels)
    # In turns, so that a slow phase of the machine affects all of them.
    times: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(repeats):
        for name, run in steps.items():
            times[name].append(seconds(run, 1, warm=0))
    median = {name: statistics.median(spent[5:]) for name, spent in times.items()}
    print(f"\nMNIST FC training step, batch {BATCH}, d = {MNIST_D}")
    for name, spent in median.items():
        print(f"{name:<12}{spent * 1e3:>9.3f}ms{spent / median['direct']:>9.3f} x direct")


def subspace_step(
    kind: str, theta0: Tensor, images: Tensor, labels: Tensor
) -> Callable[[], object]:
    """Return a training step of z with Adam."""
    projection = make(kind, D=len(theta0), d=MNIST_D, seed=0)
    z = torch.zeros(MNIST_D, requires_grad=True)
    optimizer = torch.optim.Adam([z], lr=1e-3 * (len(theta0) / MNIST_D) ** 0.5)
    shapes = NETWORKS[len(theta0)]
    sizes = [torch.Size(shape).numel() for shape in shapes]

    def run() -> None:
        optimizer.zero_grad()
        theta = theta0 + projection(z)
        parts = [
            part.view(shape) for part, shape in zip(torch.split(theta, sizes), shapes, strict=True)
        ]
        hidden = images
        for weight, bias in zip(parts[:-2:2], parts[1:-2:2], strict=True):
            hidden = torch.relu(nn.functional.linear(hidden, weight, bias))
        logits = nn.functional.linear(hidden, parts[-2], parts[-1])
        torch.autograd.backward([nn.functional.cross_entropy(logits, labels)])
        optimizer.step()

    return run


def step(expand: Callable[[], Tensor], g: Tensor, z: Tensor) -> None:
    """Compute theta, and the gradient of z from the gradient g of theta."""
    z.grad = None
    torch.autograd.backward([expand()], [g])


def seconds(run: Callable[[], object], repeats: int, warm: int = 3) -> float:
    """Return the median seconds of a call."""
    for _ in range(warm):
        run()
    spent = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        spent.append(time.perf_counter() - start)
    return statistics.median(spent)


if __name__ == "__main__":
    main()
