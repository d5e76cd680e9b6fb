"""From a store to published files: one JSON for each measurement, its smallest policy beside it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from rlid.errors import DamagedRecord, StoreError
from rlid.figures import curves
from rlid.leaderboard.published import MAX_BYTES, Published, parse, publish
from rlid.policies import PolicyReport
from rlid.policies import report as policy_report
from rlid.records import REFERENCE_SEED, Record, judged
from rlid.store import Store, read_limited, slug, write_whole
from rlid.store import measurements as measured


@dataclass(frozen=True)
class Harvest:
    """What a store has to publish.

    `refused` are measurements that have lost trials, and `untold` trials of which no finished run
    has said what they are for; one line each.
    """

    found: tuple[Published, ...]
    refused: tuple[str, ...]
    untold: tuple[str, ...]


def harvest(store: Store, task: str | None = None) -> Harvest:
    """Return the published form of every finished measurement of a store (or of one task).

    Raises:
        StoreError: a file of the store is damaged.
    """
    records = {
        record.key: record for record in store.records(task) if record.spec.seed < REFERENCE_SEED
    }
    reports = _reports(store)
    found, refused, told = [], [], set[str]()
    for one in measured.of_store(store):
        if task not in (None, one.question.task):
            continue
        told.update(one.trials)
        missing = sum(key not in records for key in one.trials)
        if missing or not one.trials:
            refused.append(
                f"{missing} of {len(one.trials)} trials have gone: {one.question.command}"
            )
            continue
        asked = ((key, one.threshold) for key in one.trials)
        policy = next((reports[each][0] for each in asked if each in reports), None)
        by = one.judgement
        found.append(publish(one, [judged(records[key], by) for key in one.trials], policy))
    untold = _untold(record for key, record in records.items() if key not in told)
    found.sort(key=lambda item: (item.question.task, item.name))
    return Harvest(tuple(found), tuple(refused), tuple(untold))


def _untold(records: Iterable[Record]) -> list[str]:
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
    """Return where a published measurement stands under `out`."""
    return out / slug(published.question.task) / f"{slug(published.name)}.json"


def write(published: Published, store: Store, out: Path) -> list[Path]:
    """Write a measurement, its learning curves, and its smallest policy beside it.

    Returns:
        The paths: JSON, and where there are any, curves as SVG, z as safetensors, the policy file.

    Raises:
        DamagedRecord: the z in the store is not that of its record.
        StoreError: nothing can be written there.
    """
    target, row = path(published, out), published.smallest()
    records = [store.get(published.spec(row.d, row.seed)) for row in published.rows]
    try:
        written = [write_whole(target, published.dump().encode())]
        drawn = curves.draw(
            [record for record in records if record is not None],
            target.with_name(f"{target.stem}-curves.svg"),
        )
        written += [drawn] if drawn is not None else []
        if row is not None:
            data = store.z_bytes(published.spec(row.d, row.seed), row.z_sha256)
            written.append(write_whole(target.with_suffix(".safetensors"), data))
        if published.policy is not None:
            source = _reports(store)[published.policy.trial, published.threshold][1]
            data = read_limited(source, published.policy.file_bytes)
            written.append(write_whole(target.with_suffix(source.suffix), data))
    except OSError as error:
        raise StoreError(f"{str(target)!r} cannot be written: {error.strerror or error}") from error
    return written


def _reports(store: Store) -> dict[tuple[str, float], tuple[PolicyReport, Path]]:
    """Return what exports left in a store, by the trial's key and its threshold: report, file."""
    found = {}
    for source in sorted((store.folder / "policies").glob("*/*.json")):
        report = policy_report.load(source)
        # One that failed on fresh episodes, after all, is no policy to offer.
        if report.solved:
            found[report.trial, report.threshold] = (report, source.with_suffix(".rlid"))
    return found


def read(source: Path) -> Published:
    """Read a published measurement.

    Raises:
        DamagedRecord: it is not one; the message names the file and what is wrong.
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
