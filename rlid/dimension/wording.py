"""An answer in a few words, the same in every text, table and page.

Each function takes plain numbers, so that an estimate and a row of a table are worded alike.
"""

from __future__ import annotations

NO_D_EXCLUDED = "no d excluded"
"""An interval that is open at both ends: the trials exclude no d."""


def figure_in_words(
    d_int90: int | None, *, dmax: int | None, is_beyond: bool = False, is_least: bool = False
) -> str:
    """Return d_int90 in words: "7", "at most 20", "> 100" or "probably > 100".

    Args:
        d_int90: the figure; None where it lies above dmax.
        dmax: the largest d that was open to the search.
        is_beyond: whether it lies probably, and not surely, above dmax.
        is_least: whether no smaller d was open to the search, or tried.
    """
    if is_beyond:
        return f"probably > {dmax:,}"
    if d_int90 is None:
        return f"> {dmax:,}"
    return f"at most {d_int90:,}" if is_least else f"{d_int90:,}"


def interval_in_words(
    low: int | None, high: int | None, *, dmax: int | None, is_open_below: bool = False
) -> str:
    """Return an interval of d in words; "" where none is claimed.

    The forms are "3-8", "only 3", "3 or more", "8 or less", "above 64" and "no d excluded".

    Args:
        low: the smallest d inside; None where no interval is claimed.
        high: the largest d inside; None where the interval is open above dmax.
        dmax: the largest d that was open to the search; None where it is not known.
        is_open_below: whether the interval reaches below the smallest d that was open.
    """
    if low is None:
        return ""
    if high is None:
        if dmax is not None and low > dmax:
            return f"above {dmax:,}"
        return NO_D_EXCLUDED if is_open_below or low == 1 else f"{low:,} or more"
    if is_open_below:
        return f"{high:,} or less"
    return f"only {low:,}" if low == high else f"{low:,}-{high:,}"


def bracket_in_words(low: int, high: int) -> str:
    """Return a bracket in words: "3,000-10,000", or "3" where both ends are one d."""
    return f"{low:,}" if low == high else f"{low:,}-{high:,}"
