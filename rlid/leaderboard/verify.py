"""Re-derives a published measurement from its rows, and repeats trials of it.

What this can show: that a file is whole, that its numbers follow from its rows, that its policy is
the one it names, and, by repeating trials, that these come out the same here. A digest shows that
something was changed by accident or in part; whoever changes a file on purpose can compute it
anew, and only repeated trials speak against that.
"""

from __future__ import annotations

import hashlib
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rlid.dimension import make_search
from rlid.errors import DamagedRecord, PolicyFileError
from rlid.leaderboard import publish as publisher
from rlid.leaderboard.published import Published, TrialRow, bounds, largest_hidden_state
from rlid.measurement import answer_json, curve_json
from rlid.records import MISSING, versions
from rlid.store import Reference, parse_z, read_limited

FLOAT_BYTES = 4
MAX_POLICY_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True)
class Verdict:
    """What was found wrong, and what could not be told; one line each.

    `checked` names what was looked at, and nothing more is claimed.
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
    one = publisher.read(source)
    problems = [
        *_digests(one), *_judgement(one), *_reference(one, one.reference_record), *_rows(one),
        *_answer(one), *_report(one),
    ]  # fmt: skip
    checked = ["schema", "digest", "command", "judgement", "reference", "rows", "answer"]
    notes = list(_versions(one))
    for name, suffix, check in (
        ("z", ".safetensors", _check_z),
        ("policy", ".rlid", _check_policy),
    ):
        beside = source.with_suffix(suffix)
        if beside.is_file():
            checked.append(name)
            problems += [f"{beside.name}: {line}" for line in check(one, beside)]
        else:
            notes.append(f"no {name} lies beside it")
    if not problems and _asked(one) == {(row.d, row.seed) for row in one.rows}:
        checked.append("search")
    elif not problems:
        notes.append("the search of this version of rlid would have asked for other trials")
    return one, Verdict(tuple(checked), tuple(problems), tuple(notes))


def _digests(one: Published) -> Iterator[str]:
    if one.digest() != one.sha256:
        yield "the content is not that of its SHA-256: something was altered"
    if one.command != one.question.command:
        yield f"the command does not ask the question: it should be {one.question.command}"


def _judgement(one: Published) -> Iterator[str]:
    asked = one.question
    if asked.rule == "normalised":
        threshold = one.random + asked.fraction * (one.reference - one.random)
    else:
        threshold = asked.fraction * one.reference
    if not np.isclose(threshold, one.threshold, rtol=1e-12, atol=0):
        yield f"threshold {one.threshold!r}: rule {asked.rule} gives {threshold!r}"
    if one.random != one.reference_record.random:
        yield f"random score {one.random!r}: its record says {one.reference_record.random!r}"
    is_own = asked.baseline == "own"
    if is_own and one.reference != one.reference_record.reference:
        yield f"reference {one.reference!r}: its record says {one.reference_record.reference!r}"
    common = one.common
    named = (common.get("task"), common.get("agent"), common.get("network"))
    if named != (asked.task, asked.agent, asked.network):
        yield "the trials are of another task, agent or network than the question"
    if common.get("stop_score") not in (None, one.threshold):
        yield f"trials stopped at {common.get('stop_score')!r}, not at the threshold"


def _reference(one: Published, found: Reference) -> Iterator[str]:
    measured = (found.task, found.network, found.D, found.protocol)
    if measured != (one.question.task, one.question.network, one.D, one.common.get("protocol")):
        yield "the reference is of another task, network or protocol"
    medians = []
    for direct in found.direct:
        scores = [trial.score for trial in direct.trials if trial.score is not None]
        if direct.median is not None:
            medians.append(direct.median)
        if scores and direct.median != statistics.median(scores):
            yield f"the median of direct training by {direct.agent} is not {direct.median!r}"
    if not medians or found.reference != max(medians):
        yield f"the reference {found.reference!r} is not the best median of direct training"


def _rows(one: Published) -> Iterator[str]:
    low, high = bounds(one.question, one.D)
    seeds = range(one.question.seed, one.question.seed + one.question.seeds)
    episodes = one.common.get("protocol", {}).get("scoring_episodes")
    seen = set[tuple[int, int]]()
    for row in one.rows:
        name = f"d = {row.d}, seed {row.seed}"
        if (row.d, row.seed) in seen:
            yield f"{name}: there are two such rows"
        seen.add((row.d, row.seed))
        if not low <= row.d <= high or row.seed not in seeds:
            yield f"{name}: outside what was asked"
        if row.versions >= len(one.versions):
            yield f"{name}: names versions that are not listed"
        yield from (f"{name}: {line}" for line in _row(one, row, episodes))
    if one.question.search == "grid":
        wanted = len(one.question.dims or range(low, high + 1)) * len(seeds)
        if len(seen) != wanted:
            yield f"a grid of {wanted} trials has {len(seen)} rows"


def _row(one: Published, row: TrialRow, episodes: object) -> Iterator[str]:
    try:
        if one.spec(row.d, row.seed).key != row.key:
            yield "the key is not that of its spec"
    except DamagedRecord as error:
        yield f"no spec: {error}"
    if row.env_steps != row.search_steps + row.validation_steps + row.scoring_steps:
        yield "its steps do not add up"
    if row.status in MISSING:
        if row.score is not None:
            yield f"{row.status}, but it has a score"
        return
    has_passed = row.score is not None and row.score >= one.threshold and not row.reason
    if (row.status == "solved") != has_passed:
        yield f"{row.status}, at a score of {row.score!r} and a threshold of {one.threshold!r}"
    if row.score is not None and row.episodes != episodes:
        yield f"scored in {row.episodes} episodes, not in {episodes}"
    if (row.score is None) != (row.theta_sha256 is None):
        yield "a score without the hash of its weights, or the hash alone"
    if (row.z_sha256 is None) != (row.theta_sha256 is None):
        yield "the hash of its weights without that of z, or the other way round"


def _answer(one: Published) -> Iterator[str]:
    try:
        found = one.estimate()
    except ValueError as error:
        yield f"no answer follows from the rows: {error}"
        return
    if answer_json(found) != one.answer.model_dump():
        yield f"the rows give {answer_json(found)}, not {one.answer.model_dump()}"
    if curve_json(found) != [point.model_dump() for point in one.curve]:
        yield "the curve does not follow from the rows"
    if sum(row.env_steps for row in one.rows) != one.env_steps:
        yield f"the rows' environment steps do not add up to {one.env_steps:,}"
    if largest_hidden_state(one.rows) != one.hidden_state:
        yield "the hidden state is not the largest of the rows"
    smallest = one.smallest()
    if one.smallest_solved != (None if smallest is None else smallest.d):
        yield f"the smallest solved d is not {one.smallest_solved}"


def _check_z(one: Published, beside: Path) -> Iterator[str]:
    row = one.smallest()
    data = read_limited(beside, MAX_POLICY_BYTES)
    if row is None or hashlib.sha256(data).hexdigest() != row.z_sha256:
        yield "not the z of the smallest solved row"
        return
    try:
        if not np.isfinite(parse_z(data, row.d)).all():
            yield "z is not finite"
    except DamagedRecord as error:
        yield str(error)


def _check_policy(one: Published, beside: Path) -> Iterator[str]:
    from rlid.policies import policy_file

    report, data = one.policy, read_limited(beside, MAX_POLICY_BYTES)
    if report is None:
        yield "the measurement knows of no policy"
        return
    if hashlib.sha256(data).hexdigest() != report.file_sha256:
        yield "not the file that was exported"
        return
    try:
        file = policy_file.parse(data)
    except PolicyFileError as error:
        yield str(error)
        return
    asked = one.question
    if (file.d, file.seed, file.bits) != (report.d, report.seed, report.bits):
        yield "of another d, seed or width than the measurement says"
    if (file.task, file.network, file.projection) != (asked.task, asked.network, asked.projection):
        yield "a policy of another task, network or projection"
    if (report.file_bytes, report.z_bytes) != (len(data), -(-file.z_bits // 8)):
        yield "its bytes are not as many as the measurement says"


def _report(one: Published) -> Iterator[str]:
    """Check what a measurement says of its policy, whether the file lies beside it or not."""
    found = one.policy
    if found is None:
        return
    row = next((row for row in one.rows if row.key == found.trial), None)
    if row is None or row.status != "solved" or (found.d, found.seed) != (row.d, row.seed):
        yield "its policy is of a trial that is not in the rows, or not solved"
    if (found.D, found.threshold) != (one.D, one.threshold):
        yield f"its policy was held against D = {found.D} and a threshold of {found.threshold!r}"
    bits = 8 * (found.file_bytes + FLOAT_BYTES * sum(row.hidden_state.values() if row else ()))
    if (found.network_bytes, found.description_bits) != (FLOAT_BYTES * found.D, bits):
        yield "the bytes of its network, or the bits of its description, do not follow"
    if found.solved != (found.score >= found.threshold):
        yield "the score of its policy and its success do not go together"
    if found.episodes != one.common.get("protocol", {}).get("scoring_episodes"):
        yield f"its policy was scored in {found.episodes} episodes"
    tried = [each for each in found.attempts if (each.seed, each.bits) == (found.seed, found.bits)]
    if not tried or any(each.error < 0 for each in found.attempts):
        yield "the width of its policy is none that was validated"


def _versions(one: Published) -> Iterator[str]:
    here = versions()
    for name in sorted({name for each in one.versions for name in each}):
        found = {each[name] for each in one.versions if name in each}
        if found != {here.get(name)}:
            yield f"made with {name} {', '.join(sorted(found))}; here it is {here.get(name)}"


def _asked(one: Published) -> set[tuple[int, int]] | None:
    """Return the trials that the search asks for, given the outcomes; None if a row is missing."""
    asked = one.question
    search = make_search(
        asked.search, dmax=one.dmax, dims=asked.dims or ((one.D,) if not asked.dmax else None),
        seeds=range(asked.seed, asked.seed + asked.seeds), precision=asked.precision,
        max_trials=asked.max_trials,
    )  # fmt: skip
    outcome = {(trial.d, trial.seed): trial for trial in one.trials()}
    so_far: list[tuple[int, int]] = []
    try:
        while pairs := search.next_round([outcome[pair] for pair in so_far]):
            so_far += pairs
        return set(so_far)
    except KeyError:
        return None
