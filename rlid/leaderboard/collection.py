"""A folder of published measurements, read and verified: what does not hold is refused by name."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rlid.errors import DamagedRecord
from rlid.leaderboard import publish as publisher
from rlid.leaderboard.published import MAX_BYTES, Published
from rlid.leaderboard.verify import Verdict, verdict_of
from rlid.records import versions
from rlid.store import read_limited

SUFFIXES = (".json", ".safetensors", ".rlid")
"""Files that a verdict rests on."""
_verdicts: dict[str, Verdict] = {}
"""Verdicts of this process, by the content of the files that they rest on."""


@dataclass(frozen=True)
class Collection:
    """What a folder of published measurements holds.

    Attributes:
        published: the measurements that hold, ordered by file name.
        refused: one line for each file that does not, with its path and the reason.
        readable: how many files are published measurements, whether or not they hold.
    """

    published: tuple[Published, ...]
    refused: tuple[str, ...]
    readable: int = 0


def load(folder: Path) -> Collection:
    """Read and verify every published measurement below a folder; bad files stop no other.

    A file is refused where `verify` finds it inconsistent, where it does not lie at the path that
    `rlid publish` gives it, where its path has a link, and where another file holds the same
    measurement.
    """
    published: dict[str, Published] = {}
    refused: list[str] = []
    readable = 0
    for source in sorted(folder.glob("*/*.json")):
        try:
            measurement = publisher.read(source)
        except DamagedRecord as error:
            refused.append(str(error))
            continue
        readable += 1
        reasons = list(_misplaced(measurement, source, folder)) or list(
            _verdict(measurement, source).problems
        )
        if not reasons and measurement.sha256 in published:
            reasons = ["another file has the same digest"]
        if reasons:
            more = f" (and {len(reasons) - 1} more)" if len(reasons) > 1 else ""
            refused.append(f"{source}: {reasons[0]}{more}")
        else:
            published[measurement.sha256] = measurement
    return Collection(tuple(published.values()), tuple(refused), readable)


def _misplaced(published: Published, source: Path, folder: Path) -> Iterator[str]:
    expected = publisher.path(published, folder)
    if os.path.normpath(expected) != os.path.normpath(source):
        yield f"`rlid publish` names it {expected.relative_to(folder)}"
    if source.parent.is_symlink():
        yield "its folder is a link"


def _verdict(published: Published, source: Path) -> Verdict:
    """Return the verdict on a file, derived once for one content of it and of what lies beside."""
    content = hashlib.sha256(repr(sorted(versions().items())).encode())
    for suffix in SUFFIXES:
        try:
            data = read_limited(source.with_suffix(suffix), MAX_BYTES)
            content.update(hashlib.sha256(data).digest())
        except (OSError, DamagedRecord) as error:
            content.update(type(error).__name__.encode())
    key = f"{source.name} {content.hexdigest()}"
    if key not in _verdicts:
        _verdicts[key] = verdict_of(published, source)
    return _verdicts[key]
