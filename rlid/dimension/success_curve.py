"""Trials as the estimators see them, and the success curve: what happened at each d."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rlid.dimension.statistics import isotonic_crossing, quartiles


@dataclass(frozen=True)
class TrialOutcome:
    """One run as the estimator sees it.

    `success` is None where the run is missing: a fault of the environment or of the machine.
    `is_full` says that it ran its whole budget instead of stopping when it had solved the task,
    `cost` how many environment steps it took, None where that is not known.
    """

    d: int
    seed: int
    success: bool | None
    score: float | None
    is_full: bool = False
    cost: int | None = None


@dataclass(frozen=True)
class CurvePoint:
    """The trials at one d. Quartiles are of the scores; None where there are none.

    `n` counts the trials that are not missing. Heights may be compared between d only where
    `full == n`: a trial that stops early has the score of the moment when it had solved the task.
    """

    d: int
    n: int
    successes: int
    missing: int
    median: float | None
    q25: float | None
    q75: float | None
    full: int = 0


def checked(trials: Iterable[TrialOutcome], *, dmin: int, dmax: int) -> tuple[TrialOutcome, ...]:
    """Return the trials by rising d, then seed.

    Raises:
        ValueError: a pair (d, seed) occurs twice, or a d lies outside dmin..dmax.
    """
    if not 1 <= dmin <= dmax:
        raise ValueError(f"need 1 <= dmin <= dmax, got dmin={dmin} and dmax={dmax}")
    rows = tuple(sorted(trials, key=lambda trial: (trial.d, trial.seed)))
    for (d, seed), count in Counter((trial.d, trial.seed) for trial in rows).items():
        if count > 1:
            raise ValueError(f"{count} trials with d={d} and seed={seed}, at most one is allowed")
        if not dmin <= d <= dmax:
            raise ValueError(f"a trial has d={d}, outside {dmin}..{dmax}")
    return rows


def curve_of(trials: Iterable[TrialOutcome]) -> tuple[CurvePoint, ...]:
    """Return one point for each d that was tried, by rising d."""
    by_dim: dict[int, list[TrialOutcome]] = defaultdict(list)
    for trial in trials:
        by_dim[trial.d].append(trial)
    return tuple(_point(d, by_dim[d]) for d in sorted(by_dim))


def _point(d: int, trials: list[TrialOutcome]) -> CurvePoint:
    known = [trial for trial in trials if trial.success is not None]
    # A run that diverged has no score: it did worse than any that has one.
    q25, median, q75 = quartiles(
        [-math.inf if trial.score is None else trial.score for trial in known]
    )
    return CurvePoint(
        d=d,
        n=len(known),
        successes=sum(trial.success is True for trial in known),
        missing=len(trials) - len(known),
        median=median,
        q25=q25,
        q75=q75,
        full=sum(trial.is_full for trial in known),
    )


def first_crossing(curve: Iterable[CurvePoint]) -> int | None:
    """Return the smallest tried d that at least half of its seeds solved: the paper's own rule."""
    return next((point.d for point in curve if point.n and 2 * point.successes >= point.n), None)


def bracket_of(known: Sequence[TrialOutcome], dmin: int) -> tuple[int, int] | None:
    """Return the bracket of d_int90 where a few trials tell no more than that.

    That is so with one seed, and where all failures lie below all successes with untried d between
    them. The low end is the largest d below which nothing succeeded, the high end the smallest d
    from which everything did; where nothing failed, the low end is dmin.

    Args:
        known: the trials that are not missing.
        dmin: the smallest d that was open to the search.

    Returns:
        (low, high), or None where the trials tell more, or where none succeeded at the largest d.
    """
    solved = {trial.d for trial in known if trial.success}
    failed = {trial.d for trial in known if trial.success is False}
    above = [d for d in solved if d > max(failed, default=0)]
    if not above:
        return None
    low = max((d for d in failed if d < min(solved)), default=dmin)
    high = min(above)
    is_clean = bool(failed) and max(failed) < min(solved) and high - low > 1
    if len({trial.seed for trial in known}) == 1 or is_clean:
        return low, high
    return None


def grid_crossing(curve: tuple[CurvePoint, ...], seeds: int) -> int | None:
    """Return where the isotonic fit reaches one half, for a full grid alone; else None.

    None also where the fit stays below one half, or where some d lacks some of the seeds.
    """
    if len(curve) < 2 or any(point.n != seeds for point in curve):
        return None
    successes = [point.successes for point in curve]
    return isotonic_crossing([point.d for point in curve], successes, [seeds] * len(curve))
