"""The fitted success curve, averaged over seeds: what a figure draws through the trials."""

from __future__ import annotations

import numpy as np

from rlid.dimension.answer import Estimate
from rlid.dimension.statistics import Floats
from rlid.dimension.threshold_model import averaged_scale


def fitted_curve(estimate: Estimate, dims: Floats) -> Floats | None:
    """Return the success probability at each d, (n,) -> (n,), by the posterior's means.

    The curve passes through one half at the estimate's half-point. None where there is no trial,
    or where the means describe a curve that never reaches one half.
    """
    half_point, scale, spread = estimate.half_point, estimate.scale, estimate.spread
    guess, lapse, never = estimate.guess, estimate.lapse, estimate.never
    if half_point is None or scale is None or spread is None:
        return None
    if guess is None or lapse is None or never is None:
        return None
    height = (1.0 - never) * (1.0 - guess - lapse)
    share = (0.5 - guess) / height
    if share >= 1.0:
        return None
    width = float(averaged_scale(scale, spread))
    centre = half_point - width * float(np.log(share / (1.0 - share)))
    steps = np.clip((centre - np.log(dims)) / width, -40.0, 40.0)
    return np.asarray(guess + height / (1.0 + np.exp(steps)))
