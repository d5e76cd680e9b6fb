"""`rlid verify`: re-derives a published result, and repeats trials of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from rlid.cli.options import FAILED, ImportOption, JsonOption, Number
from rlid.cli.streams import print_json
from rlid.errors import InputError


def verify(
    result: Annotated[list[Path], typer.Argument(help="published files, as `rlid publish` writes")],
    rerun: Annotated[int, typer.Option(help="repeat so many trials, chosen at random")] = 0,
    seed: Annotated[int, typer.Option(help="of the choice of trials")] = 0,
    jobs: Annotated[Number, typer.Option(help="processes; default: the cores")] = None,
    import_: ImportOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say whether published results follow from their rows, and come out again."""
    if rerun < 0 or seed < 0:
        raise InputError("--rerun and --seed: must be at least 0")
    if jobs is not None and jobs < 1:
        raise InputError(f"--jobs {jobs}: must be at least 1")
    from rlid.operating_system import cores
    from rlid.registry import import_packages

    import_packages(import_ or [])
    processes = jobs or cores()
    found, refused = [], []
    for source in result:
        try:
            found.append(_verify(source, rerun, seed, processes, import_ or []))
        except ValueError as error:
            # The others are verified all the same.
            refused.append(f"{source}: {error}")
    if as_json:
        print_json(found)
    else:
        for one in found:
            _print(one)
    if refused:
        raise InputError("; ".join(refused))
    if not all(one["ok"] for one in found):
        raise typer.Exit(FAILED)


def _verify(source: Path, n: int, seed: int, jobs: int, imports: list[str]) -> dict[str, Any]:
    from rlid.errors import DamagedRecord
    from rlid.leaderboard import rerun
    from rlid.leaderboard import verify as verification

    if not source.is_file():
        raise InputError("there is no such file")
    try:
        one, verdict = verification.verify(source)
    except DamagedRecord as error:
        return {"file": str(source), "ok": False, "verdict": "damaged", "problems": [str(error)]}
    problems, notes, sentence = list(verdict.problems), list(verdict.notes), "consistent"
    if n and not problems:
        repeated = rerun.repeat(one, rerun.draw_rows(one, n, seed), jobs, imports)
        differing = [(row, differences) for row, differences in repeated if differences]
        sentence = f"reproduced {len(repeated) - len(differing)} of {len(repeated)} trials"
        problems += [
            f"d = {row.d}, seed {row.seed}: {'; '.join(lines)}" for row, lines in differing
        ]
        if differing:
            notes += rerun.other_processor(one)
    elif problems:
        sentence = "inconsistent"
    return {
        "file": str(source),
        "ok": not problems,
        "verdict": sentence,
        "title": one.title,
        "checked": list(verdict.checked),
        "problems": problems,
        "notes": notes,
    }


def _print(one: dict[str, Any]) -> None:
    print(f"{one['file']}: {one['verdict']}")
    if one.get("checked"):
        print(f"  checked: {', '.join(one['checked'])}")
    for line in one["problems"]:
        print(f"  wrong: {line}")
    for line in one.get("notes", []):
        print(f"  note: {line}")
