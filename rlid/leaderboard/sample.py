"""Which trials of a published measurement are repeated, and what a forger would risk by it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rlid.leaderboard import known_reference
from rlid.leaderboard.published import Published, TrialRow
from rlid.records import MISSING

DECIDING_WEIGHT = 4.0
"""How many times as likely as another trial one that decides the answer is drawn."""
NEAR_THRESHOLD = 0.1
"""Scores this near to the threshold, as a share of the way from random to it, decide as well."""
FORGED_SHARES = (0.1, 0.5)
"""Shares of invented trials for which the chance of being caught is told."""
DRAWS = 4000
"""Simulated samples from which that chance is told."""


@dataclass(frozen=True)
class Sample:
    """What is repeated of a published measurement.

    Attributes:
        rows: trials of the search.
        direct: (agent, seed) of direct trainings, where the reference is the file's own.
        has_policy: whether the exported policy is played.
    """

    rows: tuple[TrialRow, ...]
    direct: tuple[tuple[str, int], ...]
    has_policy: bool

    def __len__(self) -> int:
        """How many trainings and policies are repeated."""
        return len(self.rows) + len(self.direct) + self.has_policy


def draw(published: Published, n: int, seed: int) -> Sample:
    """Draw n trials without replacement, or all where there are fewer.

    The order of the rows in the file does not matter. Missing trials are not drawn.
    """
    rows, direct, weights = _candidates(published)
    picked = set(_race(weights, n, np.random.default_rng(seed)).tolist())
    first = len(rows)
    return Sample(
        tuple(row for index, row in enumerate(rows) if index in picked),
        tuple(pair for index, pair in enumerate(direct, first) if index in picked),
        published.policy is not None and first + len(direct) in picked,
    )


def chances(published: Published, n: int) -> dict[float, float]:
    """Return the chance that a draw of n holds an invented trial, by the share of invented ones.

    It is the chance against a forger who knows the weights and invents the trials that are drawn
    most seldom, so that it holds for every forgery of that size.
    """
    weights = np.sort(_candidates(published)[2])
    rng = np.random.default_rng(0)
    invented = {share: max(1, round(share * len(weights))) for share in FORGED_SHARES}
    caught = dict.fromkeys(FORGED_SHARES, 0)
    for _ in range(DRAWS if len(weights) else 0):
        lowest = int(_race(weights, n, rng).min(initial=len(weights)))
        for share in FORGED_SHARES:
            caught[share] += lowest < invented[share]
    return {share: caught[share] / DRAWS for share in FORGED_SHARES}


def _candidates(
    published: Published,
) -> tuple[list[TrialRow], list[tuple[str, int]], NDArray[np.float64]]:
    """Return the rows, the direct trainings, and the weights of both and of the policy (n,)."""
    rows = sorted(
        (row for row in published.rows if row.status not in MISSING),
        key=lambda row: (row.d, row.seed),
    )
    record = published.reference_record
    is_own = not record.is_given and not known_reference.is_shipped(published)
    direct = [
        (direct.agent, trial.seed)
        for direct in (record.direct if is_own else [])
        for trial in direct.trials
        if trial.score is not None
    ]
    weights = [DECIDING_WEIGHT if _decides(published, row) else 1.0 for row in rows]
    others = len(direct) + (published.policy is not None)
    return rows, direct, np.asarray(weights + [DECIDING_WEIGHT] * others)


def _decides(published: Published, row: TrialRow) -> bool:
    """Whether the answer hangs on a row: solved at a low d, or a score near the threshold."""
    answer = published.answer
    middle = answer.d_int90 or (answer.bracket[1] if answer.bracket else published.dmax)
    if row.status == "solved" and row.d <= middle:
        return True
    score = row.score if row.deciding_score is None else row.deciding_score
    way = published.threshold - published.random
    return score is not None and abs(score - published.threshold) <= NEAR_THRESHOLD * abs(way)


def _race(weights: NDArray[np.float64], n: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Return n indices drawn in turn by weight, without replacement (Efraimidis, Spirakis 2006)."""
    times = rng.exponential(size=len(weights)) / weights
    return np.argsort(times, kind="stable")[:n]
