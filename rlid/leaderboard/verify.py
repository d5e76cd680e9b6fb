"""Re-derives a published measurement from its rows, and holds it against what rlid knows.

This can show that a file is whole, that its numbers follow from its rows, that the rows are those
that the search asks for, that the reference and the protocol are those of the task, and that its
policy is the one it names. A digest reveals a change by accident or in part; whoever changes a file
on purpose can compute it anew. Only repeated trials (`rerun`) reveal rows that were made up.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rlid.errors import DamagedRecord, InputError
from rlid.leaderboard import (
    compared,
    known_reference,
    policy_checks,
    policy_choice,
    registered,
    searched,
    trial_rules,
)
from rlid.leaderboard import known as knowledge
from rlid.leaderboard import origin as origins
from rlid.leaderboard import publish as publisher
from rlid.leaderboard.assessment import Assessment, assess
from rlid.leaderboard.from_records import largest_hidden_state
from rlid.leaderboard.published import Answer, Published, TrialRow, bounds
from rlid.measurement import curve_json
from rlid.records import MISSING, Judgement, versions
from rlid.store import Reference


@dataclass(frozen=True)
class Verdict:
    """What a check of a published file came to.

    Attributes:
        checked: what was looked at; nothing more is claimed.
        problems: what is wrong, one line each.
        notes: what could not be told, one line each.
    """

    checked: tuple[str, ...]
    problems: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def is_consistent(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


def verify(source: Path) -> tuple[Published, Verdict]:
    """Check a published file against itself, and the policy files beside it.

    Raises:
        DamagedRecord: it is no published measurement.
    """
    published = publisher.read(source)
    return published, verdict_of(published, source)


def verdict_of(published: Published, source: Path) -> Verdict:
    """Check a published measurement that was read from `source`, and the policy files beside it.

    Where its trials have no spec, nothing follows from its rows, and the check ends.
    """
    try:
        published.spec(1, 0)
    except DamagedRecord as error:
        return Verdict(
            ("schema", "digest", "command"), (*_digests(published), f"no spec: {error}"), ()
        )
    checked = ["schema", "digest", "command", "judgement", "reference", "rows", "answer"]
    notes = [
        *registered.notes(published, source), *_versions(published),
        *policy_choice.notes(published),
    ]  # fmt: skip
    if published.is_first_edition:
        notes.append("first edition: one look could end a trial; to be measured again")
    problems = [
        *_digests(published), *_judgement(published),
        *_reference(published, published.reference_record), *_rows(published),
        *policy_checks.report_problems(published), *policy_choice.problems(published),
        *origins.problems(published), *compared.problems(published),
    ]  # fmt: skip
    known = None
    try:
        known = knowledge.known_of(published.question)
        problems += knowledge.problems(published, known)
        problems += trial_rules.problems(published, known)
        problems += policy_checks.score_problems(published, known)
        problems += known_reference.problems(published, known)
        notes += knowledge.notes(published, known)
        notes += known_reference.notes(published, known)
        checked.append("task")
    except knowledge.NotKnown as error:
        notes.append(f"not compared with a task of this rlid: {error}")
    except InputError as error:
        problems.append(f"no `rlid run` asks this: {error}")
    try:
        assessment = assess(published)
        problems += _answer(assessment)
        problems += searched.problems(published, assessment.summary)
        checked.append("search")
        if searched.is_first_bisection(published, assessment.summary):
            notes.append("first edition: its bisection did not try the largest d")
    except ValueError as error:
        problems.append(f"no answer follows from the rows: {error}")
    for name, lines in policy_checks.beside(published, source, known):
        checked.append(name)
        problems += lines
    return Verdict(tuple(checked), tuple(problems), tuple(notes))


def _digests(published: Published) -> Iterator[str]:
    if published.digest() != published.sha256:
        yield "the content is not that of its SHA-256: something was altered"
    if published.command != published.question.command:
        yield f"the command does not ask the question: it should be {published.question.command}"


def _judgement(published: Published) -> Iterator[str]:
    question, record = published.question, published.reference_record
    try:
        by_rule = Judgement.of(question, random=published.random, full=published.reference)
        threshold = by_rule.threshold or 0.0
        if not np.isclose(threshold, published.threshold, rtol=1e-12, atol=0):
            yield f"threshold {published.threshold!r}: rule {question.rule} gives {threshold!r}"
    except InputError as error:
        yield str(error)
    if published.random != record.random:
        yield f"random score {published.random!r}: its record says {record.random!r}"
    is_own = question.baseline == "own"
    if is_own and published.reference != record.reference:
        yield f"reference {published.reference!r}: its record says {record.reference!r}"
    common = published.common
    named = (common.get("task"), common.get("agent"), common.get("network"))
    if named != (question.task, question.agent, question.network):
        yield "the trials are of another task, agent or network than the question"
    if common.get("stop_score") not in (None, published.threshold):
        yield f"trials stopped at {common.get('stop_score')!r}, not at the threshold"


def _reference(published: Published, reference: Reference) -> Iterator[str]:
    question, protocol = published.question, published.common.get("protocol")
    version = published.common.get("task_version")
    measured = (reference.task, reference.network, reference.D, reference.protocol)
    if measured != (question.task, question.network, published.D, protocol):
        yield "the reference is of another task, network or protocol"
    if reference.task_version != version:
        yield f"the reference is of version {reference.task_version} of the task, not {version}"
    medians = []
    for direct in reference.direct:
        scores = [trial.score for trial in direct.trials if trial.score is not None]
        if direct.median is not None:
            medians.append(direct.median)
        if scores and direct.median != statistics.median(scores):
            yield f"the median of direct training by {direct.agent} is not {direct.median!r}"
    given = (question.reference, question.reference_source)
    if reference.is_given and given != (reference.reference, reference.source):
        yield f"the reference was given as {reference.reference!r}, which was not asked for"
    if not reference.is_given and question.reference is not None:
        yield f"the question gives the reference {question.reference!r}, its record another one"
    if not reference.is_given and (not medians or reference.reference != max(medians)):
        yield f"the reference {reference.reference!r} is not the best median of direct training"
    # The scores of this agent's training tell how uncertain the reference is.
    best = [direct.agent for direct in reference.direct if direct.median == reference.reference]
    if not reference.is_given and best[:1] != [reference.agent]:
        yield f"the reference is not the median of direct training by {reference.agent}"


def _rows(published: Published) -> Iterator[str]:
    low, high = bounds(published.question, published.D)
    dims = frozenset(published.question.dims or ())
    seeds = range(published.question.seed, published.question.seed + published.question.seeds)
    episodes = published.common.get("protocol", {}).get("scoring_episodes")
    seen = set[tuple[int, int]]()
    for row in published.rows:
        name = f"d = {row.d}, seed {row.seed}"
        if (row.d, row.seed) in seen:
            yield f"{name}: there are two such rows"
        seen.add((row.d, row.seed))
        is_open = low <= row.d <= high and (not dims or row.d in dims)
        if not is_open or row.seed not in seeds:
            yield f"{name}: outside what was asked"
        if row.versions >= len(published.versions):
            yield f"{name}: names versions that are not listed"
        yield from (f"{name}: {line}" for line in _row(published, row, episodes))


def _row(published: Published, row: TrialRow, episodes: object) -> Iterator[str]:
    try:
        if published.spec(row.d, row.seed).key != row.key:
            yield "the key is not that of its spec"
    except DamagedRecord as error:
        yield f"no spec: {error}"
    if row.env_steps != row.search_steps + row.validation_steps + row.scoring_steps:
        yield "its steps do not add up"
    if row.status in MISSING:
        if row.score is not None:
            yield f"{row.status}, but it has a score"
        return
    score = row.score if row.deciding_score is None else row.deciding_score
    has_passed = score is not None and score >= published.threshold and not row.reason
    if (row.status == "solved") != has_passed:
        yield f"{row.status}, at a score of {score!r} and a threshold of {published.threshold!r}"
    yield from _stopping(published, row)
    if row.score is not None and row.episodes != episodes:
        yield f"scored in {row.episodes} episodes, not in {episodes}"
    if (row.score is None) != (row.theta_sha256 is None):
        yield "a score without the hash of its weights, or the hash alone"
    if (row.z_sha256 is None) != (row.theta_sha256 is None):
        yield "the hash of its weights without that of z, or the other way round"


def _stopping(published: Published, row: TrialRow) -> Iterator[str]:
    """Check which scores a row has against the stopping rule of its trials."""
    is_confirmed = published.common.get("stopping", "look") == "confirmed"
    if not is_confirmed and row.deciding_score is not None:
        yield "a deciding score, where one look ends a trial"
    if is_confirmed and (row.score is None) != (row.deciding_score is None):
        yield "a score without the one that decided, or the other way round"
    # A trial that runs its whole budget is scored once more, whatever decided.
    could_stop = published.common.get("stop_score") is not None
    is_reported = row.score == row.deciding_score
    if is_confirmed and could_stop and row.status == "unsolved" and not is_reported:
        yield "unsolved, but its score is not the one that decided"


def _answer(assessment: Assessment) -> Iterator[str]:
    published, derived = assessment.published, Answer.of(assessment.estimate)
    # Files of the first edition say nothing of some fields.
    stated = published.answer.model_dump(exclude_unset=True)
    differing = [name for name, value in stated.items() if value != getattr(derived, name)]
    if differing:
        yield "; ".join(
            f"{name}: the rows give {getattr(derived, name)!r}, not {stated[name]!r}"
            for name in differing
        )
    if curve_json(assessment.estimate) != [point.model_dump() for point in published.curve]:
        yield "the curve does not follow from the rows"
    if sum(row.env_steps for row in published.rows) != published.env_steps:
        yield f"the rows' environment steps do not add up to {published.env_steps:,}"
    if largest_hidden_state(published.rows) != published.hidden_state:
        yield "the hidden state is not the largest of the rows"
    smallest = published.smallest()
    if published.smallest_solved != (None if smallest is None else smallest.d):
        yield f"the smallest solved d is not {published.smallest_solved}"


def _versions(published: Published) -> Iterator[str]:
    """Yield a note for each library whose version here is another than that of the trials."""
    here = versions()
    for name in sorted({name for listed in published.versions for name in listed}):
        used = {listed[name] for listed in published.versions if name in listed}
        if used != {here.get(name)}:
            yield f"made with {name} {', '.join(sorted(used))}; here it is {here.get(name)}"
