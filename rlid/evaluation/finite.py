"""What an environment gives must be finite: observations, rewards, and what an episode earns."""

from __future__ import annotations

from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlid.errors import EnvironmentFault

LARGEST_RETURN = 1e150
"""Standard errors add up squares of returns, and float64 ends at 1.8e308."""
MARGIN = 1e8
"""What is left between the square of LARGEST_RETURN and the end of float64."""


def seems_finite(values: NDArray[Any]) -> bool:
    """Return whether no value is NaN or infinite; values whose squares overflow may seem so."""
    # One product is cheaper than a test of every entry.
    return values.dtype.kind != "f" or isfinite(np.vdot(values, values))


def check_finite(values: NDArray[np.floating], active: NDArray[np.bool_] | None = None) -> None:
    """Refuse NaN and infinity in the active slots of rewards (n,) or observations (n, size).

    Raises:
        EnvironmentFault: with status "nonfinite".
    """
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(values.sum()):
            return
    wrong = ~np.isfinite(values if active is None else values[active])
    if wrong.any():
        what = "a reward" if values.ndim == 1 else "an observation"
        raise EnvironmentFault(f"the environment gave {what} that is not finite", "nonfinite")


def check_returns(returns: NDArray[np.float64]) -> None:
    """Refuse returns (n,) of whole episodes that no mean can be taken of.

    Raises:
        EnvironmentFault: with status "nonfinite".
    """
    if isfinite(MARGIN * float(np.vdot(returns, returns))):
        return
    # A NaN, from rewards of both signs that overflow, fails the comparison too.
    is_small = np.abs(returns) <= LARGEST_RETURN
    if not is_small.all():
        raise EnvironmentFault(
            f"the rewards of an episode add up to {returns[~is_small][0]:g}: a return must be "
            f"between {-LARGEST_RETURN:g} and {LARGEST_RETURN:g}",
            "nonfinite",
        )
