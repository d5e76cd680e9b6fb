"""Whether a repeated trial must come out the same here, to the last bit."""

from __future__ import annotations

from rlid.leaderboard.published import Published
from rlid.records import PREFIX, card, overrides, versions
from rlid.store import this_machine

ANY_VERSION = {"rlid", "python"}
"""Entries of a record's versions on which the rounding of sums does not depend."""


def not_comparable(published: Published) -> str:
    """Return why trials may come out otherwise here though the file is honest; "" if they must not.

    Training follows the last bits of every sum, and these depend on the processor's instructions
    and on the versions of the libraries.
    """
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
