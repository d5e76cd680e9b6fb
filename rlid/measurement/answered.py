"""The trials that a finished run asked for, out of those that it shares with other runs."""

from __future__ import annotations

from rlid.measurement.names import select
from rlid.measurement.summary import Summary, measurements, summarise
from rlid.store import Store
from rlid.store import measurements as stored_measurements


def answered(store: Store, wanted: str | None = None) -> list[Summary]:
    """Return the measurements of a store, one for each finished run, with the run's own trials.

    Runs that differ in d, seeds or the reference alone share their trials, and `measurements` puts
    these together. Trials of no finished run are one measurement, as there.

    Args:
        store: the store.
        wanted: the name of a measurement, or its first parts, in place of all. Of runs that share
            their trials the one with the most counts, unless the name ends with a run's digest.

    Raises:
        InputError: none or several are named so.
        StoreError: the store cannot be read, or a file in it is damaged.
    """
    summaries = measurements(store)
    runs = stored_measurements.readable(store)
    trials = {run.question.digest: frozenset(run.trials) for run in runs}
    if wanted is None:
        return [
            _of_run(summary, digest, trials)
            for summary in summaries
            for digest in summary.asked or ("",)
        ]
    summary, last = select(summaries, wanted), wanted.rpartition("/")[2]
    if last == summary.names[-1][-1]:
        return [summary]
    digest = last if last in summary.asked else next(iter(summary.asked), "")
    return [_of_run(summary, digest, trials)]


def _of_run(summary: Summary, digest: str, trials: dict[str, frozenset[str]]) -> Summary:
    """Return a measurement with the trials of the run with this digest, or as it is without one."""
    if digest not in trials:
        return summary
    records = [record for record in summary.records if record.key in trials[digest]]
    return summarise(records, summary.reference, (digest,))
