"""`rlid suite`: a named list of measurements, run and reported as one thing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rlid.cli.cost import DryRunOption, MaxHoursOption, costs_of, print_costs
from rlid.cli.options import (
    DEFAULT_STORE,
    FAILED,
    AddressOption,
    CpusOption,
    DataOption,
    EngineOption,
    EnvsOption,
    GpusOption,
    ImportOption,
    JobsOption,
    JsonOption,
    MemoryOption,
    Number,
    QuietOption,
    SetOption,
    StoreOption,
    TensorboardOption,
    Text,
    TimeoutOption,
    shown,
)
from rlid.cli.streams import print_json
from rlid.cli.terminal import say, say_table
from rlid.errors import InputError

if TYPE_CHECKING:
    from rlid.leaderboard import suite_report
    from rlid.measurement import Cost, Plan, PlannedRow, RowResult, Runner, Summary

LIST = "list"
"""In place of a suite's name."""


def suite(
    name: Annotated[str, typer.Argument(help="a suite (rlid suite list), or FILE.toml")],
    agent: Annotated[Text, typer.Option(help="an agent in place of each row's own")] = None,
    network: Annotated[Text, typer.Option(help="a network in place of each row's own")] = None,
    seeds: Annotated[Number, typer.Option(help="how many seeds in each row")] = None,
    only: Annotated[Text, typer.Option(help="rows that this pattern fits: 'cartpole*'")] = None,
    settings: SetOption = None,
    jobs: JobsOption = None,
    engine: EngineOption = "local",
    address: AddressOption = None,
    cpus: CpusOption = 1.0,
    gpus: GpusOption = 0.0,
    memory: MemoryOption = None,
    store: StoreOption = DEFAULT_STORE,
    imports: ImportOption = None,
    envs: EnvsOption = None,
    data: DataOption = None,
    timeout: TimeoutOption = None,
    tensorboard: TensorboardOption = None,
    retry: Annotated[bool, typer.Option("--retry", help="run failed trials again")] = False,
    dry_run: DryRunOption = False,
    max_hours: MaxHoursOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Run a named list of measurements; `rlid suite list` names those that ship with rlid.

    Finished trials are kept: the same command resumes where it was interrupted. With --agent, the
    agent is shown beside the published ones.
    """
    from rlid.measurement import load_suite, planned_rows

    if name == LIST:
        _list(as_json=as_json)
        return
    if settings and agent is None:
        raise InputError("--set: name the one agent that it is for with --agent")
    _import(imports or [])
    chosen = load_suite(name).adapted(
        agent=agent, network=network, seeds=seeds, settings=settings or (), only=only
    )
    from rlid.engine import Place

    place = Place(engine, jobs, address, cpus, gpus, memory)
    planned = planned_rows(chosen, imports or ())
    if all(row.plan is None for row in planned):
        raise InputError(f"suite {chosen.name!r}: no row can be run: {planned[0].reason}")

    if dry_run or max_hours is not None:
        plans = [row.plan for row in planned if row.plan is not None]
        costs = costs_of(plans, store, place, max_hours, retry=retry)
        if dry_run:
            _show_costs(costs, planned, as_json=as_json)
            return

    @contextmanager
    def runner_of(plan: Plan) -> Iterator[Runner]:
        from rlid.cli import progress
        from rlid.measurement import Runner

        watcher = progress.watcher(quiet=quiet, plan=plan, store=store)
        try:
            watcher.note(f"{plan.title}")
            with Runner(
                plan, store, place=place, timeout=timeout, watcher=watcher, retry=retry,
                tensorboard=tensorboard,
            ) as runner:  # fmt: skip
                yield runner
        finally:
            watcher.close()

    from rlid.leaderboard import peers, step_times
    from rlid.measurement import run_rows

    published = peers.published_summaries(peers.published_folder())

    def hear(number: int, result: RowResult) -> None:
        if not quiet:
            say(f"row {number + 1}/{len(planned)} · {_line(result)}", error=True)

    rate = step_times.published_step_time(published)
    results = run_rows(planned, runner_of, hear, rate)
    report = _report(chosen.name, chosen.title, results, published, store)
    stem = chosen.name if agent is None else f"{chosen.name}-{agent}"
    paths = _write(report, store, stem)
    if as_json:
        print_json(report.to_json())
    else:
        _print(report)
        say(f"written: {', '.join(map(shown, paths))}")
    if not all(result.is_complete for result in results if agent is None or result.planned.plan):
        raise typer.Exit(FAILED)


def _show_costs(costs: list[Cost], planned: list[PlannedRow], *, as_json: bool) -> None:
    """Print what the rows of a suite will cost, and which rows cannot be run."""
    if as_json:
        print_json([cost.to_json() for cost in costs])
        return
    print_costs(costs)
    for row in planned:
        if row.plan is None:
            say(f"{row.row.label}: does not fit: {row.reason}")


def _import(imports: list[str]) -> None:
    from rlid.registry import import_packages

    import_packages(imports)


def _list(*, as_json: bool) -> None:
    """Print the suites that ship with rlid."""
    from rlid.measurement import load_suite, suite_names

    suites = [load_suite(name) for name in suite_names()]
    if as_json:
        print_json(
            [
                {"name": each.name, "title": each.title, "rows": [row.label for row in each.rows]}
                for each in suites
            ]
        )
        return
    rows = [(each.name, len(each.rows), each.title) for each in suites]
    say_table([("suite", "left"), ("rows", "right"), ("what it measures", "left")], rows)


def _line(result: RowResult) -> str:
    """Return a row's result in one line."""
    if result.measurement is not None:
        return result.measurement.sentence
    plan = result.planned.plan
    title = result.planned.row.label if plan is None else plan.title
    return f"{title}: {result.status}: {result.reason}"


def _report(
    name: str,
    title: str,
    results: list[RowResult],
    published: list[Summary],
    store: Path,
) -> suite_report.SuiteReport:
    from rlid.leaderboard import suite_report
    from rlid.measurement import measurements
    from rlid.store import Store

    return suite_report.report_of(
        name,
        title,
        results,
        published=published,
        stored=measurements(Store(store)),
    )


def _write(report: suite_report.SuiteReport, store: Path, stem: str) -> tuple[Path, Path]:
    """Write the report into the store as JSON and as a web page; return their paths.

    Raises:
        StoreError: it cannot be written.
    """
    from rlid.errors import StoreError
    from rlid.leaderboard import suite_page
    from rlid.store import Store, distinct_slug, write_whole

    folder = Store(store).room("suites")
    text = json.dumps(report.to_json(), indent=1, allow_nan=False) + "\n"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return (
            write_whole(folder / f"{distinct_slug(stem)}.json", text.encode()),
            write_whole(folder / f"{distinct_slug(stem)}.html", suite_page.page(report).encode()),
        )
    except OSError as error:
        message = f"{shown(folder)!r} cannot be written: {error.strerror or error}"
        raise StoreError(message) from error


def _print(report: suite_report.SuiteReport) -> None:
    """Print the table of a suite, why rows failed, and what stands beside them."""
    from rlid.leaderboard import suite_report

    say_table(suite_report.HEADINGS, [row.cells for row in report.rows], report.title)
    say(*(f"{label}: {reason}" for label, reason in report.failures))
    if beside := report.beside:
        say("")
        title = "Ratio: d_int90 of the row over that of another agent"
        say_table(suite_report.BESIDE_HEADINGS, beside, title)
        if report.has_first_edition:
            say("*: published in the first edition, whose d_int90 may be too large")
        say(*report.mean_lines)
