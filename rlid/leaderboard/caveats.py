"""Every warning that belongs to a published measurement, one sentence each."""

from __future__ import annotations

from rlid.leaderboard.assessment import Assessment
from rlid.leaderboard.row import LeaderboardRow
from rlid.records import MERGED_FROM, MISSING


def caveats(assessment: Assessment, row: LeaderboardRow, is_chosen: bool) -> list[str]:
    """Return what a reader of the answer must know.

    Args:
        assessment: the measurement.
        row: its row of the leaderboard.
        is_chosen: whether it stands in the table; another measurement of the same thing does
            otherwise.
    """
    published, estimate = assessment.published, assessment.estimate
    texts = []
    if row.edition:
        texts.append(
            "First edition: one noisy look could end a trial unsolved, so that d_int90 may be too "
            "large. It is to be measured again."
        )
    if row.improving:
        are = "trial was" if row.improving == 1 else "trials were"
        texts.append(
            f"Budget-limited: {row.improving} unsolved {are} still improving near d_int90 when the "
            "budget ended, so that a larger budget may give a smaller d_int90."
        )
    if row.provisional_because:
        texts.append(f"Provisional: {row.provisional_because}.")
    if row.budget is not None and not row.is_own_budget:
        texts.append(f"The budget of {row.budget:,} steps is not the task's own.")
    if row.settings:
        texts.append(f"Settings that are not the task's own: {row.settings}.")
    if row.reference_source:
        texts.append(f"The reference was given by a user: {row.reference_source}.")
    reference = published.reference_record
    if not row.reference_source and reference.stopping == "look" and published.kind == "rl":
        texts.append("Direct training for the reference followed the rule of the first edition.")
    if reference.best is not None and reference.budget < (row.budget or 0):
        texts.append(
            f"The reference had a budget of {reference.budget:,} steps, a trial {row.budget:,}."
        )
    if estimate.is_least:
        texts.append(f"No d below {estimate.d_int90:,} was tried, so that d_int90 may be smaller.")
    if estimate.censored and not estimate.is_beyond:
        texts.append(f"No d up to {estimate.dmax:,} solves it for half of all seeds.")
    if estimate.is_beyond:
        texts.append(
            f"d_int90 lies above {estimate.dmax:,}, the largest d that was open, with probability "
            f"{estimate.probability_above_dmax:.2f}."
        )
    sources = {row.notes.get(MERGED_FROM) for row in published.rows} - {None}
    if sources:
        merged = sum(MERGED_FROM in row.notes for row in published.rows)
        files = "a published file" if len(sources) == 1 else f"{len(sources)} published files"
        texts.append(
            f"{merged} of {len(published.rows)} trials were merged from {files}: they were run "
            "elsewhere."
        )
    missing = sum(trial.status in MISSING for trial in published.rows)
    if missing:
        texts.append(f"{missing} of {len(published.rows)} trials are missing.")
    if published.hidden_state:
        sizes = ", ".join(f"{size:,} ({name})" for name, size in published.hidden_state.items())
        texts.append(f"d counts z alone; the solution also needs these numbers: {sizes}.")
    if published.common.get("settings", {}).get("critic"):
        texts.append("The critic is trained outside z; the policy does not need it.")
    if not is_chosen:
        texts.append(
            "Another measurement of the same thing stands in the table, since it has more seeds "
            "or trials, or is of a later edition."
        )
    return texts
