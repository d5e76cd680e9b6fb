"""Many policies that act at once, each by a network of its own."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from rlid.evaluation.two_actions import TwoActions, place
from rlid.networks import Chain, ModuleNetwork, Network
from rlid.simulators import Decode, decoder


class Policies(Protocol):
    """Policies in rows 0, 1, ...; what a row does depends on its weights and observations alone."""

    mixes: bool
    """Whether rows may act in differently many slots each."""

    def put(self, rows: NDArray[np.intp], thetas: list[torch.Tensor], n: int) -> None:
        """Put policies with weights (D,) each into rows; from now on there are n rows."""

    def act(
        self,
        observations: NDArray[Any],
        slots: NDArray[np.intp],
        ends: NDArray[np.intp],
        active: NDArray[np.bool_],
        actions: NDArray[Any],
    ) -> NDArray[Any]:
        """Write the actions of every row into its slots.

        Args:
            observations: of all slots (S, inputs).
            slots: of the rows (cells,): row i has slots[ends[i - 1] : ends[i]].
            ends: where each row's slots end (rows,).
            active: of all slots (S,); in an inactive slot any action will do.
            actions: of all slots (S, *action shape), to be written into, or an empty array.

        Returns:
            `actions`, or a new array where that was empty.
        """


def make_policies(network: Network, space: Any, action: str) -> Policies:
    """Return an empty batch of policies with this network and action space.

    Policies that choose between two actions get the fast way, where it makes the same choices.
    """
    from gymnasium.spaces import Discrete

    if isinstance(network, ModuleNetwork) and network.chain is not None:
        policies = make_policies(network.chain.network, space, action)
        return _Reordered(policies, network.chain)
    is_choice = isinstance(space, Discrete) and space.n == 2 and space.dtype == np.int64
    is_smooth = network.activation == "tanh" or len(network.layers) == 1
    if is_choice and is_smooth and network.is_dense and network.byte_scale == 1:
        return TwoActions(network, int(space.start))
    return _Exact(network, decoder(space, action)[1])


class _Reordered:
    """Policies of a module that acts as a built-in network does, with its weights reordered."""

    def __init__(self, policies: Policies, chain: Chain) -> None:
        self._policies, self._chain = policies, chain
        self.mixes, self.act = policies.mixes, policies.act

    def put(self, rows: NDArray[np.intp], thetas: list[torch.Tensor], n: int) -> None:
        self._policies.put(rows, [self._chain.weights(theta) for theta in thetas], n)


class _Exact:
    """Policies that act by `Network.bind`."""

    mixes = False

    def __init__(self, network: Network, decode: Decode) -> None:
        self._network, self._decode = network, decode
        self._thetas: list[torch.Tensor] = []

    def put(self, rows: NDArray[np.intp], thetas: list[torch.Tensor], n: int) -> None:
        place(self._thetas, rows, thetas, n)
        self._bound: Any = self._network.bind(torch.stack(self._thetas)) if n else None

    def act(
        self,
        observations: NDArray[Any],
        slots: NDArray[np.intp],
        ends: NDArray[np.intp],
        active: NDArray[np.bool_],
        actions: NDArray[Any],
    ) -> NDArray[Any]:
        x = torch.from_numpy(observations.take(slots.reshape(len(ends), -1), 0))
        outputs: torch.Tensor = self._bound(x)
        chosen = self._decode(outputs.reshape(slots.size, -1).numpy())
        if len(actions) == 0:
            # Idle slots get an action too, which nothing reads.
            actions = np.empty((len(observations), *chosen.shape[1:]), chosen.dtype)
            actions[:] = chosen[0]
        actions[slots] = chosen
        return actions
