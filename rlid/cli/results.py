"""`rlid publish` and `rlid leaderboard`: from stores to published results, and what they say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from rlid.cli.options import DEFAULT_STORE, FAILED, StoreOption, is_given, shown
from rlid.cli.terminal import say
from rlid.errors import DamagedRecord, InputError

if TYPE_CHECKING:
    from rlid.leaderboard import publish as publisher


def publish(
    context: typer.Context,
    name: Annotated[
        str, typer.Argument(help="only this task, or this measurement by its name in `rlid show`")
    ] = "",
    store: StoreOption = DEFAULT_STORE,
    out: Annotated[Path, typer.Option(help="the folder of published results")] = Path("results"),
    again: Annotated[
        bool,
        typer.Option("--again", help="derive the published answers anew from their rows; no store"),
    ] = False,
    by: Annotated[str, typer.Option(help="who publishes, in your own words")] = "",
    when: Annotated[
        str, typer.Option(help="when it was measured; default: the day on which the run ended")
    ] = "",
) -> None:
    """Write the measurements of a store as files that anyone can re-derive and verify."""
    if again:
        if by or when or is_given(context, "store"):
            raise InputError(
                "--again reads no store and changes no origin: leave out --store, --by and --when"
            )
        _derive_again(out, name)
        return
    harvest = _publish(store, out, name, by, when)
    if not harvest.published:
        of_name = f" of {name}" if name else ""
        raise InputError(
            f"no finished measurement{of_name} to publish in the store {shown(store)!r}"
        )
    if harvest.refused:
        raise typer.Exit(FAILED)


def leaderboard(
    store: Annotated[
        Optional[list[Path]],  # noqa: UP007, UP045 (typer reads it)
        typer.Option("--store", help="publish this store's measurements first; may be repeated"),
    ] = None,
    out: Annotated[Path, typer.Option(help="the folder of published results")] = Path("results"),
    readme: Annotated[
        Optional[Path],  # noqa: UP007, UP045
        typer.Option(help="a README whose leaderboard, between its markers, is to be renewed"),
    ] = None,
    columns: Annotated[
        str, typer.Option(help="columns of the LaTeX table, such as task,agent,d_int90")
    ] = "",
    caption: Annotated[
        Optional[str],  # noqa: UP007, UP045
        typer.Option(help="caption of the LaTeX table"),
    ] = None,
) -> None:
    """Rank all published measurements: Markdown, CSV, JSON, LaTeX and a web page."""
    from rlid.errors import StoreError
    from rlid.leaderboard import claims, collection, findings, latex, ranking, site, tables
    from rlid.store import plain_target, write_whole

    printed = [name.strip() for name in columns.split(",")] if columns else latex.PRINTED
    latex.check_columns(printed)
    for folder in store or []:
        _publish(folder, out)
    if not out.is_dir():
        raise InputError(f"no published results at {shown(out)!r}: give --out or --store")
    loaded = collection.load(out)
    for line in loaded.refused:
        say(f"refused: {line}", error=True)
    if not loaded.readable:
        # The folder may hold anything, and has a page of its own.
        raise InputError(f"no published results in {shown(out)!r}: give --out or --store")
    board = ranking.board(loaded.published)
    statements = claims.answers(board.chosen)
    texts = {
        out / "leaderboard.md": tables.markdown(
            board.rows, statements, findings.findings(board.chosen)
        ),
        out / "leaderboard.csv": tables.comma_separated(board.rows),
        out / "leaderboard.json": tables.json_text(board.rows),
        out / "leaderboard.tex": latex.latex(
            [row for row in board.rows if row.is_measured], printed, caption
        ),
    }
    if readme is not None:
        target = plain_target(readme)
        texts[target] = tables.put_between_markers(_text_of(target), tables.readme(board.rows))
    try:
        # First: it refuses a folder that is a link, and nothing else is then written.
        page = site.write(board, statements, out)[0]
        for path, text in texts.items():
            say(shown(write_whole(path, text.encode())))
        say(shown(page))
    except OSError as error:
        name = shown(Path(error.filename or out))
        raise StoreError(f"{name!r} cannot be written: {error.strerror or error}") from error
    if loaded.refused:
        raise typer.Exit(FAILED)


def _text_of(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"--readme {path}: {error}") from None


def _publish(
    store: Path, out: Path, name: str = "", by: str = "", when: str = ""
) -> publisher.Harvest:
    """Publish a store; name what is written, and what cannot be."""
    from rlid.leaderboard import publish as publisher
    from rlid.store import Store

    if not store.is_dir():
        raise InputError(f"no store at {shown(store)!r}: give --store, or `rlid run` first")
    records = Store(store)
    harvest = publisher.harvest(records, name or None, by, when)
    damaged = []
    for measurement in harvest.published:
        try:
            for path in publisher.write(measurement, records, out):
                say(shown(path))
        except DamagedRecord as error:
            # The other measurements are published all the same.
            damaged.append(
                f"{error} (`rlid store check --repair`, then repeat it): "
                f"{measurement.question.command}"
            )
    harvest = replace(harvest, refused=(*harvest.refused, *damaged))
    for line in (*harvest.refused, *harvest.unclaimed):
        say(f"not published: {line}", error=True)
    return harvest


def _sources_of(name: str, out: Path, folder: str) -> list[Path]:
    """Return the published files in some folders of `out` that a name asks for, sorted."""
    from rlid.leaderboard import publish as publisher

    return [
        source
        for source in sorted(out.glob(f"{folder}/*.json"))
        if publisher.is_named(publisher.read(source).question, name)
    ]


def _derive_again(out: Path, name: str) -> None:
    """Derive the published answers anew, of those that `name` asks for; say what changes."""
    from rlid.leaderboard import publish as publisher
    from rlid.store import slug

    task = name.partition("/")[0]
    # The name of a task may have slashes of its own: its folder is then not known beforehand.
    folders = [slug(task), "*"] if task else ["*"]
    sources = next(filter(None, (_sources_of(name, out, folder) for folder in folders)), [])
    if not sources:
        raise InputError(f"no published results{f' of {name}' if name else ''} at {shown(out)!r}")
    for source in sources:
        for line in publisher.derive_again(source):
            say(f"{shown(source)}: {line}")
