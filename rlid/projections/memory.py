"""Refuses a projection that would not fit into memory, and names the kinds that would fit."""

from __future__ import annotations

import os
from pathlib import Path

from rlid.errors import DoesNotFit
from rlid.projections.kinds import PROJECTIONS

# Share of the memory that a projection may take; the network, gradients and data need the rest.
USABLE_SHARE = 0.8

_CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")
_MEMINFO = Path("/proc/meminfo")


def check_fits(kind: str, D: int, d: int, itemsize: int) -> None:
    """Refuse a projection that needs more than the usable memory while it is drawn.

    Args:
        kind: a name of `PROJECTIONS`.
        D: the number of weights.
        d: the dimension of the subspace.
        itemsize: bytes per number.

    Raises:
        DoesNotFit: it needs more; the message gives the size and the kinds that fit.
    """
    limit = USABLE_SHARE * available_bytes()
    # A bound for all kinds first: loading a kind takes seconds.
    if enough_for_any(D, d) <= limit:
        return
    needed = PROJECTIONS[kind].peak_bytes(D, d, itemsize)
    if needed <= limit:
        return
    fitting = [
        name
        for name in PROJECTIONS
        if not PROJECTIONS[name].is_square and PROJECTIONS[name].peak_bytes(D, d, itemsize) <= limit
    ]
    raise DoesNotFit(
        f"projection {kind!r} with D={D}, d={d} needs {needed / 1e9:.1f} GB of memory and "
        f"{limit / 1e9:.1f} GB may be used; these fit: {', '.join(fitting) or 'none'}"
    )


def enough_for_any(D: int, d: int) -> int:
    """Return an upper bound, in bytes, of what any kind needs to be drawn in float64."""
    return 2**28 + 64 * D * (d + 1)


def available_bytes() -> int:
    """Return the bytes of memory that are free now, at most the limit of the container."""
    if _MEMINFO.exists():
        fields = dict(line.split(":", 1) for line in _MEMINFO.read_text().splitlines())
        free = int(fields["MemAvailable"].split()[0]) * 1024
    else:
        free = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if _CGROUP_LIMIT.exists():
        limit = _CGROUP_LIMIT.read_text().strip()
        if limit.isdigit():
            free = min(free, int(limit))
    return free
