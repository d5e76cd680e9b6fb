"""Learning curves of a published measurement as CSV: one line for each validation of a trial.

They lie beside the published file, which holds no curves, so that figures can be drawn anew from
the folder of results alone. No answer rests on them, and no digest covers them.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from rlid.errors import DamagedRecord
from rlid.leaderboard.published import is_possible
from rlid.records import MAX_D, REFERENCE_SEED, Record
from rlid.store import read_limited

ENDING = "-curves.csv"
COLUMNS = ["d", "seed", "steps", "score", "source"]
SOURCES = ("trial", "figure")
"""Where a point comes from: the record of a trial, or an earlier figure that it was read from.

Of a curve that was read from a figure, points that lie on a straight line may be missing.
"""
MAX_BYTES = 16 * 1024 * 1024
MAX_POINTS = 200_000
"""Points of one file; drawing more takes minutes."""
MAX_STEPS = 10**15
"""The largest budget of a trial."""

Curves = Mapping[tuple[int, int], Sequence[tuple[int, float]]]
"""Points (steps, score) by (d, seed)."""


def path_beside(target: Path) -> Path:
    """Return the path of the curves that lie beside a published file or its page."""
    return target.with_name(f"{target.stem}{ENDING}")


def dump(curves: Curves, source: str = "trial") -> str:
    """Return the text of the file, by rising d, seed and steps.

    Args:
        curves: the points of every trial.
        source: one of `SOURCES`.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for (d, seed), points in sorted(curves.items()):
        writer.writerows([d, seed, steps, score, source] for steps, score in points)
    return out.getvalue()


def of_records(records: Sequence[Record]) -> dict[tuple[int, int], list[tuple[int, float]]]:
    """Return the curves of records; a record without one is left out."""
    return {
        (record.spec.d, record.spec.seed): [(steps, score) for steps, score in record.curve]
        for record in records
        if record.curve
    }


def load(path: Path) -> dict[tuple[int, int], list[tuple[int, float]]]:
    """Read learning curves.

    Raises:
        DamagedRecord: the file is none of them; the message names it and the line.
        OSError: it cannot be read.
    """
    try:
        lines = list(csv.reader(io.StringIO(read_limited(path, MAX_BYTES).decode())))
    except (UnicodeDecodeError, csv.Error) as error:
        raise DamagedRecord(f"{path}: {error}") from None
    if not lines or lines[0] != COLUMNS:
        raise DamagedRecord(f"{path}: the first line must be {','.join(COLUMNS)}")
    if len(lines) > MAX_POINTS + 1:
        raise DamagedRecord(f"{path}: more than {MAX_POINTS:,} points")
    curves: dict[tuple[int, int], list[tuple[int, float]]] = {}
    for number, line in enumerate(lines[1:], start=2):
        try:
            d, seed, steps = map(int, line[:3])
            score = float(line[3])
        except (ValueError, IndexError):
            raise DamagedRecord(f"{path}: line {number} is not d, seed, steps, score") from None
        is_of_trial = 1 <= d <= MAX_D and 0 <= seed < REFERENCE_SEED and 0 <= steps <= MAX_STEPS
        if not is_of_trial or not is_possible(score):
            raise DamagedRecord(f"{path}: line {number} has a number that no trial has")
        curves.setdefault((d, seed), []).append((steps, score))
    return curves


def joined(records: Sequence[Record], curves: Curves) -> list[Record]:
    """Return the records with their curves; those without one stay as they are."""
    return [
        record.model_copy(update={"curve": list(curves[record.spec.d, record.spec.seed])})
        if (record.spec.d, record.spec.seed) in curves
        else record
        for record in records
    ]
