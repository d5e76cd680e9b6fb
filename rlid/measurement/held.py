"""The trials of a plan that a store already holds: a run takes them as they are."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path

from rlid.dimension import TrialOutcome
from rlid.measurement.inference import as_trial
from rlid.measurement.plan import Plan
from rlid.measurement.reference import judge, stored_reference, why_again
from rlid.records import Judgement, judged
from rlid.store import Store, references

Held = Callable[[int, int], TrialOutcome | None]
"""Takes d and a seed; returns what the store holds of that trial, or None."""


def nothing_held(d: int, seed: int) -> TrialOutcome | None:
    """Return None: of a store without trials."""
    return None


def held_trials(plan: Plan, store: str | os.PathLike[str], *, retry: bool = False) -> Held:
    """Return what looks up a plan's trials in a store, which need not exist.

    Without a reference in the store nothing is known of the threshold, and no trial counts as held.
    A trial that is missing counts, unless the run is to `retry`: it does not repeat it by itself.

    Raises:
        StoreError: the store cannot be read.
    """
    judgement = _judgement(plan, Path(store))
    if judgement is None or not Path(store).is_dir():
        return nothing_held
    records, stop = Store(store), None if plan.is_full else judgement.threshold

    @cache
    def held(d: int, seed: int) -> TrialOutcome | None:
        record = records.get(plan.spec(d, seed, stop))
        if record is None or (retry and record.is_missing):
            return None
        return as_trial(judged(record, judgement))

    return held


def _judgement(plan: Plan, store: Path) -> Judgement | None:
    """Return what a run of the plan would judge by; None where it has to measure that first."""
    question = plan.question
    stored, _ = stored_reference(plan, store)
    if question.reference is not None:
        name = plan.network.architecture.name
        known = references.load_given(plan.task, name, store) or stored
        if known is None:
            return None
        return Judgement.of(
            question,
            random=known.random,
            full=question.reference,
            dmin=min(plan.dims),
            dmax=plan.dmax,
        )
    if stored is None or why_again(stored, plan):
        return None
    return judge(plan, stored, question.baseline)
