"""Onehot projections of many trials as one index: every weight reads one entry of its trial's z."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from rlid.subspace import Subspace

LARGEST_D = 100_000
"""Weights of a network up to which the index, 8 bytes a weight, beats the projections' kernels."""


class OneHotRows:
    """theta0 + P z for n trials at once, with the bits of each trial's own projection."""

    def __init__(self, subspaces: Sequence[Subspace], d_max: int, device: torch.device) -> None:
        """Read the groups and signs of the trials' projections, all of which are onehot."""
        groups = np.stack([s.P.groups().astype(np.int64) for s in subspaces])  # type: ignore[attr-defined]
        self._drawn = groups
        signs = [subspace.P.integers()[1].astype(np.float32) for subspace in subspaces]
        self._groups = torch.from_numpy(groups).to(device)
        self._signs = torch.from_numpy(np.stack(signs)).to(device)
        self._starts = torch.stack([subspace.theta0 for subspace in subspaces]).to(device)
        scales = torch.zeros(len(subspaces), d_max)
        for row, subspace in enumerate(subspaces):
            sizes = np.bincount(groups[row], minlength=subspace.d)
            scale = (1 / np.sqrt(sizes)).astype(np.float32)
            scales[row, : subspace.d] = torch.from_numpy(scale)
        self._scales = scales.to(device)
        self._members: torch.Tensor | None = None
        if device.type != "cpu":
            self.tabulate()

    def tabulate(self) -> None:
        """Make the table of the weights of every group, from which `reduce` sums from now on.

        A GPU scatters by atomic additions, whose order changes; the table has one order.
        """
        table = _members(self._drawn, self._scales.shape[1])
        self._members = torch.from_numpy(table).to(self._groups.device)

    def expand(self, Z: torch.Tensor) -> torch.Tensor:  # noqa: N803
        """Map Z (n, d_max) to weights (n, D)."""
        entries = (Z * self._scales).gather(1, self._groups)
        return torch.addcmul(self._starts, entries, self._signs)

    def reduce(self, G: torch.Tensor) -> torch.Tensor:  # noqa: N803
        """Map gradients G (n, D) to P^T G (n, d_max)."""
        signed = G * self._signs
        if self._members is None:
            sums = torch.zeros_like(self._scales).scatter_add_(1, self._groups, signed)
            return sums.mul_(self._scales)
        padded = torch.nn.functional.pad(signed, (0, 1))
        n, d_max, largest = self._members.shape
        gathered = padded.gather(1, self._members.flatten(1)).view(n, d_max, largest)
        return gathered.sum(2).mul_(self._scales)


def _members(groups: NDArray[np.int64], d_max: int) -> NDArray[np.int64]:
    """Return the weights of every group, (n, d_max, largest group), filled up with D."""
    largest = max(int(np.bincount(row).max()) for row in groups)
    table = np.full((len(groups), d_max, largest), len(groups[0]))
    for row, own in enumerate(groups):
        order = np.argsort(own, kind="stable")
        sizes = np.bincount(own)
        firsts = np.repeat(np.cumsum(sizes) - sizes, sizes)
        table[row, own[order], np.arange(len(own)) - firsts] = order
    return table


def fits_one_index(subspaces: Sequence[Subspace]) -> bool:
    """Whether all projections are onehot, of networks that are small enough for an index."""
    kinds = {subspace.P.kind for subspace in subspaces}
    return kinds == {"onehot"} and subspaces[0].D <= LARGEST_D
