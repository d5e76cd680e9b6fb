"""The success curve that an estimate describes, averaged over seeds: for figures."""

from __future__ import annotations

import math

import numpy as np

from rlid.dimension.estimate import Estimate
from rlid.dimension.statistics import Floats
from rlid.dimension.threshold_model import averaged_scale


def fitted_success(estimate: Estimate, dims: Floats) -> Floats | None:
    """Return the probability of success at each d, averaged over seeds.

    The parameters are the posterior means of `threshold_model`, and the curve is one half at the
    posterior median of the half-point.

    Args:
        estimate: the estimate.
        dims: (n,) positive numbers.

    Returns:
        (n,) probabilities, or None where there is no fit, or where these parameters never reach
        one half.
    """
    half_point, scale, spread = estimate.half_point, estimate.scale, estimate.spread
    guess, lapse, never = estimate.guess, estimate.lapse, estimate.never
    if half_point is None or scale is None or spread is None:
        return None
    if guess is None or lapse is None or never is None:
        return None
    height = (1.0 - never) * (1.0 - guess - lapse)
    share = (0.5 - guess) / height
    if not 0.0 < share < 1.0:
        return None
    width = float(averaged_scale(scale, spread))
    centre = half_point - width * math.log(share / (1.0 - share))
    steps = np.clip((np.log(dims) - centre) / width, -40.0, 40.0)
    return np.asarray(guess + height / (1.0 + np.exp(-steps)))
