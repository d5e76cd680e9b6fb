"""Would supervised trials gain from one batch? A minibatch of n classifiers, looped and in a batch.

    python tests/benchmarks/batched_adam.py --device cpu

Prints minibatches a second, forwards and backwards, of n networks 784-200-200-10 with weights of
their own on minibatches of their own: one after the other, and by batched products. Steps of the
optimizer and of the projection cost the same in both and are left out.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable, Sequence

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import torch  # noqa: E402

SIZES = (784, 200, 200, 10)
MINIBATCH = 128
CELLS = (1, 4, 8, 16)
Layers = Sequence[tuple[torch.Tensor, torch.Tensor]]


def weights_of(n: int, device: str) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Return weights (n, inputs, outputs) and biases (n, 1, outputs) of every layer."""
    return [
        (
            (torch.randn(n, a, b, device=device) / a**0.5).requires_grad_(),
            torch.zeros(n, 1, b, device=device).requires_grad_(),
        )
        for a, b in zip(SIZES, SIZES[1:], strict=False)
    ]


def loss(layers: Layers, x: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Return the sum of the losses of networks (n, ...) on minibatches (n, m, inputs)."""
    for index, (weights, biases) in enumerate(layers):
        x = torch.baddbmm(biases, x, weights)
        x = torch.relu(x) if index < len(layers) - 1 else x
    return torch.nn.functional.cross_entropy(x.flatten(0, 1), labels.flatten()) * len(x)


def rate(work: Callable[[], None], n: int, device: str) -> float:
    """Return minibatches a second: the median of five turns of a half second."""
    rates = []
    for _ in range(5):
        done, started = 0, time.perf_counter()
        while time.perf_counter() - started < 0.5:
            work()
            if device != "cpu":
                torch.cuda.synchronize()
            done += n
        rates.append(done / (time.perf_counter() - started))
    return statistics.median(rates)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cpu")
    device = parser.parse_args().device
    torch.set_num_threads(1)
    print("trials  one by one  in a batch  ratio")
    for n in CELLS:
        layers = weights_of(n, device)
        x = torch.randn(n, MINIBATCH, SIZES[0], device=device)
        labels = torch.randint(0, SIZES[-1], (n, MINIBATCH), device=device)
        own = [
            [(w[i : i + 1].detach().requires_grad_(), b[i : i + 1].detach().requires_grad_())
             for w, b in layers]
            for i in range(n)
        ]  # fmt: skip

        def one_by_one(own=own, x=x, labels=labels) -> None:  # type: ignore[no-untyped-def]
            for i, single in enumerate(own):
                loss(single, x[i : i + 1], labels[i : i + 1]).backward()

        def together(layers=layers, x=x, labels=labels) -> None:  # type: ignore[no-untyped-def]
            loss(layers, x, labels).backward()

        slow, fast = rate(one_by_one, n, device), rate(together, n, device)
        print(f"{n:6} {slow:11,.0f} {fast:11,.0f} {fast / slow:6.2f}", flush=True)


if __name__ == "__main__":
    main()
