"""MNIST with the paper's fully connected network, which every other measurement is held against.

"Solving the inverted pendulum is 100 times easier than classifying digits from MNIST" (Li et al.
2018) is a ratio of two d_int90. The d_int90 of this measurement is the denominator.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rlid.measurement import Summary

TASK, NETWORK, AGENT = "mnist", "mlp:200x200", "adam"


@dataclass(frozen=True)
class Ratio:
    """A d_int90 over that of MNIST.

    Attributes:
        value: the ratio.
        is_above: whether it is only a lower bound, since d_int90 lies above dmax.
        is_least: whether it is only an upper bound, since no smaller d was open.
        is_beyond: whether d_int90 lies probably, and not surely, above dmax.
        other_rule: the rule that MNIST was judged by, where it is another one than that of the
            measurement; else "".
    """

    value: float
    is_above: bool
    is_least: bool
    other_rule: str = ""
    is_beyond: bool = False

    def __str__(self) -> str:
        """Return the ratio in two digits, for a table; a star marks another rule."""
        bound = "> " if self.is_above else "at most " if self.is_least else ""
        bound = f"probably {bound}" if self.is_beyond else bound
        return f"{bound}{self.value:.2g}{'*' if self.other_rule else ''}"


def ratio(summary: Summary, of_mnist: Sequence[Summary]) -> Ratio | None:
    """Return how a measurement compares with MNIST, judged by the same rule where possible.

    None without a measurement of MNIST that has a figure, and where the measurement has no answer
    or only a bracket.

    Args:
        summary: the measurement.
        of_mnist: all measurements of MNIST; of several that fit, the one with most trials counts.
    """
    units = [
        other
        for other in of_mnist
        if (other.spec.network, other.spec.agent) == (NETWORK, AGENT)
        and other.estimate.figure is not None
    ]
    estimate = summary.estimate
    has_answer = estimate.d_int90 is not None or estimate.censored
    if not units or not has_answer or estimate.bracket is not None:
        return None
    unit = max(
        units,
        key=lambda other: (_rule(other) == _rule(summary), len(other.records), other.path),
    )
    value = (estimate.d_int90 or estimate.dmax) / (unit.estimate.d_int90 or 1)
    other_rule = "" if _rule(unit) == _rule(summary) else _rule(unit)
    return Ratio(value, estimate.is_above, estimate.is_least, other_rule, estimate.is_beyond)


def _rule(summary: Summary) -> str:
    """Return the rule of success; records from before the rule was recorded were normalised."""
    return summary.records[0].rule or "normalised"
