"""A torch module that acts for many weight vectors in one call, by `torch.func.vmap`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch

from rlid.networks.alignment import aligned, ceiling
from rlid.networks.recording import Recording

FEWEST_ROWS = 2
"""A batched product of one matrix may take another path in the library, with other last bits."""
MOST_RECORDINGS = 256
"""Shapes whose operations are remembered; a measurement has some dozens."""
CLOSE = {"rtol": 1e-4, "atol": 1e-6}
"""How far the gradient of a recording may be from that of vmap."""


class Together:
    """Calls a module for n weight vectors, each with its own observations.

    vmap finds the operations on the whole batch once for each shape; they are recorded and
    repeated, because vmap itself takes longer than a small network.
    """

    def __init__(
        self,
        call: Callable[[dict[str, torch.Tensor], torch.Tensor], torch.Tensor],
        shapes: Mapping[str, torch.Size],
    ) -> None:
        """Prepare.

        Args:
            call: maps parameters by name and observations (m, inputs) to outputs (m, outputs).
            shapes: of each parameter of theta, by name, in their order.
        """
        self._shapes, self._names = dict(shapes), list(shapes)
        self._mapped = torch.func.vmap(
            lambda weights, x: call(dict(zip(self._names, weights, strict=True)), x),
            in_dims=(0, 0),
            randomness="error",
        )
        self._recordings: dict[tuple[int, int], Recording] = {}
        self.is_recorded = True
        """Whether recordings are used; otherwise vmap runs in each call."""

    def bind(self, Theta: torch.Tensor) -> Callable[[torch.Tensor], torch.Tensor]:  # noqa: N803
        """Return the function from observations (n, m, inputs) to outputs (n, m, outputs).

        Row i of Theta (n, D) acts on row i of the observations.
        """
        rows = max(len(Theta), FEWEST_ROWS)
        # What fills the batch is a copy of what is in it: of zeros a module may make what is not
        # finite, and the gradient of all would not be either.
        Theta = torch.cat([Theta, Theta[:1].expand(rows - len(Theta), -1)])  # noqa: N806
        pieces = torch.split(Theta, [shape.numel() for shape in self._shapes.values()], 1)
        weights = [
            aligned(piece, rows).view(rows, *shape)
            for piece, shape in zip(pieces, self._shapes.values(), strict=True)
        ]
        prepared: dict[int, Callable[[torch.Tensor], torch.Tensor]] = {}

        def forward(x: torch.Tensor) -> torch.Tensor:
            n, m, _ = x.shape
            padded = torch.cat([x, x[:1].expand(rows - n, -1, -1)])
            filling = padded[:, :1].expand(-1, ceiling(m) - m, -1)
            padded = torch.cat([padded, filling], 1)
            if torch.is_grad_enabled() and self.is_recorded:
                # Each call has a graph of its own, so that each can be followed back once.
                outputs = self._recording(weights, padded).prepare(weights)(padded)
            elif self.is_recorded:
                width = padded.shape[1]
                if width not in prepared:
                    prepared[width] = self._recording(weights, padded).prepare(weights)
                outputs = prepared[width](padded)
            else:
                outputs = self._mapped(weights, padded)
            return outputs[:n, :m]

        return forward

    def check(self, probes: Sequence[tuple[torch.Tensor, torch.Tensor]]) -> None:
        """Stop using recordings where one differs from vmap, in its outputs or its gradient.

        Those of a module differ whose forward switches gradients off or computes them itself.

        Args:
            probes: pairs of weights (n, D) and observations (n, m, inputs).
        """
        try:
            self.is_recorded = all(self._is_equal(Theta, x) for Theta, x in probes)
        except ValueError:
            self.is_recorded = False

    def _is_equal(self, Theta: torch.Tensor, x: torch.Tensor) -> bool:  # noqa: N803
        outcomes = []
        with torch.inference_mode(False), torch.enable_grad():
            for self.is_recorded in (True, False):
                theta = Theta.clone().requires_grad_()
                outputs = self.bind(theta)(x.clone())
                (gradient,) = torch.autograd.grad(outputs.square().sum(), theta)
                outcomes.append((outputs.detach(), gradient))
        (outputs, gradient), (expected, expected_gradient) = outcomes
        return torch.equal(outputs, expected) and torch.allclose(
            gradient, expected_gradient, **CLOSE, equal_nan=True
        )

    def _recording(self, weights: Sequence[torch.Tensor], x: torch.Tensor) -> Recording:
        """Return the operations for tensors of these shapes."""
        shape = (x.shape[0], x.shape[1])
        if shape not in self._recordings:
            if len(self._recordings) == MOST_RECORDINGS:
                self._recordings.clear()
            with torch.inference_mode(False):
                copies = [weight.detach().clone() for weight in weights]
                self._recordings[shape] = Recording(self._mapped, copies, x.detach().clone())
        return self._recordings[shape]
