"""From a store to published files: one JSON for each measurement, its smallest policy beside it.

Published files are also read here, and derived anew where the estimator has changed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rlid.errors import DamagedRecord, StoreError
from rlid.figures import curves
from rlid.leaderboard import learning_curves, policy_choice
from rlid.leaderboard.assessment import assess
from rlid.leaderboard.from_records import publish, signed
from rlid.leaderboard.published import (
    MAX_BYTES,
    MAX_SCORE,
    Answer,
    Published,
    PublishedCurvePoint,
    is_possible,
    parse,
)
from rlid.measurement import as_name, curve_json, fits, name_of, typed_parts, why_not_published
from rlid.policies import PolicyReport
from rlid.policies import report as policy_report
from rlid.records import REFERENCE_SEED, MeasurementSpec, Record, judged
from rlid.store import (
    Store,
    StoredMeasurement,
    distinct_slug,
    inside,
    read_limited,
    slug,
    write_whole,
)
from rlid.store import measurements as measured

Z_SUFFIX, POLICY_SUFFIX = ".safetensors", ".rlid"


@dataclass(frozen=True)
class Harvest:
    """What a store has to publish.

    Attributes:
        published: the measurements that are published, by task and name.
        refused: one line for each measurement that is not published, with the reason.
        unclaimed: one line for each group of trials that no finished run asked for, and for each
            policy that was exported from other trials than the measurement has, or whose report
            is that of another file.
    """

    published: tuple[Published, ...]
    refused: tuple[str, ...]
    unclaimed: tuple[str, ...]


def harvest(store: Store, name: str | None = None, by: str = "", when: str = "") -> Harvest:
    """Return the published form of every finished measurement of a store.

    A measurement is refused where trials have gone from the store, and where half of its trials
    or more are missing. Its exported policy is left out where trials were added after the export.

    Args:
        store: the store.
        name: what is to be published: a task, or a measurement by its name
            (task/agent/network/projection/digest) or the first parts of it; None for all.
        by: who publishes, in their own words.
        when: when it was measured, in their own words; by default the day on which a run ended.

    Raises:
        StoreError: a file of the store is damaged.
    """
    finished = list(measured.of_store(store))
    tasks = {measurement.question.task for measurement in finished}
    first, *others = typed_parts(name or "", tasks)
    task = next((each for each in sorted(tasks) if as_name((each,)) == (first,)), first)
    records = {
        record.key: record
        for record in store.records(task or None)
        if record.spec.seed < REFERENCE_SEED
    }
    reports, torn = _reports(store)
    published, refused, claimed, stale = [], [], set[str](), list[str]()
    for measurement in finished:
        if task not in ("", measurement.question.task):
            continue
        claimed.update(measurement.trials)
        if not is_named(measurement.question, name):
            continue
        trials = [
            judged(records[key], measurement.judgement)
            for key in measurement.trials
            if key in records
        ]
        if reason := _why_refused(measurement, trials, store):
            refused.append(f"{reason}: {measurement.question.command}")
            continue
        exported = [
            publish(measurement, trials, report, by, when)
            for report, _ in reports
            if report.threshold == measurement.threshold and report.trial in measurement.trials
        ]
        result = next(filter(policy_choice.is_of_rows, exported), None)
        if result is None:
            result = publish(measurement, trials, None, by, when)
            if exported:
                stale.append(
                    f"{result.title}: its policy was exported from other trials than it has "
                    f"(`rlid export {'/'.join(name_of(measurement.question))}` renews it)"
                )
        published.append(result)
    # A measurement's name asks for that measurement alone.
    rest = [] if others else [record for key, record in records.items() if key not in claimed]
    unclaimed = _unclaimed(rest) + stale + torn
    published.sort(key=lambda measurement: (measurement.question.task, measurement.name))
    return Harvest(tuple(published), tuple(refused), tuple(unclaimed))


def is_named(question: MeasurementSpec, name: str | None) -> bool:
    """Whether `name`, as `harvest` takes it, asks for the measurement of a question."""
    return not name or fits(name_of(question), typed_parts(name, (question.task,)))


def _why_refused(measurement: StoredMeasurement, trials: Sequence[Record], store: Store) -> str:
    """Return why a measurement is not published, or ""."""
    asked = len(measurement.trials)
    if len(trials) < asked or not trials:
        return f"{asked - len(trials)} of {asked} trials have gone"
    scores = [measurement.threshold, measurement.reference.random, measurement.reference.reference]
    for trial in trials:
        scores += [score for score in (trial.score, trial.deciding_score) if score is not None]
    if not all(map(is_possible, scores)):
        return f"a score beyond {MAX_SCORE:g}"
    solved = [trial for trial in trials if trial.status == "solved"]
    smallest = min(solved, key=lambda trial: (trial.spec.d, -(trial.score or 0.0)), default=None)
    if smallest is not None and smallest.is_merged and not store.has_z(smallest):
        return f"its smallest solved trial was merged without its z (d = {smallest.spec.d})"
    return why_not_published(trials)


def _unclaimed(records: Iterable[Record]) -> list[str]:
    """Name the trials that no finished run asked for."""
    groups: dict[str, list[Record]] = {}
    for record in records:
        spec = record.spec
        title = f"{spec.task} · {spec.agent} · {spec.network} · {spec.projection}"
        groups.setdefault(title, []).append(record)
    return [
        f"{title}: {len(group)} trials of no finished run (repeating an `rlid run` finishes it)"
        for title, group in sorted(groups.items())
    ]


def path(published: Published, out: Path) -> Path:
    """Return the path of a published measurement below the folder `out`."""
    return out / slug(published.question.task) / f"{distinct_slug(published.name)}.json"


def write(published: Published, store: Store, out: Path) -> list[Path]:
    """Write a measurement, its learning curves, and its smallest policy beside it.

    The measurement itself is written last, so that the files that it names are there. What an
    earlier one had beside it and this one has not is removed.

    Returns:
        The paths: the JSON file; then, where they exist, learning curves as CSV and as SVG, z as
        safetensors, and the policy file.

    Raises:
        DamagedRecord: the z in the store is not that of its record.
        StoreError: nothing can be written there, or the task's folder is a link.
    """
    target, row = path(published, out), published.smallest()
    kept = [store.get(published.spec(row.d, row.seed)) for row in published.rows]
    # A record in the store is judged as the first run that asked for it judged it.
    records = [judged(record, published.judgement) for record in kept if record is not None]
    try:
        inside(out, target.parent.name)
        # All is read before anything is written: it may be damaged.
        files: dict[Path, bytes] = {}
        if row is not None:
            data = store.z_bytes(published.spec(row.d, row.seed), row.z_sha256)
            files[target.with_suffix(Z_SUFFIX)] = data
        if published.policy is not None:
            pairs = _reports(store)[0]
            source = next(file for report, file in pairs if report == published.policy)
            data = read_limited(source, published.policy.file_bytes)
            files[target.with_suffix(POLICY_SUFFIX)] = data
        written: list[Path] = []
        points = learning_curves.of_records(records)
        if points:
            beside = learning_curves.path_beside(target)
            written.append(write_whole(beside, learning_curves.dump(points).encode()))
        drawn = curves.draw(records, target.with_name(f"{target.stem}-curves.svg"))
        written += [drawn] if drawn is not None else []
        written += [write_whole(path, data) for path, data in files.items()]
        written.insert(0, write_whole(target, published.dump().encode()))
        for suffix in (Z_SUFFIX, POLICY_SUFFIX):
            if target.with_suffix(suffix) not in written:
                target.with_suffix(suffix).unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(f"{str(target)!r} cannot be written: {error.strerror or error}") from error
    return written


def _reports(store: Store) -> tuple[list[tuple[PolicyReport, Path]], list[str]]:
    """Return the exports of a store, and one line for each whose report is of another file.

    An export that was interrupted leaves the new policy beside the report of the one before.
    """
    pairs, torn = list[tuple[PolicyReport, Path]](), list[str]()
    for source in sorted((store.folder / "policies").glob("*/*.json")):
        report, file = policy_report.load(source), source.with_suffix(POLICY_SUFFIX)
        if _is_reported(file, report):
            pairs.append((report, file))
        else:
            torn.append(f"{file}: not the policy of the report beside it: `rlid export` it again")
    return pairs, torn


def _is_reported(file: Path, report: PolicyReport) -> bool:
    """Whether a policy file is the one that a report is of."""
    try:
        data = read_limited(file, report.file_bytes)
    except (DamagedRecord, OSError):
        return False
    return hashlib.sha256(data).hexdigest() == report.file_sha256


def derive_again(source: Path) -> list[str]:
    """Derive the answer of a published file anew from its rows, and write it where it changed.

    Rows, keys, policies and everything else stay as they are. This is for a new version of the
    estimator: `rlid verify` asks that the answer follows from the rows.

    Returns:
        The changes, one line each: "d_int90: 4 -> 5".

    Raises:
        DamagedRecord: it is no published measurement, or was altered since it was written.
        StoreError: the file cannot be written, or its folder is a link.
    """
    published = read(source)
    if published.digest() != published.sha256:
        raise DamagedRecord(f"{source}: its content is not that of its SHA-256")
    estimate = assess(published).estimate
    before, after = published.answer, Answer.of(estimate)
    curve = [PublishedCurvePoint(**point) for point in curve_json(estimate)]
    if before.model_dump(exclude_unset=True) == after.model_dump() and published.curve == curve:
        return []
    changed = signed(published.model_copy(update={"answer": after, "curve": curve}))
    try:
        inside(source.parent.parent, source.parent.name)
        write_whole(source, changed.dump().encode())
    except OSError as error:
        raise StoreError(f"{str(source)!r} cannot be written: {error.strerror or error}") from error
    old, new = before.model_dump(), after.model_dump()
    return [f"{name}: {old[name]} -> {new[name]}" for name in new if old[name] != new[name]]


def read(source: Path) -> Published:
    """Read a published measurement.

    Raises:
        DamagedRecord: the file is no published measurement; the message names it and the fault.
    """
    try:
        return parse(read_limited(source, MAX_BYTES).decode())
    except (DamagedRecord, OSError, UnicodeDecodeError) as error:
        raise DamagedRecord(f"{source}: {error}") from None


def read_all(folder: Path) -> list[Published]:
    """Read every published measurement under a folder, ordered by file name.

    Raises:
        DamagedRecord: one of them is damaged.
    """
    return [read(source) for source in sorted(folder.glob("*/*.json"))]
