"""`rlid store check` and `rlid store merge`: look after folders of records."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rlid.cli.options import DEFAULT_STORE, FAILED, HELP, ImportOption, JsonOption, help_if_alone
from rlid.cli.streams import print_json
from rlid.cli.terminal import say
from rlid.errors import InputError

if TYPE_CHECKING:
    from rlid.store import Store, maintenance

app = typer.Typer(context_settings=HELP)


@app.callback(invoke_without_command=True)
def options(context: typer.Context) -> None:
    """Look after the folders that hold records."""
    help_if_alone(context)


@app.command(short_help="Find damaged and left-over files.")
def check(
    folder: Annotated[Path, typer.Argument(help="the store")] = DEFAULT_STORE,
    repair: Annotated[
        bool, typer.Option("--repair", help="move damaged and left-over files to quarantine")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Find damaged and left-over files in a store; exit code 1 if any remain."""
    from rlid.store import maintenance

    store = _store(folder)
    if repair and not store.is_marked():
        raise InputError(
            f"{str(folder)!r} is no store: it has neither the marker of one nor a record"
        )
    defects = list(maintenance.examine(store))
    if repair:
        for defect in defects:
            maintenance.repair(store, defect)
    count = sum(1 for _ in store.files(".json"))
    aside = len(store.quarantined())
    if as_json:
        rows = [{"path": str(defect.path), "what": defect.what} for defect in defects]
        print_json({"records": count, "quarantined": aside, "mended": repair, "findings": rows})
    else:
        for defect in defects:
            say(f"{defect.path}: {defect.what}{f'; {defect.remedy}' if repair else ''}")
        say(f"{folder}: {count} records, {len(defects)} findings, {aside} in quarantine")
        if defects and not repair:
            say(f"to repair it: rlid store check {folder} --repair")
    if defects and not repair:
        raise typer.Exit(FAILED)


@app.command(short_help="Add the records of stores or published files to a store.")
def merge(
    target: Annotated[Path, typer.Argument(help="the store that grows")],
    sources: Annotated[
        list[Path], typer.Argument(help="stores, or published files, whose records it gets")
    ],
    imports: ImportOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add the records and measurements of stores, or of published files, to a store.

    What is there stays. Exit code 1 where results of one spec differ. A published file is merged
    where it is consistent; `rlid verify --rerun` repeats trials of it.
    """
    from rlid.registry import import_packages
    from rlid.store import Store, maintenance

    import_packages(imports or [])
    if target.is_file():
        raise InputError(f"{str(target)!r} is a file: the folder of the store that grows is first")
    outcomes = {}
    with ExitStack() as unfolded:
        stores = [_opened(source, unfolded) for source in sources]
        grown = Store(target)
        grown.check_writable()
        for source, store in zip(sources, stores, strict=True):
            merged = maintenance.merge(grown, store)
            outcomes[str(source)] = _outcome(merged)
            if not as_json:
                _say_outcome(source, merged)
    if as_json:
        print_json(outcomes)
    if any(outcome["conflicts"] for outcome in outcomes.values()):
        raise typer.Exit(FAILED)


def _outcome(merged: maintenance.Merged) -> dict[str, Any]:
    """Return what is printed as JSON of a merge."""
    return {
        "added": merged.added,
        "known": merged.known,
        "conflicts": [record.key for record in merged.conflicts],
        "measurements": merged.measurements,
        "kept": [question.command for question in merged.kept],
    }


def _say_outcome(source: Path, merged: maintenance.Merged) -> None:
    say(
        f"{source}: {merged.added} added, {merged.known} there already; "
        f"measurements: {merged.measurements} added"
    )
    for question in merged.kept:
        say(f"{source}: another answer is there, which stays: {question.command}")
    for record in merged.conflicts:
        say(f"{source}: {record.key} differs from the record there, which stays")


def _opened(source: Path, unfolded: ExitStack) -> Store:
    """Return the store in a folder, or one that a published file is unfolded to.

    Args:
        source: a store, or a published file.
        unfolded: removes what was unfolded when it closes.

    Raises:
        InputError: there is neither, or the file contradicts itself.
    """
    if source.is_dir():
        store = _store(source)
        if not store.is_marked():
            raise InputError(f"{str(source)!r} is no store: give the folder of one, or JSON files")
        return store
    if not source.is_file():
        raise InputError(f"{str(source)!r} is neither a store nor a published file")
    from rlid.leaderboard import unfolded as published

    folder = unfolded.enter_context(tempfile.TemporaryDirectory(prefix="rlid-"))
    return published.unfold(source, Path(folder))


def _store(folder: Path) -> Store:
    """Return the store in a folder.

    Raises:
        InputError: there is no such folder.
    """
    from rlid.store import Store

    if not folder.is_dir():
        raise InputError(f"no store at {str(folder)!r}: give the folder of one")
    return Store(folder)
