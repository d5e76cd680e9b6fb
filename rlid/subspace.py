"""The subspace that an agent searches: theta = theta0 + P z (Li et al. 2018, equation 2)."""

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
    """A frozen start theta0 (D,) and a projection P from R^d to R^D with unit-norm columns.

    An agent moves theta as far as in direct training when its steps in z are `scale` = sqrt(D/d)
    times as long.
    """

    theta0: torch.Tensor
    P: Projection

    @property
    def d(self) -> int:
        """The number of coordinates of z."""
        return self.P.d

    @property
    def D(self) -> int:
        """The number of weights."""
        return self.P.D

    @property
    def scale(self) -> float:
        """sqrt(D/d): a step of this length in every entry of z moves every weight by about one."""
        return math.sqrt(self.D / self.d)

    def theta(self, z: torch.Tensor) -> torch.Tensor:
        """Map z (d,) or (n, d) to weights (D,) or (n, D); the map is differentiable in z."""
        return self.P(z, self.theta0)

    def theta_sha256(self, z: NDArray[np.floating]) -> str:
        """Return the SHA-256 of theta's float32 bytes (little endian) at z (d,)."""
        theta = self.theta(torch.as_tensor(z, dtype=self.theta0.dtype)).detach().numpy()
        return hashlib.sha256(theta.astype("<f4").tobytes()).hexdigest()


def make_subspace(network: Network, projection: str, d: int, seed: int) -> Subspace:
    """Draw the subspace of one trial, theta0 and P from independent seeds.

    For one seed, the subspace of d lies inside that of any larger d if the projection nests.

    Args:
        network: gives theta0 and D.
        projection: a name of `PROJECTIONS`.
        d: the dimension of the subspace, 1 <= d <= D.
        seed: the trial's seed, at least 0.

    Raises:
        InputError: d is out of range, or the projection is unknown or too large for memory.
    """
    theta0 = torch.from_numpy(network.initial(role_seed(seed, "theta0")))
    P = projections.make(projection, D=network.D, d=d, seed=role_seed(seed, "projection"))
    return Subspace(theta0, P)
