"""The trials that the search of a published measurement would have asked for."""

from __future__ import annotations

import time
from collections.abc import Iterator

from rlid.dimension import TrialOutcome, make_search
from rlid.errors import InputError
from rlid.leaderboard.published import Published, bounds
from rlid.measurement import Summary, as_trial
from rlid.records import PREFIX

REPLAY_SECONDS = 120.0
"""Processor time for a replay; a search of a hundred trials takes a few seconds."""
Pair = tuple[int, int]


def problems(published: Published, summary: Summary) -> Iterator[str]:
    """Yield where the rows are not those that the search asks for, given their outcomes.

    The search is deterministic. A larger limit of trials may have been used than the question
    names, so that rows may be those of the same search, continued.
    """
    rows = {(row.d, row.seed) for row in published.rows}
    question = published.question
    low, high = bounds(question, published.D)
    wanted = question.seeds * len(question.dims or range(low, high + 1))
    if question.search == "grid" and wanted != len(rows):
        # Not drawn up: a few bytes can ask for a grid of any size.
        yield f"a grid of {wanted} trials has {len(rows)} rows"
        return
    asked, missing = _replay(published, summary, published.question.max_trials)
    if missing is None and rows - asked:
        asked, missing = _replay(published, summary, len(rows))
    if missing is not None and may_be_first_bisection(published):
        asked, missing = _replay(published, summary, published.question.max_trials, is_first=True)
    if missing is not None:
        yield f"the search asks for d = {missing[0]}, seed {missing[1]}: no such row"
        return
    for d, seed in sorted(rows - asked):
        yield f"d = {d}, seed {seed}: the search never asks for it"


def is_first_bisection(published: Published, summary: Summary) -> bool:
    """Whether the rows are of the bisection of rlid 0.1, which did not try the largest d."""
    if not may_be_first_bisection(published):
        return False
    missing = _replay(published, summary, None)[1]
    return missing is not None and _replay(published, summary, None, is_first=True)[1] is None


def may_be_first_bisection(published: Published) -> bool:
    """Whether a bisection may be that of rlid 0.1: nothing in the file is of a later version."""
    # Records name the processor's instructions since the bisection tries the largest d.
    is_later = published.origin is not None or published.common.get("stopping") == "confirmed"
    names = {name for listed in published.versions for name in listed}
    has_versions = bool(published.versions) and all("rlid" in each for each in published.versions)
    is_old = not is_later and has_versions and not any(name.startswith(PREFIX) for name in names)
    return is_old and published.question.search == "bisect"


def _replay(
    published: Published, summary: Summary, max_trials: int | None, *, is_first: bool = False
) -> tuple[set[Pair], Pair | None]:
    """Run the search on the outcomes of the rows.

    Args:
        published: the measurement.
        summary: its rows, judged.
        max_trials: the limit of the search.
        is_first: whether the largest d may be in no row, as after the bisection of rlid 0.1.

    Returns:
        The pairs (d, seed) that it asked for, and the first that is in no row.

    Raises:
        InputError: it takes longer than REPLAY_SECONDS.
    """
    started = time.process_time()
    question = published.question
    search = make_search(
        question.search,
        dmax=published.dmax,
        dims=question.dims or (None if question.dmax else (published.D,)),
        seeds=range(question.seed, question.seed + question.seeds),
        precision=question.precision,
        max_trials=max_trials,
        round_size=question.round_size,
    )
    outcome = {(record.spec.d, record.spec.seed): as_trial(record) for record in summary.records}
    so_far: list[Pair] = []
    while pairs := search.next_round([outcome[pair] for pair in so_far]):
        if time.process_time() - started > REPLAY_SECONDS:
            raise InputError(f"the search was not replayed within {REPLAY_SECONDS:g} seconds")
        for pair in pairs:
            if pair not in outcome and is_first and pair[0] == published.dmax:
                outcome[pair] = TrialOutcome(*pair, success=None, score=None)
            if pair not in outcome:
                return set(so_far), pair
        so_far += pairs
    return set(so_far), None
