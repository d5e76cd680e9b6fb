"""Whether a repeated trial must come out the same here, and else whether its score fits."""

from __future__ import annotations

from collections.abc import Sequence

from rlid.leaderboard.known import known_of, versions_of
from rlid.leaderboard.published import Published
from rlid.records import PREFIX, card, overrides, versions
from rlid.store import this_machine

LEAST_NOISE = 0.25
"""Of the way from random to the threshold: scores that are this near each other do not differ."""
ANY_VERSION = {"rlid", "python"}
"""Entries of a record's versions on which the rounding of sums does not depend."""


def not_comparable(published: Published) -> str:
    """Return why trials may come out otherwise here though the file is honest; "" if they must not.

    Training follows the last bits of every sum, and these depend on the processor's instructions
    and on the versions of the libraries. Another version of the agent, or of the projection, is
    there because it does something else.
    """
    for what, measured, present in versions_of(published, known_of(published.question)):
        if measured != present:
            return f"measured with version {measured} of the {what}, repeated with {present}"
    here, there = this_machine().processor, published.machine.processor
    if here != there:
        return f"measured on {there}, repeated on {here}"
    mine = versions() | card(published.question.device)
    has_capability = False
    for listed in published.versions:
        for name, version in listed.items():
            has_capability |= name.startswith(PREFIX)
            if name not in ANY_VERSION and mine.get(name) != version:
                return f"measured with {name} {version}, repeated with {mine.get(name, 'none')}"
    limits = overrides()
    if limits and not has_capability:
        limit = ", ".join(f"{name}={value}" for name, value in limits.items())
        return f"repeated with {limit}"
    return ""


def is_within_noise(score: float, scores: Sequence[float], way: float) -> bool:
    """Whether a score may be one more draw of what gave other scores.

    A further draw is often outside the range of a few: it may be outside by as much as the range,
    and by a quarter of the way from random to the threshold where the others are nearly equal.

    Args:
        score: that of a repeated trial.
        scores: of similar trials.
        way: from the score of random actions to the threshold.
    """
    if not scores:
        return False
    low, high = min(scores), max(scores)
    margin = max(high - low, LEAST_NOISE * abs(way))
    return low - margin <= score <= high + margin
