"""Refuses a projection that would not fit into memory, and says which kinds would."""

from __future__ import annotations

import os
from pathlib import Path

from rlid.errors import DoesNotFit
from rlid.projections.kinds import PROJECTIONS

# The rest is for the network, its gradients and the data.
USABLE_SHARE = 0.8

_CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")
_MEMINFO = Path("/proc/meminfo")


def check_fits(kind: str, D: int, d: int, itemsize: int) -> None:
    """Raise DoesNotFit when drawing `kind` would need more than the usable memory.

    `itemsize` is in bytes per number.
    """
    limit = USABLE_SHARE * available_bytes()
    # Without a look at the kind, which takes seconds to import.
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
    """Return bytes with which every kind can be drawn, in float64 too; few need nearly as many."""
    return 2**28 + 64 * D * (d + 1)


def available_bytes() -> int:
    """Return the memory in bytes that is free now, or may be had under the container's limit."""
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
