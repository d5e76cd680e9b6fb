"""`rlid.compare`: whether one measurement's task is harder than another's."""

from __future__ import annotations

from rlid.api.measurement import Measurement
from rlid.dimension import Comparison
from rlid.measurement import compare_summaries


def compare(a: Measurement, b: Measurement) -> Comparison:
    """Return whether A is harder than B: the ratio of d_int90, its interval, and a verdict.

    The errors of both references are part of the interval.

    Args:
        a: a measurement, of `measure` or of `load`.
        b: another one.

    Raises:
        TypeError: one of them is no measurement.
    """
    for given in (a, b):
        if not isinstance(given, Measurement):
            raise TypeError(
                f"compare takes two measurements, of rlid.measure or rlid.load, not {given!r:.80}"
            )
    return compare_summaries(a.summary, b.summary)
