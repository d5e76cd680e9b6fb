"""The trials that an estimate rests on, and their posterior.

A trial succeeds or fails by a threshold that follows from the reference score. Where the
reference is uncertain, the same trials come out differently under each draw of it; the posterior
is then the mean of the draws' posteriors.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from rlid.dimension.lattice import pooled_dims
from rlid.dimension.posterior import Posterior, fit, mixture
from rlid.dimension.statistics import Floats
from rlid.dimension.success_curve import TrialOutcome, checked

Alternatives = Sequence[tuple[float, Sequence[TrialOutcome]]]
# (d, seed, success), rising; success is None where a draw leaves it open.
Known = tuple[tuple[int, int, bool | None], ...]


@dataclass(frozen=True)
class Evidence:
    """What is known.

    `trials` are by rising d, then seed. `draws` are the same trials in the same order under the
    draws of the reference, each with its weight; the weights sum to one.
    """

    trials: tuple[TrialOutcome, ...]
    draws: tuple[tuple[float, tuple[TrialOutcome, ...]], ...]
    dmin: int
    dmax: int

    def filled(self, success: bool) -> Evidence:
        """Return the evidence as it would be if all missing trials came out like that."""
        draws = tuple((weight, _filled(trials, success)) for weight, trials in self.draws)
        return replace(self, trials=_filled(self.trials, success), draws=draws)


def _filled(trials: Iterable[TrialOutcome], success: bool) -> tuple[TrialOutcome, ...]:
    return tuple(
        replace(trial, success=success) if trial.success is None else trial for trial in trials
    )


def evidence_of(
    trials: Iterable[TrialOutcome], *, dmin: int, dmax: int, alternatives: Alternatives = ()
) -> Evidence:
    """Return the checked evidence; arguments and errors as for `estimate`."""
    rows = checked(trials, dmin=dmin, dmax=dmax)
    if not alternatives:
        return Evidence(rows, ((1.0, rows),), dmin, dmax)
    pairs = [(trial.d, trial.seed) for trial in rows]
    draws = []
    for weight, members in alternatives:
        if not (math.isfinite(weight) and weight > 0.0):
            raise ValueError(f"the weight of an alternative must be positive, got {weight}")
        ordered = checked(members, dmin=dmin, dmax=dmax)
        if [(trial.d, trial.seed) for trial in ordered] != pairs:
            raise ValueError("an alternative must have the d and seeds of the trials")
        is_lost = [trial.success is None for trial in rows]
        if any(lost and t.success is not None for lost, t in zip(is_lost, ordered, strict=True)):
            raise ValueError("a missing trial must be missing in every alternative")
        draws.append((weight, ordered))
    total = math.fsum(weight for weight, _ in draws)
    return Evidence(rows, tuple((weight / total, row) for weight, row in draws), dmin, dmax)


def posterior_of(evidence: Evidence) -> Posterior:
    """Return the posterior; missing trials say nothing.

    A trial that is missing in a draw alone keeps its d: all draws have the same lattice.
    """
    is_known = [trial.success is not None for trial in evidence.trials]
    weights: dict[Known, float] = {}
    for weight, trials in evidence.draws:
        rows = zip(trials, is_known, strict=True)
        known = tuple((t.d, t.seed, t.success) for t, is_kept in rows if is_kept)
        weights[known] = weights.get(known, 0.0) + weight
    parts = [
        (weight, _cached_fit(known, evidence.dmin, evidence.dmax))
        for known, weight in weights.items()
    ]
    return parts[0][1] if len(parts) == 1 else mixture(parts)


# The search, the progress bar, the page and the comparison ask for the same posterior again.
@lru_cache(maxsize=512)
def _cached_fit(known: Known, dmin: int, dmax: int) -> Posterior:
    pooled = pooled_dims(sorted({d for d, _, _ in known}))
    dims = sorted(set(pooled.values()))
    seeds = sorted({seed for _, seed, _ in known})
    solved, failed = outcome_tables(
        [(pooled[d], seed, success) for d, seed, success in known if success is not None],
        dims,
        seeds,
    )
    return fit(np.asarray(dims), solved, failed, dmin=dmin, dmax=dmax)


def outcome_tables(
    known: Iterable[tuple[float, int, bool]], dims: Sequence[float], seeds: Sequence[int]
) -> tuple[Floats, Floats]:
    """Return how often each seed solved and failed each d: two arrays (seeds, dims)."""
    column = {d: index for index, d in enumerate(dims)}
    row = {seed: index for index, seed in enumerate(seeds)}
    tables = np.zeros((2, len(seeds), len(dims)))
    for d, seed, success in known:
        tables[0 if success else 1, row[seed], column[d]] += 1.0
    return tables[0], tables[1]
