"""The random score of a published measurement, played again on the same episodes."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from rlid.engine import LocalEngine, random_scores
from rlid.errors import EngineError
from rlid.leaderboard import known_reference
from rlid.leaderboard.known import known_of
from rlid.leaderboard.published import Published
from rlid.leaderboard.rerun import ended_after
from rlid.measurement import RANDOM_EPISODES
from rlid.records import REFERENCE_SEED
from rlid.registry import import_packages

CHEAP_STEPS = 2_000_000
"""Environment steps up to which random actions are played again; they take about a minute."""


def is_cheap(published: Published) -> bool:
    """Whether the random score is known from no shipped reference, and is soon played again."""
    task = known_of(published.question).task
    is_known = known_reference.knows_random(published)
    return not is_known and RANDOM_EPISODES * task.episode_cap <= CHEAP_STEPS


def problems(
    published: Published, imports: Sequence[str] = (), max_hours: float | None = None
) -> list[str]:
    """Play random actions again; return how their score differs, in one line, or nothing.

    Args:
        published: the measurement.
        imports: packages that register the task.
        max_hours: the most hours that it may take.

    Raises:
        EngineError: it took longer.
    """
    import_packages(imports)
    task, record = known_of(published.question).task, published.reference_record
    arguments = (task.name, tuple(imports), REFERENCE_SEED, RANDOM_EPISODES)
    with LocalEngine(1, task.patience) as engine, ended_after(max_hours):
        try:
            scores = engine.call(random_scores, *arguments, range(RANDOM_EPISODES))
        except EngineError as failure:
            return [f"random actions: they could not be played here: {failure}"]
    mean = statistics.fmean(scores)
    error = statistics.stdev(scores) / math.sqrt(len(scores)) if len(scores) > 1 else 0.0
    if known_reference.is_one_score(record.random, record.random_error, mean, error):
        return []
    return [f"random actions: their score is {mean:.6g} here, not {record.random:.6g}"]
