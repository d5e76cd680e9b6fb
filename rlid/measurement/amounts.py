"""Amounts in words: times such as "1 h 12 min", sizes in bytes, and the steps of a kind of task."""

from __future__ import annotations

MINUTE, HOUR, DAY = 60, 3600, 86_400
"""Seconds."""
UNITS = ("bytes", "kB", "MB", "GB", "TB")
STEPS = {"rl": "environment step", "supervised": "training step", "synthetic": "step"}
"""What a step of a task is called, by the task's kind."""


def duration(seconds: float) -> str:
    """Return a time in its two largest units: "0.4 s", "59 s", "3 min 5 s", "1 h 12 min"."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    rounded = round(seconds)
    if rounded < MINUTE:
        return f"{rounded} s"
    if rounded < HOUR:
        return _two(rounded, MINUTE, "min", 1, "s")
    if rounded < DAY - MINUTE // 2:
        return _two(rounded, HOUR, "h", MINUTE, "min")
    return _two(rounded, DAY, "d", HOUR, "h")


def _two(seconds: int, large: int, large_name: str, small: int, small_name: str) -> str:
    """Return whole seconds in a large and a small unit; the small one is left out where it is 0."""
    count, rest = divmod(round(seconds / small), large // small)
    return f"{count:,} {large_name} {rest} {small_name}" if rest else f"{count:,} {large_name}"


def size(number: float) -> str:
    """Return a number of bytes in words: "1 byte", "812 bytes", "1.5 GB"."""
    power = 0
    while number >= 999.5 and power < len(UNITS) - 1:
        number, power = number / 1000, power + 1
    if power == 0:
        return "1 byte" if round(number) == 1 else f"{number:.0f} bytes"
    return f"{number:.3g} {UNITS[power]}"


def steps_noun(kind: str) -> str:
    """Return what a step of a task of this kind is called, in the singular."""
    return STEPS.get(kind, "step")
