"""Critics of many trials at once: where their weights live, and what is trained outside z.

- `full`: a network of its own outside the subspace, of the actor's hidden widths.
- `shared`: a linear head, outside the subspace, on the actor's last hidden layer.
- `subspace`: a network at theta_c0 + P_c z with the actor's own z; nothing is trained outside z.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from rlid.batched.settings import CriticMode
from rlid.batched.weights import SubspaceBatch
from rlid.errors import InputError
from rlid.networks import ModuleNetwork, Network, parse
from rlid.subspace import Subspace, make_subspace

DEFAULT_WIDTHS = (64, 64)
"""Hidden widths of the critic beside an actor that has none; stable-baselines3's own."""
SEEDS = 2**31
"""Seeds of a critic's start and projection lie below."""


class FullCritics:
    """Networks outside the subspace, with weights Phi (n, size)."""

    def __init__(self, actor: Network) -> None:
        """`actor` gives the inputs and the hidden widths."""
        if not actor.is_dense:
            self.network = replace(actor, outputs=1)
        else:
            self.network = _value_network(replace(actor, activation="tanh"))
        self.size = self.network.D

    def initial(self, rng: np.random.Generator) -> NDArray[np.float32]:
        """Draw a start (size,) as stable-baselines3 does: orthogonal layers, zero biases.

        The gain is sqrt(2) in hidden layers and 1 in the last. Convolutions and registered
        modules start as the actor's.
        """
        if not self.network.is_dense:
            return self.network.initial(int(rng.integers(SEEDS)))
        parts = []
        for index, layer in enumerate(self.network.layers):
            gain = 1.0 if index == len(self.network.layers) - 1 else math.sqrt(2)
            rows, columns = layer.weight_shape
            parts += [gain * _orthogonal(rng, rows, columns).ravel(), np.zeros(layer.outputs)]
        return np.concatenate(parts).astype(np.float32)

    def expand(self, W: torch.Tensor, Phi: torch.Tensor) -> torch.Tensor:  # noqa: N803
        """Return the weights (n, size), which are Phi."""
        return Phi

    def reduce(self, G: torch.Tensor) -> tuple[torch.Tensor | None, torch.Tensor]:  # noqa: N803
        """Return the gradients in W (None for zero) and Phi, from G (n, size) of the weights."""
        return None, G


class SharedCritics:
    """Linear heads Phi (n, width + 1) on the actors' last hidden layers."""

    def __init__(self, actor: Network) -> None:
        """Take the actor's last hidden width.

        Raises:
            InputError: the actor has no fully connected hidden layer, or is a registered module.
        """
        if not actor.architecture.hidden or isinstance(actor, ModuleNetwork):
            raise InputError(
                f"critic=shared needs a fully connected hidden layer, and network "
                f"{actor.architecture.name!r} has none to share: use critic=full"
            )
        self._head = Network(parse("linear"), actor.architecture.hidden[-1], 1)
        self.size = self._head.D

    def initial(self, rng: np.random.Generator) -> NDArray[np.float32]:
        """Draw a start (size,): an orthogonal head and a zero bias."""
        head = _orthogonal(rng, self._head.inputs, 1).ravel()
        return np.append(head, 0.0).astype(np.float32)


class SubspaceCritics:
    """Networks at theta_c0 + P_c z, with the actors' z; nothing is trained outside z."""

    size = 0

    def __init__(self, actor: Network, batch: SubspaceBatch) -> None:
        """`batch` has the critics' own subspaces, one for each trial."""
        self._actor, self.network, self._batch = actor, _value_network(actor), batch

    def keep(self, rows: Sequence[int]) -> SubspaceCritics:
        """Return the critics of these trials alone, in this order."""
        return SubspaceCritics(self._actor, self._batch.keep(rows))

    def expand(self, W: torch.Tensor, Phi: torch.Tensor) -> torch.Tensor:  # noqa: N803
        """Return the weights (n, D) at the trained tensor W (n, d_max)."""
        return self._batch.expand(W)

    def reduce(self, G: torch.Tensor) -> tuple[torch.Tensor | None, torch.Tensor]:  # noqa: N803
        """Return the gradients in W and Phi, which is empty, from G (n, D) of the weights."""
        return self._batch.reduce(G), G[:, :0]


Critics: TypeAlias = FullCritics | SubspaceCritics
"""Critics with a network of their own."""


def critic_subspace(actor: Network, d: int, rng: np.random.Generator) -> Subspace:
    """Draw the start and the projection of one trial's critic for critic=subspace.

    Raises:
        InputError: z has more entries than the critic has weights.
    """
    network = _value_network(actor)
    if d > network.D:
        raise _too_large(actor, d)
    return make_subspace(network, "onehot", d, int(rng.integers(SEEDS)))


def check_critic(actor: Network, critic: CriticMode, d: int) -> None:
    """Refuse a critic that cannot stand beside this actor in d dimensions.

    Raises:
        InputError: in one line, why.
    """
    if critic == "shared":
        SharedCritics(actor)
    if critic == "subspace" and d > _value_network(actor).D:
        raise _too_large(actor, d)


def numbers_outside(actor: Network, critic: CriticMode) -> int:
    """Return how many numbers are trained besides z, which d does not count."""
    if critic == "subspace":
        return 0
    return SharedCritics(actor).size if critic == "shared" else FullCritics(actor).size


def _too_large(actor: Network, d: int) -> InputError:
    return InputError(
        f"critic=subspace: the critic has {_value_network(actor).D} weights, fewer than d = {d}: "
        "use critic=full"
    )


def _value_network(actor: Network) -> Network:
    """Return the actor's network with a single output, or the default widths if it is linear."""
    widths = actor.architecture.hidden or DEFAULT_WIDTHS
    if not actor.is_dense:
        return replace(actor, outputs=1)
    return replace(actor, architecture=parse("mlp:" + "x".join(map(str, widths))), outputs=1)


def _orthogonal(rng: np.random.Generator, rows: int, columns: int) -> NDArray[np.float64]:
    """Draw a matrix with orthonormal rows or columns, uniformly (Mezzadri 2007)."""
    draws = rng.standard_normal((max(rows, columns), min(rows, columns)))
    q, r = np.linalg.qr(draws)
    q = q * np.sign(np.diag(r))
    return q if rows >= columns else q.T
