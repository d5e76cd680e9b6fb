"""The d that are open to a search, and lists of d: "1,2,4", "1-10,12,16", "log:1-1000:12"."""

from __future__ import annotations

import re

from rlid.errors import InputError
from rlid.records import MeasurementSpec

MOST_DIMS = 10_000
"""The most d that a measurement may list."""
EXAMPLES = "use whole numbers, ranges, or steps even in log d, such as 1,2,4 or 1-10,12 or "
LOG_EXAMPLE = "log:1-1000:12"
_NUMBER = re.compile(r"[+-]?\d{1,15}", re.ASCII)
_RANGE = re.compile(r"(\d{1,15})-(\d{1,15})", re.ASCII)
_LOG = re.compile(r"log:(\d{1,15})-(\d{1,15}):(\d{1,5})", re.ASCII)


def read_dims(text: str) -> tuple[int, ...]:
    """Return the d that a text lists, in the order of the text, each once.

    Args:
        text: parts with commas between: a whole number, a range "1-10" (both ends included), or
            "log:1-1000:12", 12 whole numbers from 1 to 1000 with nearly even steps in log d
            (fewer where rounding makes two equal).

    Raises:
        InputError: a part is none of these, a range runs backwards, or there are too many d.
    """
    dims: dict[int, None] = {}
    for part in text.replace(" ", "").split(","):
        for d in _part(text, part):
            dims[d] = None
            if len(dims) > MOST_DIMS:
                raise InputError(f"--dims {text!r}: lists more than {MOST_DIMS:,} different d")
    return tuple(dims)


def _part(text: str, part: str) -> range | list[int]:
    if _NUMBER.fullmatch(part):
        return range(int(part), int(part) + 1)
    if limits := _RANGE.fullmatch(part):
        low, high = _ends(text, *limits.groups())
        return range(low, high + 1)
    if spaced := _LOG.fullmatch(part):
        low, high = _ends(text, *spaced.groups()[:2])
        number = int(spaced.group(3))
        if low < 1 or number < 2:
            raise InputError(f"--dims {text!r}: log: needs a first d of 1 or more, and 2 d or more")
        if number > MOST_DIMS:
            raise InputError(f"--dims {text!r}: lists more than {MOST_DIMS:,} different d")
        return [round(low * (high / low) ** (step / (number - 1))) for step in range(number)]
    raise InputError(f"--dims {text!r}: {EXAMPLES}{LOG_EXAMPLE}")


def _ends(text: str, low: str, high: str) -> tuple[int, int]:
    if int(low) > int(high):
        raise InputError(f"--dims {text!r}: the range {low}-{high} runs backwards")
    return int(low), int(high)


def dims_of(question: MeasurementSpec, weights: int) -> tuple[int, ...]:
    """Return every d that is open to the search, rising; `weights` is D.

    Raises:
        InputError: no d is given, or one is out of range or does not fit the projection.
    """
    dmax, dims = question.dmax, question.dims
    if question.projection == "identity":
        if dims is not None or (dmax is not None and dmax != weights):
            raise InputError(f"projection 'identity' has d = D = {weights} and no other")
        return (weights,)
    if dims is not None:
        if dims[-1] > weights:
            raise InputError(f"--dims: every d must be from 1 to D = {weights}")
        return dims
    if dmax is None:
        raise InputError(f"--dmax is needed: the largest d to try, from 1 to D = {weights}")
    if dmax > weights:
        raise InputError(f"--dmax {dmax}: must be from 1 to D = {weights}")
    return tuple(range(1, dmax + 1))
