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
    imports: ImportOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check that published results follow from their rows, and repeat trials of them."""
    if rerun < 0 or seed < 0:
        raise InputError("--rerun and --seed: must be at least 0")
    if jobs is not None and jobs < 1:
        raise InputError(f"--jobs {jobs}: must be at least 1")
    from rlid.operating_system import cores
    from rlid.registry import import_packages

    import_packages(imports or [])
    processes = jobs or cores()
    outcomes, refused = [], []
    for source in result:
        try:
            outcomes.append(_verify(source, rerun, seed, processes, imports or []))
        except InputError as error:
            # The other files are verified all the same.
            refused.append(f"{source}: {error}")
    if as_json:
        print_json(outcomes)
    else:
        for outcome in outcomes:
            _print(outcome)
    if refused:
        raise InputError("; ".join(refused))
    if not all(outcome["ok"] for outcome in outcomes):
        raise typer.Exit(FAILED)


def _verify(source: Path, n: int, seed: int, jobs: int, imports: list[str]) -> dict[str, Any]:
    """Return what was found in one file, with `n` of its trials repeated, ready for JSON.

    Raises:
        InputError: there is no such file, or its task is unknown here.
    """
    from rlid.errors import DamagedRecord
    from rlid.leaderboard import rerun
    from rlid.leaderboard import verify as verification

    if not source.is_file():
        raise InputError("there is no such file")
    try:
        published, verdict = verification.verify(source)
    except DamagedRecord as error:
        return {"file": str(source), "ok": False, "verdict": "damaged", "problems": [str(error)]}
    problems, notes, sentence = list(verdict.problems), list(verdict.notes), "consistent"
    if n and not problems:
        repeated = rerun.repeat(published, rerun.draw_rows(published, n, seed), jobs, imports)
        differing = [(row, differences) for row, differences in repeated if differences]
        sentence = f"reproduced {len(repeated) - len(differing)} of {len(repeated)} trials"
        problems += [
            f"d = {row.d}, seed {row.seed}: {'; '.join(lines)}" for row, lines in differing
        ]
        if differing:
            notes += rerun.other_processor(published)
    elif problems:
        sentence = "inconsistent"
    return {
        "file": str(source),
        "ok": not problems,
        "verdict": sentence,
        "title": published.title,
        "checked": list(verdict.checked),
        "problems": problems,
        "notes": notes,
    }


def _print(outcome: dict[str, Any]) -> None:
    print(f"{outcome['file']}: {outcome['verdict']}")
    if outcome.get("checked"):
        print(f"  checked: {', '.join(outcome['checked'])}")
    for line in outcome["problems"]:
        print(f"  wrong: {line}")
    for line in outcome.get("notes", []):
        print(f"  note: {line}")
