"""MNIST with the paper's fully connected network, which every other measurement is held against.

"Solving the inverted pendulum is 100 times easier than classifying digits from MNIST" (Li et al.
2018) is a ratio of two d_int90: this one stands below the fraction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rlid.measurement import Summary

TASK, NETWORK, AGENT = "mnist", "mlp:200x200", "adam"


@dataclass(frozen=True)
class Ratio:
    """A d_int90 over MNIST's; `is_above` where only a lower bound of the former is known.

    `is_least` is the other way round: only an upper bound is.
    `other_rule` is the rule that MNIST was judged by, where that is not the measurement's own.
    """

    value: float
    is_above: bool
    is_least: bool
    other_rule: str = ""

    def __str__(self) -> str:
        """Say it in two digits, for a table; a star marks another rule."""
        bound = "> " if self.is_above else "at most " if self.is_least else ""
        return f"{bound}{self.value:.2g}{'*' if self.other_rule else ''}"


def ratio(item: Summary, of_mnist: Sequence[Summary]) -> Ratio | None:
    """Return how a measurement compares with MNIST's, by the same rule where there is one.

    `of_mnist` are the measurements of MNIST there are; of several the one with most trials counts.
    None where there is none, or one of the two has no answer.
    """
    units = [
        other
        for other in of_mnist
        if (other.spec.network, other.spec.agent) == (NETWORK, AGENT)
        and other.estimate.d_int90 is not None
    ]
    found = item.estimate
    if not units or (found.d_int90 is None and not found.censored):
        return None
    unit = max(
        units, key=lambda other: (_rule(other) == _rule(item), len(other.records), other.path)
    )
    value = (found.d_int90 or found.dmax) / (unit.estimate.d_int90 or 1)
    other_rule = "" if _rule(unit) == _rule(item) else _rule(unit)
    return Ratio(value, found.censored, found.is_least, other_rule)


def _rule(item: Summary) -> str:
    """Return the rule by which it was judged; records from before rules were kept say nothing."""
    return item.records[0].rule or "normalised"
