"""The subspace in which a policy is searched: z -> theta0 + P z (Li et al. 2018, equation 2)."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from rlid import projections
from rlid.networks import Network
from rlid.random_stream import role_seed

if TYPE_CHECKING:
    from rlid.projections import Projection


@dataclass(frozen=True)
class Subspace:
    """A frozen start theta0 (D,) and a projection P from R^d to R^D.

    P has unit-norm columns. An agent that is to move theta as it would without a subspace takes
    steps in z that are `scale` = sqrt(D/d) times as long.
    """

    theta0: torch.Tensor
    P: Projection

    @property
    def d(self) -> int:
        """The number of coordinates of z."""
        return self.P.d

    @property
    def D(self) -> int:  # noqa: N802 (the field's word)
        """The number of weights."""
        return self.P.D

    @property
    def scale(self) -> float:
        """sqrt(D/d): the length in z of a step that moves each weight by about one."""
        return math.sqrt(self.D / self.d)

    def theta(self, z: torch.Tensor) -> torch.Tensor:
        """Map z (d,) or (n, d) to weights (D,) or (n, D); differentiable in z."""
        return self.P(z, self.theta0)

    def theta_sha256(self, z: NDArray[np.floating]) -> str:
        """Return the SHA-256 of theta's float32 bytes (little endian) at z (d,)."""
        theta = self.theta(torch.as_tensor(z, dtype=self.theta0.dtype)).detach().numpy()
        return hashlib.sha256(theta.astype("<f4").tobytes()).hexdigest()


def make_subspace(network: Network, projection: str, d: int, seed: int) -> Subspace:
    """Draw the subspace of one trial: theta0 and P come from independent seeds by role.

    For one seed, the subspace for d lies inside that for any larger d, where the projection nests.

    Raises:
        ValueError: d is not from 1 to D, or the projection is unknown or too large for memory.
    """
    theta0 = torch.from_numpy(network.initial(role_seed(seed, "theta0")))
    P = projections.make(projection, D=network.D, d=d, seed=role_seed(seed, "projection"))
    return Subspace(theta0, P)
