"""Names of files and folders that follow from those of tasks, networks and measurements."""

from __future__ import annotations

import hashlib
import re

LONGEST_SLUG = 100
_UNSAFE = re.compile(r"[^A-Za-z0-9_.=+-]+")


def slug(name: str) -> str:
    """Return `name` as a file name; different names may give one slug."""
    return _safe(name)[:LONGEST_SLUG] or "_"


def distinct_slug(name: str) -> str:
    """Return `name` as `slug` does; one that is too long ends with a digest of all of it.

    What tells two names apart may be their ends, such as the digests of measurements.
    """
    if len(_safe(name)) <= LONGEST_SLUG:
        return slug(name)
    return f"{slug(name)}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def _safe(name: str) -> str:
    return _UNSAFE.sub("_", name).strip(".")
