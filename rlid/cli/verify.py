"""`rlid verify`: re-derives a published result, and repeats trials of it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from rlid.cli.options import FAILED, ImportOption, JsonOption, Number
from rlid.cli.streams import print_json
from rlid.cli.terminal import say
from rlid.errors import EngineError, InputError

if TYPE_CHECKING:
    from rlid.leaderboard import published as publications

MOST_HOURS = 10_000
MOST_LINES = 50
"""Problems of one file that are printed."""


def verify(
    result: Annotated[list[Path], typer.Argument(help="published files, as `rlid publish` writes")],
    rerun: Annotated[int, typer.Option(help="repeat so many trials, chosen at random")] = 0,
    seed: Annotated[
        Number, typer.Option(help="of the choice of trials; default: a new one, which is printed")
    ] = None,
    jobs: Annotated[Number, typer.Option(help="processes; default: the cores")] = None,
    max_hours: Annotated[
        Optional[float],  # noqa: UP007, UP045 (typer reads it)
        typer.Option(help="the most hours that the repeated trials of a file may take"),
    ] = None,
    imports: ImportOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check published results against their rows and against rlid, and repeat trials of them."""
    if rerun < 0 or (seed is not None and seed < 0):
        raise InputError("--rerun and --seed: must be at least 0")
    if jobs is not None and jobs < 1:
        raise InputError(f"--jobs {jobs}: must be at least 1")
    if max_hours is not None and not 0 < max_hours < MOST_HOURS:
        raise InputError(f"--max-hours {max_hours:g}: must be above 0 and below {MOST_HOURS}")
    from rlid.operating_system import cores
    from rlid.registry import import_packages

    import_packages(imports or [])
    drawn = secrets.randbelow(2**32) if seed is None else seed
    repeating = Repeating(rerun, drawn, jobs or cores(), tuple(imports or ()), max_hours)
    outcomes, refused = [], []
    for source in result:
        try:
            outcomes.append(_verify(source, repeating))
        except InputError as error:
            # The other files are verified all the same.
            refused.append(f"{source}: {error}")
    _mark_second_files(outcomes)
    if as_json:
        print_json(outcomes)
    else:
        for outcome in outcomes:
            _print(outcome)
    if refused:
        raise InputError("; ".join(refused))
    if not all(outcome["ok"] for outcome in outcomes):
        raise typer.Exit(FAILED)


@dataclass(frozen=True)
class Repeating:
    """How trials are repeated: `n` of each file, drawn by `seed`; none where `n` is 0."""

    n: int
    seed: int
    jobs: int
    imports: tuple[str, ...]
    max_hours: float | None


def _verify(source: Path, repeating: Repeating) -> dict[str, Any]:
    """Return what a check of one file came to, with trials of it repeated, ready for JSON.

    Raises:
        InputError: there is no such file, or its task is unknown here.
    """
    from rlid.errors import DamagedRecord
    from rlid.leaderboard import origin
    from rlid.leaderboard import verify as verification

    if not source.is_file():
        raise InputError("there is no such file")
    try:
        published, verdict = verification.verify(source)
    except DamagedRecord as error:
        return {"file": str(source), "ok": False, "verdict": "damaged", "problems": [str(error)]}
    outcome: dict[str, Any] = {
        "file": str(source),
        "ok": verdict.is_consistent,
        "verdict": "consistent" if verdict.is_consistent else "inconsistent",
        "title": published.title,
        "origin": origin.sentence(published),
        "name": f"{published.question.task}/{published.name}",
        "checked": list(verdict.checked),
        "problems": list(verdict.problems),
        "notes": list(verdict.notes),
    }
    if repeating.n and verdict.is_consistent:
        try:
            _repeat(published, source, repeating, outcome)
        except EngineError as error:
            # Nothing is wrong with the file, and the other files are verified all the same.
            outcome |= {
                "ok": False,
                "verdict": f"consistent, and trials were not repeated: {error}",
            }
    return outcome


def _repeat(
    published: publications.Published, source: Path, repeating: Repeating, outcome: dict[str, Any]
) -> None:
    """Repeat trials of a consistent file; write into its outcome how that went.

    Raises:
        InputError: its task is unknown here.
    """
    from rlid.leaderboard import comparable, rerun, rerun_random, sample

    drawn = sample.draw(published, repeating.n, repeating.seed)
    repeated = rerun.repeat_sample(
        published,
        source,
        drawn,
        repeating.seed,
        repeating.jobs,
        repeating.imports,
        repeating.max_hours,
    )
    differing = [again for again in repeated if again.differences]
    unlike = list(differing)
    sentence = f"reproduced {len(repeated) - len(differing)} of {len(repeated)} trials"
    why = comparable.not_comparable(published) if differing else ""
    if why:
        unlike = [again for again in differing if not again.is_like]
        sentence += f", {len(differing) - len(unlike)} not comparable on this processor"
        outcome["notes"].append(
            f"not comparable on this processor: {why}; scores were held against those of the "
            "file's similar trials"
        )
    shares = ", ".join(
        f"{share:.0%} of the trials with probability {chance:.2f}"
        for share, chance in sample.chances(published, repeating.n).items()
    )
    outcome["notes"].append(
        f"drawn with --seed {repeating.seed}; such a draw meets a forgery of {shares}, whichever "
        "trials are invented"
    )
    outcome["problems"] += [f"{again.name}: {'; '.join(again.differences)}" for again in unlike]
    of_random = []
    if rerun_random.is_cheap(published):
        of_random = rerun_random.problems(published, repeating.imports, repeating.max_hours)
        outcome["problems"] += of_random
    is_ok = not unlike and not of_random
    outcome |= {"ok": is_ok, "verdict": sentence, "seed": repeating.seed}


def _mark_second_files(outcomes: list[dict[str, Any]]) -> None:
    """Mark files that hold the measurement of another file that was given."""
    first: dict[str, str] = {}
    for outcome in outcomes:
        name = outcome.get("name")
        if name is None:
            continue
        other = first.setdefault(name, outcome["file"])
        if other != outcome["file"]:
            outcome["problems"].append(f"the same measurement as {other}: one of them is too many")
            outcome |= {"ok": False, "verdict": "inconsistent"}


def _print(outcome: dict[str, Any]) -> None:
    say(f"{outcome['file']}: {outcome['verdict']}")
    if outcome.get("checked"):
        say(f"  checked: {', '.join(outcome['checked'])}")
    if outcome.get("origin"):
        say(f"  published, as the file says: {outcome['origin']}")
    problems = outcome["problems"]
    for line in problems[:MOST_LINES]:
        say(f"  wrong: {line}")
    if len(problems) > MOST_LINES:
        say(f"  wrong: {len(problems) - MOST_LINES} more; --json names them all")
    for line in outcome.get("notes", []):
        say(f"  note: {line}")
